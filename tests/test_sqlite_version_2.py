"""SQLite files of the schema before roll-ups added up: version 2, with all that it had counted."""

# ruff: noqa: S608 (queries of names that stand in this file)

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from botmon_cog.domain.histogram import bucket_of
from botmon_cog.domain.reports import MusicTotals
from botmon_cog.storage.base import HistoryFilter
from botmon_cog.storage.migrator import load_migrations, statements
from tests.engines import all_differences
from tests.storage_helpers import EVER, RAW_TABLES, count_of, invocation, music, period, rows, storage_at

START = datetime(2026, 1, 5, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OUTCOMES = ["ok", "user_error", "denied", "error", "late", "unanswered", "cancelled"]
STATS = "guild_id, date, total_songs_played, total_playtime, total_skips, total_pauses, commands_executed, unique_users"
# What older bots had counted by hand: (guild, date) -> songs, playtime, skips, pauses, commands, users.
BEFORE = {
    ("1", "2026-01-05"): (7, 1400, 2, 1, 50, 9),
    ("1", "2025-12-31"): (3, 600, 0, 0, 5, 2),
    ("3", "2026-01-06"): (1, 10, 0, 0, 0, 0),
}


class Old:
    """Some days of a bot, as version 2 kept them."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.commands = [
            (
                f"c{n}",
                START + timedelta(milliseconds=random.randrange(3 * 86_400_000)),
                random.choice(["play", "skip all"]),
                random.choice(OUTCOMES),
                random.choice([None, random.uniform(0.001, 5.0)]),
                random.choice([None, "1", "2"]),
                random.choice([None, "10", "11", "12"]),
            )
            for n in range(300)
        ]
        self.songs = [
            (
                f"m{n}",
                START + timedelta(milliseconds=random.randrange(3 * 86_400_000)),
                kind := random.choice(["song_played", "skip", "pause"]),
                random.choice(["1", "2"]),
                random.choice([-3.0, 0.5, 1.5, 200.4, 90_000.0]) if kind == "song_played" else 0.0,
            )
            for n in range(60)
        ]

    def stats(self) -> dict[tuple[str, str], list[int]]:
        found = {key: list(counts) for key, counts in BEFORE.items()}
        users = set()
        for _, at, _, _, _, guild_id, user_id in self.commands:
            if guild_id is not None:
                key = (guild_id, f"{at:%Y-%m-%d}")
                day = found.setdefault(key, [0] * 6)
                day[4] += 1
                if user_id is not None and (key, user_id) not in users:
                    users.add((key, user_id))
                    day[5] += 1
        for _, at, kind, guild_id, duration_s in self.songs:
            day = found.setdefault((guild_id, f"{at:%Y-%m-%d}"), [0] * 6)
            day[{"song_played": 0, "skip": 2, "pause": 3}[kind]] += 1
            day[1] += int(min(max(duration_s, 0.0), 86_400.0) + 0.5)
        return found

    def write(self, path: Path) -> Path:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("BEGIN")
            db.execute(
                "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                "applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"
            )
            for migration in load_migrations("sqlite")[:2]:
                for statement in statements(migration.sql):
                    if "ADD COLUMN IF NOT EXISTS" in statement:
                        statement = statement.replace("IF NOT EXISTS ", "")  # noqa: PLW2901
                    db.execute(statement)
                db.execute("INSERT INTO schema_migrations (version, name) VALUES (?, ?)", migration[:2])
            self._fill(db)
            db.execute("COMMIT")
        return path

    def _fill(self, db: sqlite3.Connection) -> None:
        hours: Counter[tuple] = Counter()
        users: dict[tuple, int] = {}
        by_hour: Counter[tuple] = Counter()
        by_day: Counter[tuple] = Counter()
        for event_id, at, command, outcome, duration_s, guild_id, user_id in self.commands:
            db.execute(
                "INSERT INTO audit_logs (event_id, timestamp, action, kind, outcome, success, duration, guild_id, "
                "guild_name, user_id, shard_id, instance) VALUES (?, ?, ?, 'slash', ?, ?, ?, ?, ?, ?, 0, 'main')",
                (
                    event_id,
                    at.isoformat(" ", "milliseconds")[:-6],
                    command,
                    outcome,
                    outcome == "ok",
                    duration_s,
                    guild_id,
                    guild_id and f"Guild {guild_id}",
                    user_id,
                ),
            )
            hour, date = (at - EPOCH) // timedelta(hours=1), f"{at:%Y-%m-%d}"
            hours[hour, guild_id or "", command, outcome] += 1
            if user_id is not None:
                key = (date, guild_id or "", user_id)
                users[key] = users.get(key, 0) | 1 << at.hour
            if duration_s is not None:
                by_hour[hour, command, "duration", bucket_of(duration_s)] += 1
                by_day[date, guild_id or "", command, "duration", bucket_of(duration_s)] += 1
        for hour, guild_id, command in {key[:3] for key in hours}:
            counts = [hours[hour, guild_id, command, outcome] for outcome in OUTCOMES]
            values = (hour, guild_id, command, sum(counts), *counts)
            db.execute(f"INSERT INTO command_hourly VALUES ({', '.join('?' * 11)})", values)
        db.executemany("INSERT INTO active_users VALUES (?, ?, ?, ?)", [(*k, v) for k, v in users.items()])
        db.executemany("INSERT INTO latency_hourly VALUES (?, ?, ?, ?, ?)", [(*k, v) for k, v in by_hour.items()])
        db.executemany("INSERT INTO latency_daily VALUES (?, ?, ?, ?, ?, ?)", [(*k, v) for k, v in by_day.items()])
        for event_id, at, kind, guild_id, duration_s in self.songs:
            db.execute(
                "INSERT INTO music_events (event_id, type, timestamp, guild_id, duration_s, shard_id, instance) "
                "VALUES (?, ?, ?, ?, ?, 0, 'main')",
                (event_id, kind, at.isoformat(" ", "milliseconds")[:-6], guild_id, duration_s),
            )
        db.execute(
            "INSERT INTO custom_metrics (event_id, name, timestamp, value, unit, success, guild_id, shard_id, "
            "instance) VALUES ('v', 'voice_connect', '2026-01-05 12:00:00.000', 1.5, 's', 0, '1', 0, 'main')"
        )
        db.execute(
            "INSERT INTO health_checks (event_id, timestamp, status, instance) "
            "VALUES ('h', '2026-01-05 12:00:00.000', 'degraded', 'test')"
        )
        db.execute("INSERT INTO alerts VALUES ('test', 'health', 'warning', '2026-01-05 12:00:00.000', 'why')")
        for (guild_id, date), counts in self.stats().items():
            db.execute(f"INSERT INTO bot_stats ({STATS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (guild_id, date, *counts))


def kept(path: Path) -> dict[str, list[tuple]]:
    return {name: rows(path, f"SELECT * FROM {name} ORDER BY 1") for name in (*RAW_TABLES, "bot_stats")}


@pytest.mark.parametrize("seed", range(3))
async def test_rows_stay_roll_ups_are_what_counting_gives_and_statistics_keep_their_values(tmp_path, seed):
    old = Old(seed)
    path = old.write(tmp_path / "old.db")
    before = kept(path)
    storage = storage_at(path)
    try:
        await storage.open()
        assert kept(path) == before
        assert await all_differences(storage) == []
        assert await count_of(storage) == 300
        assert await storage.unique_users(None, EVER) == 3
        assert (await storage.latencies(None, EVER))["voice_connect", "failed"].n == 1
        assert await storage.guild_name("2") == "Guild 2"
        assert (await storage.alerts(START)).alerts == ()
        assert await storage.last_trouble() == START + timedelta(hours=12)
        of_one = [counts for (guild_id, _), counts in old.stats().items() if guild_id == "1"]
        songs, playtime_s, skips, pauses = (sum(counts[n] for counts in of_one) for n in range(4))
        assert await storage.music_totals("1", EVER) == MusicTotals(
            songs_played=songs, playtime_s=playtime_s, skips=skips, pauses=pauses
        )
        await storage.write([invocation(event_id="c1"), invocation(user_id="99"), music(duration_s=9.6)])
        assert await all_differences(storage) == []
        assert len(await storage.history(HistoryFilter(limit=1_000))) == 301
    finally:
        await storage.close()
    legacy = {
        (guild_id, (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%d")): counts
        for day, guild_id, *counts in rows(path, "SELECT * FROM legacy_stats")
        if any(counts)
    }
    assert legacy == {key: list(counts) for key, counts in BEFORE.items()}
    expected = old.stats()
    today = expected["1", "2026-01-05"]
    for n, more in enumerate((1, 10, 0, 0, 1, 1)):
        today[n] += more
    assert {(g, d): list(counts) for g, d, *counts in rows(path, f"SELECT {STATS} FROM bot_stats")} == expected


async def test_an_upgraded_file_has_the_tables_of_a_new_one(tmp_path):
    old, new = Old(0).write(tmp_path / "old.db"), tmp_path / "new.db"
    for path in (old, new):
        storage = storage_at(path)
        await storage.open()
        await storage.close()
    tables = "SELECT type, name, sql FROM sqlite_master WHERE name NOT IN ('audit_logs', 'bot_stats')"
    tables += " AND name <> 'schema_migrations' ORDER BY name"
    assert rows(old, tables) == rows(new, tables)


async def test_music_of_before_lies_on_its_day(tmp_path):
    old = Old(1)
    old.songs.clear()
    storage = storage_at(old.write(tmp_path / "old.db"))
    try:
        for days, songs in ((-6, 0), (-5, 3), (0, 7), (1, 0)):
            day = period(START + timedelta(days=days), 24)
            assert (await storage.music_totals("1", day)).songs_played == songs
        assert (await storage.music_totals(None, EVER)).songs_played == 11
    finally:
        await storage.close()


async def test_an_empty_file_of_version_2_is_upgraded(tmp_path):
    old = Old(0)
    old.commands.clear()
    old.songs.clear()
    storage = storage_at(old.write(tmp_path / "old.db"))
    try:
        assert await storage.history(HistoryFilter()) == []
        assert await all_differences(storage) == []
    finally:
        await storage.close()
