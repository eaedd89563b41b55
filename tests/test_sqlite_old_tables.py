"""SQLite files of older bots, upgraded in place: real files, made by the old schema."""

# ruff: noqa: S608 (queries of names that stand in this file)

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import aiosqlite
import pytest

from botmon_cog.domain.reports import MusicTotals
from botmon_cog.errors import StorageError
from botmon_cog.storage import migrator
from botmon_cog.storage.base import HistoryFilter
from botmon_cog.storage.migrator import load_migrations, statements
from botmon_cog.storage.sqlite import SqliteStorage
from tests.engines import all_differences
from tests.storage_helpers import (
    EVER,
    FOREIGN_KEY,
    GUILDS,
    NOON,
    OLD_AUDIT_LOGS,
    OLD_BOT_STATS,
    dump,
    invocation,
    make,
    music,
    period,
    rows,
)

AUDIT_ROWS = """
INSERT INTO audit_logs (id, guild_id, user_id, action, details, timestamp) VALUES
    (3, '1', '10', 'play', 'first', '2026-01-05 11:59:59'),
    (4, '1', '11', 'play', NULL, '2026-01-05 12:00:00'),
    (5, '1', '10', 'skip', NULL, '2026-01-05 12:30:00'),
    (9, '2', '10', 'play', NULL, '2026-01-06 00:00:00'),
    (10, NULL, '12', 'help', NULL, '2026-01-06 00:00:01'),
    (11, '1', '10', NULL, 'no action', '2026-01-06 00:00:02'),
    (12, '1', '10', 'play', 'no date', 'yesterday')
"""
STATS_ROWS = """
INSERT INTO bot_stats (id, guild_id, date, total_songs_played, total_playtime, total_skips) VALUES
    (2, '1', '2026-01-05', 7, 1400, 2), (7, '3', '2026-01-01', 1, NULL, 0)
"""
OLD_COLUMNS = "id, guild_id, user_id, action, details, timestamp"
OLD_STATS_COLUMNS = "id, guild_id, date, total_songs_played, total_playtime, total_skips"
DAY = period(datetime(2026, 1, 5, tzinfo=UTC), 24)

LATER_AUDIT_COLUMNS = {
    "username": "TEXT",
    "guild_name": "TEXT",
    "parameters": "TEXT",
    "duration": "REAL",
    "success": "INTEGER",
    "error_message": "TEXT",
}
LATER_STATS_COLUMNS = ("total_pauses", "unique_users", "commands_executed")


def old_ddl(foreign_key: str = "") -> tuple[str, ...]:
    return (
        *([GUILDS] if foreign_key else []),
        OLD_AUDIT_LOGS.format(more=foreign_key),
        OLD_BOT_STATS.format(columns="", constraints=foreign_key),
    )


def old_database(path: Path, foreign_key: str = "") -> Path:
    return make(path, *old_ddl(foreign_key), AUDIT_ROWS, STATS_ROWS)


@asynccontextmanager
async def opened(source: str | Path | aiosqlite.Connection) -> AsyncIterator[SqliteStorage]:
    storage = SqliteStorage(str(source) if isinstance(source, Path) else source, instance="test")
    try:
        await storage.open()
        yield storage
    finally:
        await storage.close()


async def upgrade(path: Path) -> None:
    async with opened(path):
        pass


async def check_upgraded(storage: SqliteStorage) -> None:
    """What the rows above amount to."""
    of_one = {c.command: c for c in await storage.command_counts("1", EVER)}
    assert {name: c.n for name, c in of_one.items()} == {"play": 2, "skip": 1}
    assert all(c.known == 0 for c in of_one.values())
    assert {c.command: c.n for c in await storage.command_counts(None, EVER)} == {"play": 3, "skip": 1, "help": 1}
    assert await storage.unique_users("1", EVER) == 2
    assert await storage.unique_users(None, EVER) == 3
    assert await storage.unique_users("1", period(datetime(2026, 1, 5, 11, tzinfo=UTC), 1)) == 1
    assert await storage.music_totals("1", DAY) == MusicTotals(songs_played=7, playtime_s=1400, skips=2)
    assert await storage.latencies(None, EVER) == {}
    assert await storage.first_seen("1") == datetime(2026, 1, 5, 11, tzinfo=UTC)
    entries = await storage.history(HistoryFilter(guild_id="1"))
    assert {entry.id for entry in entries} == {3, 4, 5, 11, 12}
    assert {entry.id: entry.timestamp for entry in entries}[12] is None
    assert all(entry.success is None and entry.outcome is None for entry in entries)


