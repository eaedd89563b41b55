"""What a host counted itself in bot_stats is in the reports, and never what we added."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from botmon_cog.host import stats_reader
from botmon_cog.host.file import HostFile
from botmon_cog.host.stats_reader import _count, _day
from botmon_cog.testing import ManualClock
from tests.host_helpers import BEFORE, PLAIN, HostDb, host_days, kept
from tests.storage_helpers import NOON, counted_command, music

TODAY = 20458


@pytest.fixture
def host(tmp_path) -> HostDb:
    return HostDb(tmp_path / "host.db", PLAIN)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


def add(host: HostDb, guild: str, day: str, **counts: int) -> None:
    columns = ", ".join(counts)
    values = ", ".join(map(str, counts.values()))
    changes = ", ".join(f"{name} = COALESCE({name}, 0) + {n}" for name, n in counts.items())
    host.run(
        f"INSERT INTO bot_stats (guild_id, date, {columns}) VALUES ('{guild}', '{day}', {values}) "  # noqa: S608
        f"ON CONFLICT (guild_id, date) DO UPDATE SET {changes}"
    )


@pytest.mark.parametrize("mirrors", [True, False])
@pytest.mark.parametrize("tables", [BEFORE, PLAIN])
async def test_old_days_are_read_whatever_columns_there_are(storage, tmp_path, clock, tables, mirrors):
    host = HostDb(tmp_path / "host.db", tables)
    if tables is BEFORE:
        host.run("INSERT INTO servers (guild_id, guild_name) VALUES ('my guild', 'Mine')")
    add(host, "1", "2024-02-29", songs_played=3, total_playtime=600, total_skips=1)
    add(host, "my guild", "2026-01-05", songs_played=2)
    if tables is PLAIN:
        add(host, "1", "2024-02-29", total_pauses=4, unique_users=5, commands_executed=6)
    async with kept(storage, host.path, clock, mirrors=mirrors) as keeper:
        await keeper.sync()
        assert keeper.problems == ()
    ((label,),) = await storage.rows("SELECT id FROM @labels WHERE text = 'my guild'")
    rest = (4, 5, 6) if tables is PLAIN else (0, 0, 0)
    assert await host_days(storage) == [(19782, 1, 3, 600, 1, *rest), (TODAY, -label, 2, 0, 0, 0, 0, 0)]


async def test_the_days_are_in_the_reports(storage, host, clock):
    add(host, "1", "2026-01-04", songs_played=3, total_playtime=600, total_skips=1, unique_users=2, commands_executed=7)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([music(duration_s=60.0), counted_command()])
        await keeper.sync()
    await storage.rollups.catch_up()
    days = await storage.daily.days("1", (NOON - timedelta(days=5)).date(), NOON.date())
    assert [(str(day.day), day.songs, day.playtime_s, day.skips, day.users, day.commands) for day in days] == [
        ("2026-01-04", 3, 600, 1, 2, 7),
        ("2026-01-05", 1, 60, 0, 1, 1),
    ]


async def test_many_days_are_read_in_chunks(storage, host, clock):
    with host.connect() as db:
        db.execute("BEGIN")
        for guild in range(700):
            for day in (1, 2, 3):
                values = (str(guild), f"2025-06-0{day}", guild)
                db.execute("INSERT INTO bot_stats (guild_id, date, songs_played) VALUES (?, ?, ?)", values)
        db.execute("COMMIT")
    db.close()
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
    found = await host_days(storage)
    assert len(found) == 3 * 699
    assert sum(day[2] for day in found) == 3 * sum(range(700))


async def test_changes_of_recent_days_are_seen_at_once_and_those_of_old_days_within_an_hour(storage, host, clock):
    add(host, "1", "2025-06-01", songs_played=1)
    add(host, "1", "2026-01-03", songs_played=1)
    add(host, "1", "2026-01-05", songs_played=1)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        for day in ("2025-06-01", "2026-01-03", "2026-01-05"):
            add(host, "1", day, songs_played=1)
        await keeper.sync()
        assert [day[2] for day in await host_days(storage)] == [1, 2, 2]
        await clock.advance(3_601)
        await keeper.sync()
        assert [day[2] for day in await host_days(storage)] == [2, 2, 2]


async def test_a_row_that_the_host_made_anew_is_all_its_own(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([music(duration_s=50.0)])
        await keeper.sync()
        host.run("DELETE FROM bot_stats")
        await keeper.sync()
        add(host, "1", "2026-01-05", songs_played=3)
        await keeper.sync()
        assert await host_days(storage) == [(TODAY, 1, 3, 0, 0, 0, 0, 0)]
        await storage.append([music(duration_s=7.0)])
        await keeper.sync()
    assert host.stats() == (4, 7, 0, 0, 0, 0)
    assert await host_days(storage) == [(TODAY, 1, 3, 0, 0, 0, 0, 0)]


async def test_a_row_made_anew_just_before_we_add_has_only_that_of_ours(storage, host, clock, monkeypatch):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([music(duration_s=50.0)])
        await keeper.sync()
        write = HostFile.write

        async def late(file: HostFile, work: Any) -> Any:
            if host.stats() == (1, 50, 0, 0, 0, 0):
                host.run("DELETE FROM bot_stats")
                add(host, "1", "2026-01-05", songs_played=3)
            return await write(file, work)

        monkeypatch.setattr(HostFile, "write", late)
        await storage.append([music(duration_s=7.0)])
        await keeper.sync()
        await keeper.sync()
    assert host.stats() == (4, 7, 0, 0, 0, 0)
    assert await host_days(storage) == [(TODAY, 1, 3, 0, 0, 0, 0, 0)]


async def test_a_count_that_the_host_set_back_is_never_below_zero(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([music(duration_s=50.0), music(duration_s=50.0)])
        await keeper.sync()
        host.run("UPDATE bot_stats SET songs_played = 1, total_playtime = -5")
        await keeper.sync()
        assert await host_days(storage) == []
        add(host, "1", "2026-01-05", songs_played=4, total_playtime=65)
        await keeper.sync()
    assert await host_days(storage) == [(TODAY, 1, 4, 60, 0, 0, 0, 0)]


async def test_days_that_the_host_removed_stay_in_the_reports(storage, host, clock):
    add(host, "1", "2025-06-01", songs_played=1)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        host.run("DELETE FROM bot_stats")
        await clock.advance(3_601)
        await keeper.sync()
    assert [day[2] for day in await host_days(storage)] == [1]


async def test_what_was_added_to_days_that_are_gone_is_forgotten(storage, host, clock):
    old = NOON - timedelta(days=40)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([music(occurred_at=old), music()])
        await keeper.sync()
        assert len(await storage.rows("SELECT day FROM @host_ledger")) == 2
        host.run("DELETE FROM bot_stats WHERE date < '2026-01-01'")
        await clock.advance(3_601)
        await keeper.sync()
        assert await storage.rows("SELECT day FROM @host_ledger") == [(TODAY,)]


async def test_days_that_cannot_be_understood_are_skipped_counted_and_said_once(storage, host, clock, caplog):
    for guild, day in (("'1'", "'yesterday'"), ("'1'", "NULL"), ("x'00'", "'2026-01-05'"), ("'None'", "'2026-01-05'")):
        host.run(f"INSERT INTO bot_stats (guild_id, date, songs_played) VALUES ({guild}, {day}, 1)")  # noqa: S608
    add(host, "1", "2026-01-05", songs_played=1)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await keeper.sync()
        assert keeper.problems == (f"{host.path}: 4 rows of bot_stats can't be understood and were skipped",)
    assert await host_days(storage) == [(TODAY, 1, 1, 0, 0, 0, 0, 0)]
    assert len([record for record in caplog.records if "understood" in record.getMessage()]) == 1


async def test_more_days_than_are_remembered_are_read_all_the_same(storage, host, clock, monkeypatch):
    monkeypatch.setattr(stats_reader, "_MOST_RECENT", 3)
    async with kept(storage, host.path, clock) as keeper:
        for songs in range(1, 4):
            for guild in range(1, 8):
                add(host, str(guild), "2026-01-05", songs_played=1)
            await keeper.sync()
            assert {day[2] for day in await host_days(storage)} == {songs}


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-01-05", TODAY),
        ("2026-01-05 10:00:00", TODAY),
        ("1970-01-01", 0),
        ("1969-12-31", None),
        ("2026-1-5", None),
        ("", None),
        (20260105, None),
        (None, None),
        (b"2026-01-05", None),
    ],
)
def test_days_are_understood_as_dates(value, day):
    assert _day(value) == day


@pytest.mark.parametrize(
    ("value", "count"),
    [(3, 3), (3.9, 3), (-1, 0), (None, 0), ("3", 0), (b"3", 0), (float("inf"), 10**12), (2**62, 10**12)],
)
def test_counts_are_whole_numbers_from_zero_on(value, count):
    assert _count(value) == count