@pytest.mark.parametrize("foreign_key", ["", FOREIGN_KEY], ids=["plain", "foreign key to a guild that is not there"])
async def test_an_old_file_keeps_its_rows_and_they_are_counted(tmp_path, foreign_key):
    path = old_database(tmp_path / "old.db", foreign_key)
    audit, stats = rows(path, f"SELECT {OLD_COLUMNS} FROM audit_logs"), rows(path, "SELECT * FROM bot_stats")
    async with opened(path) as storage:
        await check_upgraded(storage)
    assert rows(path, f"SELECT {OLD_COLUMNS} FROM audit_logs") == audit
    kept = rows(path, f"SELECT {OLD_STATS_COLUMNS} FROM bot_stats ORDER BY id")
    assert kept[:2] == stats
    assert [row[1:3] for row in kept[2:]] == [("2", "2026-01-06")]
    counted = "SELECT guild_id, date, commands_executed, unique_users FROM bot_stats ORDER BY guild_id"
    assert rows(path, counted) == [("1", "2026-01-05", 3, 2), ("2", "2026-01-06", 1, 1), ("3", "2026-01-01", 0, 0)]


@pytest.mark.parametrize("foreign_key", ["", FOREIGN_KEY], ids=["plain", "foreign key to a guild that is not there"])
@pytest.mark.parametrize("where", ["file", ":memory:"])
async def test_a_hosts_connection_that_enforces_foreign_keys_is_upgraded_and_goes_on_enforcing_them(
    tmp_path, where, foreign_key
):
    path = old_database(tmp_path / "old.db", foreign_key) if where == "file" else ":memory:"
    async with aiosqlite.connect(path) as host:
        if path == ":memory:":
            for statement in (*old_ddl(foreign_key), AUDIT_ROWS, STATS_ROWS):
                await host.execute(statement)
            await host.commit()
        await host.execute("PRAGMA foreign_keys = ON")
        async with opened(host) as storage:
            await check_upgraded(storage)
            await storage.write([invocation(), music(duration_s=100.0)])
            assert (await storage.music_totals("1", DAY)).playtime_s == 1500
            assert sum(c.n for c in await storage.command_counts("1", EVER)) == 4
        async with host.execute("PRAGMA foreign_keys") as cursor:
            assert await cursor.fetchone() == (1,)
        if foreign_key:
            with pytest.raises(sqlite3.IntegrityError):
                await host.execute("INSERT INTO audit_logs (guild_id) VALUES ('404')")


async def test_only_one_of_the_two_tables_may_be_there(tmp_path):
    path = make(tmp_path / "old.db", OLD_AUDIT_LOGS.format(more=""), AUDIT_ROWS)
    async with opened(path) as storage:
        assert sum(c.n for c in await storage.command_counts("1", EVER)) == 3
        assert await storage.music_totals("1", EVER) == MusicTotals()


async def test_tables_of_the_host_itself_are_left_alone(tmp_path):
    path = make(tmp_path / "bot.db", "CREATE TABLE playlists (name TEXT)", "INSERT INTO playlists VALUES ('best')")
    await upgrade(path)
    assert rows(path, "SELECT * FROM playlists") == [("best",)]


@pytest.mark.parametrize("there", [c for n in (1, 3, 6) for c in combinations(LATER_AUDIT_COLUMNS, n)], ids="+".join)
async def test_a_partly_upgraded_audit_log_keeps_its_values(tmp_path, there):
    values = {
        "username": "'ann'",
        "guild_name": "'Home'",
        "parameters": "'{\"a\": 1}'",
        "duration": "2.5",
        "success": "0",
        "error_message": "'boom'",
    }
    columns = "".join(f",\n    {name} {LATER_AUDIT_COLUMNS[name]}" for name in there)
    path = make(
        tmp_path / "part.db",
        OLD_AUDIT_LOGS.format(more=columns),
        f"INSERT INTO audit_logs (id, guild_id, user_id, action, timestamp, {', '.join(there)}) "
        f"VALUES (5, '1', '10', 'play', '2026-01-05 12:00:00', {', '.join(values[name] for name in there)})",
    )
    async with opened(path) as storage:
        (entry,) = await storage.history(HistoryFilter())
        (counts,) = await storage.command_counts("1", EVER)
        latencies = await storage.latencies("1", EVER)
        guild_name = await storage.guild_name("1")
    assert (entry.id, entry.command) == (5, "play")
    assert entry.username == ("ann" if "username" in there else None)
    assert entry.guild_name == guild_name == ("Home" if "guild_name" in there else None)
    assert entry.parameters == ('{"a": 1}' if "parameters" in there else None)
    assert entry.duration_s == (2.5 if "duration" in there else None)
    assert entry.success is (False if "success" in there else None)
    assert entry.outcome == ("error" if "success" in there else None)
    assert entry.error_message == ("boom" if "error_message" in there else None)
    assert (counts.n, counts.error) == (1, int("success" in there))
    assert {key: h.n for key, h in latencies.items()} == ({("play", "duration"): 1} if "duration" in there else {})


async def test_a_known_success_becomes_a_known_outcome(tmp_path):
    path = make(
        tmp_path / "part.db",
        OLD_AUDIT_LOGS.format(more=", success INTEGER"),
        "INSERT INTO audit_logs (action, success) VALUES ('play', 1), ('play', 0), ('play', NULL)",
        "INSERT INTO audit_logs (action, success, timestamp) VALUES ('play', 1, 'yesterday')",
    )
    async with opened(path) as storage:
        assert [counts[1:] for counts in await storage.outcomes_by_minute(NOON)] == [(2, 1)]
        (counts,) = await storage.command_counts(None, EVER)
    assert (counts.n, counts.ok, counts.error, counts.known) == (3, 1, 1, 2)


@pytest.mark.parametrize(
    ("kept_commands", "kept_users", "commands", "users"),
    [
        (0, 0, 3, 2),
        (None, None, 3, 2),
        (3, 2, 3, 2),
        (2, 1, 3, 2),
        (50, 20, 50, 20),
        (50, 1, 50, 2),
    ],
)
async def test_counts_that_were_kept_by_hand_are_not_doubled_and_none_is_lost(
    tmp_path, kept_commands, kept_users, commands, users
):
    path = make(
        tmp_path / "part.db",
        OLD_AUDIT_LOGS.format(more=""),
        AUDIT_ROWS,
        OLD_BOT_STATS.format(
            columns="".join(f",\n    {name} INTEGER DEFAULT 0" for name in LATER_STATS_COLUMNS), constraints=""
        ),
    )
    insert = (
        "INSERT INTO bot_stats (guild_id, date, total_pauses, commands_executed, unique_users) VALUES (?, ?, 4, ?, ?)"
    )
    with sqlite3.connect(path) as db:
        db.execute(insert, ("1", "2026-01-05", kept_commands, kept_users))
        db.execute(insert, ("1", "2025-12-31", 8, 6))
    db.close()
    async with opened(path) as storage:
        await storage.write([invocation(user_id="10"), invocation(user_id="99")])
        assert (await storage.music_totals("1", DAY)).pauses == 4
    found = rows(path, "SELECT date, commands_executed, unique_users FROM bot_stats WHERE guild_id = '1' ORDER BY date")
    assert found == [("2025-12-31", 8, 6), ("2026-01-05", commands + 2, users + 1)]


@pytest.mark.parametrize("there", [LATER_STATS_COLUMNS[:n] for n in range(4)], ids=len)
async def test_statistics_with_some_of_the_later_columns_gain_the_others(tmp_path, there):
    columns = "".join(f", {name} INTEGER DEFAULT 0" for name in there)
    path = make(tmp_path / "part.db", OLD_BOT_STATS.format(columns=columns, constraints=""), STATS_ROWS)
    async with opened(path) as storage:
        await storage.write([invocation(), music(type="pause")])
        assert (await storage.music_totals("1", DAY)).pauses == 1
    new = rows(path, "SELECT commands_executed, unique_users FROM bot_stats WHERE date = '2026-01-05'")
    assert new == [(1, 1)]


async def found(storage: SqliteStorage, **wanted) -> list[str | None]:
    return [entry.command for entry in await storage.history(HistoryFilter(**wanted))]


async def test_old_rows_of_whole_seconds_and_new_ones_of_milliseconds_have_one_order(tmp_path):
    path = make(
        tmp_path / "old.db",
        OLD_AUDIT_LOGS.format(more=""),
        "INSERT INTO audit_logs (action, timestamp) VALUES ('old 0', '2026-01-05 12:00:00'), "
        "('old 1', '2026-01-05 12:00:01')",
    )
    async with opened(path) as storage:
        await storage.write(
            [
                invocation(command="new 0.0", started_at=NOON),
                invocation(command="new 0.5", started_at=NOON + timedelta(seconds=0.5)),
                invocation(command="new 1.5", started_at=NOON + timedelta(seconds=1.5)),
            ]
        )
        assert await found(storage) == ["new 1.5", "old 1", "new 0.5", "new 0.0", "old 0"]
        assert await found(storage, since=NOON) == ["new 1.5", "old 1", "new 0.5", "new 0.0", "old 0"]
        assert await found(storage, until=NOON) == []
        assert await found(storage, until=NOON + timedelta(seconds=1)) == ["new 0.5", "new 0.0", "old 0"]
        assert await found(storage, since=NOON + timedelta(seconds=0.5)) == ["new 1.5", "old 1", "new 0.5"]


@pytest.mark.parametrize(
    ("written", "kept", "hour"),
    [
        ("2026-01-05T12:30:00", "2026-01-05 12:30:00.000", 12),
        ("2026-01-05T12:30:00.123456", "2026-01-05 12:30:00.123", 12),
        ("2026-01-05T12:30:00Z", "2026-01-05 12:30:00.000", 12),
        ("2026-01-05T12:30:00+00:00", "2026-01-05 12:30:00.000", 12),
        ("2026-01-05T23:30:00-05:30", "2026-01-06 05:00:00.000", 29),
        ("2026-01-05 12:30:00.123456+00:00", "2026-01-05 12:30:00.123", 12),
        ("2026-01-05 12:30:00+02:00", "2026-01-05 10:30:00.000", 10),
        ("2026-01-05 12:30:00Z", "2026-01-05 12:30:00.000", 12),
        ("2026-01-05 12:30:00", "2026-01-05 12:30:00", 12),
        ("2026-01-05 12:30:00.5", "2026-01-05 12:30:00.5", 12),
        ("2026-01-05 12:30", "2026-01-05 12:30:00.000", 12),
        ("2026-01-05", "2026-01-05 00:00:00.000", 0),
        ("soon", "soon", None),
        ("2026-01-05Tea", "2026-01-05Tea", None),
        ("", "", None),
    ],
)
async def test_moments_get_the_form_of_all_others(tmp_path, written, kept, hour):
    insert = f"INSERT INTO audit_logs (guild_id, user_id, action, timestamp) VALUES ('1', '10', 'play', '{written}')"
    path = make(tmp_path / "old.db", OLD_AUDIT_LOGS.format(more=""), insert)
    async with opened(path) as storage:
        hours = await storage.hour_counts("1", EVER)
        assert await all_differences(storage) == []
        (entry,) = await storage.history(HistoryFilter())
    assert rows(path, "SELECT timestamp FROM audit_logs") == [(kept,)]
    midnight = NOON.replace(hour=0)
    assert [h.start for h in hours] == ([] if hour is None else [midnight + timedelta(hours=hour)])
    if hour is not None:
        assert entry.timestamp is not None
        assert entry.timestamp.replace(minute=0, second=0, microsecond=0) == midnight + timedelta(hours=hour)


async def test_statistics_of_dates_that_are_none_are_kept_and_counted_nowhere(tmp_path):
    dates = ["2026-01-05", "2026-02-30", "2026-1-5", "2026-01-05 00:00:00", "yesterday", "now", "", "20260105"]
    path = make(tmp_path / "old.db", *old_ddl(), AUDIT_ROWS)
    with sqlite3.connect(path) as db:
        insert = "INSERT INTO bot_stats (guild_id, date, total_songs_played) VALUES ('1', ?, 1)"
        db.executemany(insert, [(date,) for date in dates])
        db.execute("INSERT INTO bot_stats (guild_id, date, total_songs_played) VALUES (NULL, '2026-01-05', 5)")
    db.close()
    before = rows(path, "SELECT id, guild_id, date, total_songs_played FROM bot_stats ORDER BY id")
    async with opened(path) as storage:
        assert (await storage.music_totals("1", EVER)).songs_played == 1
        assert (await storage.music_totals(None, EVER)).songs_played == 6
        assert await all_differences(storage) == []
    after = rows(path, "SELECT id, guild_id, date, total_songs_played FROM bot_stats ORDER BY id")
    assert after[: len(before)] == before


@pytest.mark.parametrize(("version", "n"), [(2, 1), (2, 25), (3, 0), (3, 2), (3, 12)])
async def test_an_upgrade_that_fails_leaves_the_file_as_it_was_and_the_next_one_succeeds(
    tmp_path, monkeypatch, version, n
):
    path = old_database(tmp_path / "old.db")
    before = dump(path)
    migrations = load_migrations("sqlite")
    script = list(statements(migrations[version - 1].sql))
    script.insert(n, "INSERT INTO no_such_table VALUES (1);\n")
    migrations[version - 1] = migrations[version - 1]._replace(sql="\n".join(script))
    with monkeypatch.context() as patch:
        patch.setattr(migrator, "load_migrations", lambda _: migrations)
        with pytest.raises(StorageError, match="no_such_table"):
            await upgrade(path)
    assert dump(path) == before
    async with opened(path) as storage:
        await check_upgraded(storage)
