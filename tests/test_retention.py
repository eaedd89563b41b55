"""What is too old goes, nothing else does, and nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from contextlib import closing, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from botmon_cog.config import RetentionConfig, StorageConfig
from botmon_cog.domain.models import HealthRecord, MetricSample
from botmon_cog.domain.periods import last_days, report_period
from botmon_cog.domain.rollup import day_of, start_of_day
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.janitor import Janitor, Pace
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.storage.postgres import PostgresStorage
from botmon_cog.storage.queue.writer import Writer
from botmon_cog.storage.script import Ask
from botmon_cog.storage.sqlite import SqliteStorage
from botmon_cog.storage.upkeep.maintained import SQLITE
from botmon_cog.storage.upkeep.rebuilding import RAW_SINCE, days_with_all_rows, differences, rebuild
from botmon_cog.storage.upkeep.retention import CLEANED, other_cuts, raise_raw_since, raw_cuts, raw_since, remove_some
from botmon_cog.testing import ManualClock
from tests.harness import cog_of, make_bot, make_config, running
from tests.storage_helpers import EVER, NOON, OLD_AUDIT_LOGS, OLD_BOT_STATS, invocation, make, music, rows

DAY = timedelta(days=1)
MS = timedelta(milliseconds=1)
MIDNIGHT = NOON.replace(hour=0)
FOR_EVER = RetentionConfig(raw_days=0, hourly_days=0, daily_days=0, health_days=0, disk_cap_mb=0)
ROLLUPS = ("command_hourly", "latency_hourly", "music_hourly", "active_users", "latency_daily", "bot_stats")
DATED = ("audit_logs", "music_events", "custom_metrics", "health_checks", *ROLLUPS)


class QuickClock(ManualClock):
    """Time passes while somebody sleeps, and at no other time."""

    async def sleep(self, delay_s: float) -> None:
        self._move_to(self._monotonic_s + delay_s)
        await asyncio.sleep(0)


@pytest.fixture(params=["sqlite", "postgres"])
async def storage(request, tmp_path):
    if request.param == "sqlite":
        made = SqliteStorage(str(tmp_path / "bot.db"), instance="test")
    else:
        made = PostgresStorage(request.getfixturevalue("postgres_url"), instance="test")
    yield made
    await made.close()


def janitor(storage: Any, now: datetime = NOON, **keep: int) -> Janitor:
    clock = QuickClock(now)
    return Janitor(storage, clock, RetentionConfig(**{"disk_cap_mb": 0} | keep), Failures(clock))


def metric(when: datetime) -> MetricSample:
    return MetricSample(event_id=f"metric {when}", name="load", occurred_at=when, value=0.5, unit="s", guild_id="1")


def check(when: datetime) -> HealthRecord:
    return HealthRecord(event_id=f"check {when}", occurred_at=when, status="healthy")


async def fill(storage: Any, *moments: datetime) -> None:
    for when in moments:
        command = invocation(started_at=when, duration_s=0.1, guild_name="G")
        await storage.write([command, music(occurred_at=when, duration_s=60), metric(when), check(when)])


async def counts(storage: Any, *names: str) -> dict[str, int]:
    return {name: (await storage.rows(f"SELECT COUNT(*) FROM {name}", {}))[0][0] for name in names or DATED}  # noqa: S608


async def raw_moments(storage: Any, table: str = "audit_logs") -> list[datetime]:
    found = await storage.rows(f"SELECT timestamp FROM {table} ORDER BY timestamp", {})  # noqa: S608
    return [storage.when(moment) for (moment,) in found]


async def all_differences(storage: Any) -> list[Any]:
    days = await storage.look(days_with_all_rows(storage.dialect))
    return [found for day in days for found in await storage.look(differences(day, storage.dialect))]


async def test_single_rows_go_by_whole_days(storage):
    end = MIDNIGHT - 90 * DAY
    await fill(storage, end - DAY, end - MS, end, end + MS, NOON)
    removed = await janitor(storage, hourly_days=0, health_days=0).clean()
    assert removed == {"audit_logs": 2, "music_events": 2, "custom_metrics": 2}
    for table in ("audit_logs", "music_events", "custom_metrics"):
        assert await raw_moments(storage, table) == [end, end + MS, NOON]
    assert (await counts(storage))["health_checks"] == 5


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("raw_days", {"audit_logs", "music_events", "custom_metrics"}),
        ("health_days", {"health_checks"}),
        ("hourly_days", {"command_hourly", "latency_hourly", "music_hourly", "active_users"}),
        ("daily_days", {"latency_daily", "bot_stats"}),
    ],
)
async def test_each_key_cuts_its_own_tables_and_nothing_else(storage, key, names):
    old, kept = MIDNIGHT - 10 * DAY - MS, MIDNIGHT - 10 * DAY
    await storage.transact(raise_raw_since(MIDNIGHT))  # so that roll-ups may go
    await fill(storage, old, kept)
    before = await counts(storage)
    keep = {"raw_days": 0, "hourly_days": 0, "daily_days": 0, "health_days": 0} | {key: 10}
    assert set(await janitor(storage, **keep).clean()) == names
    after = await counts(storage)
    assert {name for name in DATED if after[name] != before[name]} == names
    assert all(after[name] * 2 == before[name] for name in names)
    assert (await counts(storage, "command_seen", "guild_names")) == {"command_seen": 1, "guild_names": 1}


async def test_for_ever_is_for_ever(storage):
    await fill(storage, datetime.fromisoformat("1999-01-01T00:00:00+00:00"), NOON)
    before = await counts(storage)
    keeper = janitor(storage)
    keeper._config = FOR_EVER
    assert await keeper.clean() == {}
    assert await counts(storage) == before


async def test_reports_do_not_need_single_rows(storage):
    moments = [NOON - n * DAY for n in range(1, 40)]
    await fill(storage, *moments)
    system = MonitoringSystem(make_config(), storage=storage, clock=QuickClock(NOON))

    async def reports() -> list[Any]:
        found = [await system.statistics.report(guild, report_period("monthly", NOON)) for guild in ("1", None)]
        found += [await system.performance.report(guild, last_days(30, NOON)) for guild in ("1", None)]
        return [*found, await storage.guilds(5)]

    before = await reports()
    await janitor(storage, raw_days=5).clean()
    assert len(await raw_moments(storage)) == 5
    assert await reports() == before


async def test_the_mark_moves_with_the_rows_and_never_back(storage):
    await fill(storage, NOON - 100 * DAY, NOON - 10 * DAY, NOON)
    await janitor(storage, raw_days=90).clean()
    assert await storage.look(raw_since()) == MIDNIGHT - 90 * DAY
    await janitor(storage, raw_days=5).clean()
    assert await storage.look(raw_since()) == MIDNIGHT - 5 * DAY
    await janitor(storage, raw_days=90).clean()
    assert await storage.look(raw_since()) == MIDNIGHT - 5 * DAY
    assert await raw_moments(storage) == [NOON]


async def test_the_mark_is_moved_before_the_first_row_goes(storage):
    await fill(storage, NOON - 100 * DAY)
    seen: list[Any] = []
    transact = storage.transact

    async def watching(script):
        seen.append((await storage.look(raw_since()), len(await raw_moments(storage))))
        return await transact(script)

    storage.transact = watching
    await janitor(storage).clean()
    assert seen[:2] == [(None, 1), (MIDNIGHT - 90 * DAY, 1)]


@pytest.mark.parametrize("hourly_days", [400, 20, 5])
async def test_what_is_counted_can_be_counted_again(storage, hourly_days):
    """Whatever is configured, the roll-ups of a day outlive its single rows."""
    await fill(storage, *(NOON - n * DAY for n in range(30)))
    await janitor(storage, raw_days=10, hourly_days=hourly_days, daily_days=5).clean()
    assert await all_differences(storage) == []
    days = await storage.look(days_with_all_rows(storage.dialect))
    assert days == [day_of(NOON) - n for n in reversed(range(11))]
    before = await counts(storage)
    for day in days:
        await storage.transact(rebuild(day, storage.dialect))
    assert await counts(storage) == before
    assert before["active_users"] == min(30, max(hourly_days, 10) + 1)


async def test_without_a_limit_for_single_rows_roll_ups_stay_too(storage):
    await fill(storage, NOON - 500 * DAY, NOON)
    assert await janitor(storage, raw_days=0, hourly_days=10, health_days=0).clean() == {}


async def test_what_an_older_bot_left_is_as_old_as_it_says(tmp_path):
    path = make(
        tmp_path / "old.db",
        OLD_AUDIT_LOGS.format(more=""),
        "INSERT INTO audit_logs (action, timestamp) VALUES ('a', '2024-01-01 00:00:00'), ('b', '20/5/2024'), "
        "('c', NULL), ('d', 1700000000), ('e', '2024-01-02T00:00:00'), ('f', 'once'), ('g', '1/5/2024')",
        OLD_BOT_STATS.format(columns="", constraints=""),
        "INSERT INTO bot_stats (guild_id, date, total_skips) VALUES ('1', '2024-01-01', 3), ('1', '01.01.2024', 4), "
        "('1', NULL, 5), ('1', '2026-01-05', 6)",
    )
    storage = SqliteStorage(str(path), instance="test")
    removed = await janitor(storage, daily_days=30).clean()
    await storage.close()
    assert removed.pop("legacy_stats") == 1
    assert removed["audit_logs"] == 2
    assert rows(path, "SELECT action FROM audit_logs ORDER BY action") == [(c,) for c in "bcdfg"]
    assert rows(path, "SELECT total_skips FROM bot_stats ORDER BY 1") == [(4,), (5,), (6,)]


async def test_days_of_many_servers_go_by_and_by(storage):
    await storage.write([invocation(started_at=NOON - n * DAY, guild_id=str(g)) for n in range(12) for g in range(40)])
    removed = await janitor(storage, raw_days=3, hourly_days=4, daily_days=5).clean()
    assert {name: removed[name] for name in ("audit_logs", "command_hourly", "active_users", "bot_stats")} == {
        "audit_logs": 8 * 40,
        "command_hourly": 7 * 40,
        "active_users": 7 * 40,
        "bot_stats": 6 * 40,
    }
    assert (await counts(storage, "bot_stats"))["bot_stats"] == 6 * 40
    assert await all_differences(storage) == []


async def test_a_preview_says_what_would_go_and_changes_nothing(storage):
    await fill(storage, *(NOON - n * DAY for n in (0, 5, 50, 500)))
    keeper = janitor(storage, raw_days=90)
    before = await counts(storage)
    told = {cut.table.name: n for cut, n in await keeper.preview() if n}
    assert await counts(storage) == before
    assert await storage.look(raw_since()) is None
    assert told == await keeper.clean()
    assert {cut.table.name: n for cut, n in await keeper.preview() if n} == {}


# -- how much at once --------------------------------------------------------------------------------------------------


def test_the_pace_follows_the_time_that_chunks_take():
    pace = Pace()
    pace.took(0.001)
    assert pace.n == 1.5 * Pace.FIRST
    pace.took(0.015)
    assert pace.n == 1.5 * Pace.FIRST
    pace.took(0.04)
    assert pace.n == 0.75 * Pace.FIRST
    pace.took(10.0)
    assert pace.n == 1
    pace.took(0.005)
    assert pace.n == 2
    for _ in range(30):
        pace.took(0.0)
    assert pace.n == Pace.MOST


async def test_a_chunk_costs_what_it_removes_and_not_what_there_is(tmp_path):
    """Held against the plans of SQLite: each table is entered by a key that bounds the chunk."""
    storage = SqliteStorage(str(tmp_path / "bot.db"), instance="test")
    await storage.write([invocation(started_at=NOON, guild_id=str(n)) for n in range(50)])
    plans: dict[str, str] = {}
    for cut in (*raw_cuts(NOON), *other_cuts(RetentionConfig(daily_days=1), NOON + 500 * DAY, NOON + 500 * DAY)):
        script = remove_some(cut, 1, 10, storage.dialect)
        step = next(script)
        if isinstance(step, Ask):
            step = script.send([tuple("1" for _ in cut.table.key)])
        found = await storage.rows(f"EXPLAIN QUERY PLAN {step.statement}", step.bound)
        plans[cut.table.name] = found[0][3]
    await storage.close()
    assert plans.pop("bot_stats").endswith("USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)")
    by_id = {name: plans.pop(name) for name in ("audit_logs", "music_events", "custom_metrics", "health_checks")}
    assert all(plan.endswith("USING INTEGER PRIMARY KEY (rowid=?)") for plan in by_id.values())
    small = {name: plans.pop(name) for name in ("alert_messages", "alert_mutes", "runs", "gateway_losses")}
    assert all(plan.startswith("SEARCH") for plan in small.values())
    assert len(plans) == 6
    assert all(re.search(r"USING PRIMARY KEY \(\(\w+,.*<", plan) for plan in plans.values())


class SlowTable:
    """Rows to remove, at a price."""

    description = "a slow table"
    upkeep = SQLITE

    def __init__(self, clock: QuickClock, n: int, row_s: float) -> None:
        self.clock = clock
        self.left = n
        self.row_s = row_s
        self.chunks: list[tuple[int, float]] = []

    @property
    def dialect(self):
        return SqliteStorage(":memory:", instance="test").dialect

    async def rows(self, query, bound):
        return [(0,)]

    async def look(self, script):
        return await self._run(script)

    async def transact(self, script):
        return await self._run(script)

    async def _run(self, script):
        self.clock._move_to(self.clock._monotonic_s + 5)  # others come first
        step, answer = next(script), None
        while True:
            if isinstance(step, Ask):
                answer = [(1,)] if "FROM audit_logs" in step.query and self.left else []
            elif "FROM audit_logs" in step.statement:
                answer = min(step.bound["n"], self.left)
                self.left -= answer
                self.chunks.append((answer, self.clock.monotonic()))
                self.clock._move_to(self.clock._monotonic_s + answer * self.row_s)
            else:
                answer = 0
            try:
                step = script.send(answer)
            except StopIteration as end:
                return end.value


@pytest.mark.parametrize("row_s", [0.000_02, 0.000_5, 0.005, 0.019, 0.04])
async def test_no_chunk_holds_the_lock_for_long_and_pauses_are_as_long_as_chunks(row_s):
    clock = QuickClock(NOON)
    slept: list[float] = []
    sleep = clock.sleep

    async def noting(delay_s):
        slept.append(delay_s)
        await sleep(delay_s)

    clock.sleep = noting
    table = SlowTable(clock, 3000, row_s)
    await Janitor(table, clock, RetentionConfig(disk_cap_mb=0), Failures(clock)).clean()
    took_s = [n * row_s for n, _ in table.chunks]
    assert sum(n for n, _ in table.chunks) == 3000
    settled = took_s[1:]  # of the first nobody knows what a row costs
    assert max(settled) <= 0.05
    assert len(slept) >= len(took_s)
    assert all(pause >= took * 0.999 for pause, took in zip(slept, took_s, strict=False))
    if row_s < 0.001:
        assert max(took_s) >= 0.01


async def test_a_batch_gets_in_between_chunks(tmp_path):
    """The writer of the same process, whose turn comes while a clean-up of many rows is under way."""
    storage = SqliteStorage(str(tmp_path / "bot.db"), instance="test")
    await storage.write([invocation(started_at=NOON - 100 * DAY) for _ in range(3000)])
    clock = QuickClock(NOON)
    writer = Writer(storage, clock, StorageConfig(linger_ms=0))
    order: list[str] = []
    write, transact = storage.write, storage.transact

    async def writing(events):
        await write(events)
        order.append("batch")

    async def removing(script):
        result = await transact(script)
        order.append("chunk")
        if len(order) == 3:
            writer.put(invocation(started_at=NOON))
            writer._go.set()
        return result

    storage.write, storage.transact = writing, removing
    await Janitor(storage, clock, RetentionConfig(), Failures(clock)).clean()
    await writer.close(5)
    assert order.index("batch") < len(order) - 2
    assert await raw_moments(storage) == [NOON]
    await storage.close()


# -- giving room back --------------------------------------------------------------------------------------------------


async def many(storage: Any, n: int, when: datetime, **fields: Any) -> None:
    await storage.write([invocation(started_at=when, details="x" * 1000, **fields) for _ in range(n)])


async def test_the_file_shrinks(tmp_path):
    path = tmp_path / "bot.db"
    storage = SqliteStorage(str(path), instance="test")
    await many(storage, 2000, NOON - 100 * DAY)
    await many(storage, 10, NOON)
    await storage.rows("PRAGMA wal_checkpoint(TRUNCATE)", {})
    before = path.stat().st_size
    await janitor(storage).clean()
    assert path.stat().st_size < before / 4
    assert await storage.rows("SELECT freelist_count FROM pragma_freelist_count()", {}) == [(0,)]
    assert await storage.rows("PRAGMA integrity_check", {}) == [("ok",)]
    await storage.close()


async def test_a_file_that_can_not_shrink_is_left_as_large_as_it_is(tmp_path):
    path = make(tmp_path / "bot.db", "PRAGMA auto_vacuum = NONE", OLD_AUDIT_LOGS.format(more=""))
    storage = SqliteStorage(str(path), instance="test")
    await many(storage, 500, NOON - 100 * DAY)
    assert (await janitor(storage).clean())["audit_logs"] == 500
    assert (await storage.rows("SELECT freelist_count FROM pragma_freelist_count()", {}))[0][0] > 100
    await storage.close()


# -- the cap -----------------------------------------------------------------------------------------------------------


async def used(storage: Any) -> int:
    return int((await storage.rows(storage.upkeep.used_bytes, {}))[0][0])


async def test_above_the_cap_the_oldest_days_go_and_that_is_said_once(storage, tmp_path, caplog):
    for n in range(8):
        await many(storage, 300, NOON - n * DAY)
        await storage.write([music(occurred_at=NOON - n * DAY), metric(NOON - n * DAY)])
    assert await used(storage) > 2_000_000
    keeper = janitor(storage, disk_cap_mb=2)
    with caplog.at_level(logging.WARNING):
        removed = await keeper.clean()
    assert await used(storage) <= 1_800_000
    assert set(removed) == {"audit_logs", "music_events", "custom_metrics"}
    left = {day_of(when) for when in await raw_moments(storage)}
    first = min(left)
    assert left == set(range(first, day_of(NOON) + 1))
    assert {day_of(when) for when in await raw_moments(storage, "music_events")} == left
    assert removed["audit_logs"] == (8 - len(left)) * 300  # days are whole or gone
    assert await storage.look(raw_since()) == start_of_day(first)
    assert await all_differences(storage) == []
    assert await storage.look(days_with_all_rows(storage.dialect)) == sorted(left)
    assert (await storage.command_counts(None, EVER))[0].n == 8 * 300
    (said,) = caplog.messages
    assert "disk_cap_mb allows 1.9 MiB" in said

    with caplog.at_level(logging.WARNING):
        await keeper.clean()  # it is over
        assert len(caplog.messages) == 1
        for _ in range(2):
            await many(storage, 1500, NOON)
        await keeper.clean()
    assert len(caplog.messages) == 2
    if isinstance(storage, SqliteStorage):
        await storage.close()
        assert (tmp_path / "bot.db").stat().st_size <= 2_000_000


async def test_within_today_only_as_much_goes_as_must(storage):
    for hour in range(12):
        await many(storage, 250, MIDNIGHT + timedelta(hours=hour, minutes=30))
    await janitor(storage, disk_cap_mb=2).clean()
    assert 1_500_000 < await used(storage) <= 1_800_000
    left = await raw_moments(storage)
    since = await storage.look(raw_since())
    assert left[0] - timedelta(minutes=30) <= since <= left[0] + timedelta(minutes=30)
    assert since.minute == 0
    assert await all_differences(storage) == []
    assert await storage.look(days_with_all_rows(storage.dialect)) == []


async def test_a_cap_below_what_is_counted_ends_once_no_single_row_is_left(storage, caplog):
    await storage.write([invocation(command=f"c{n}", guild_id=str(n), started_at=NOON - DAY) for n in range(9000)])
    future = NOON + 3 * DAY
    await storage.write([invocation(started_at=future)])
    keeper = janitor(storage, disk_cap_mb=1)
    with caplog.at_level(logging.WARNING):
        await keeper.clean()
        await keeper.clean()
    assert await raw_moments(storage) == [future]
    assert await storage.look(raw_since()) == MIDNIGHT
    assert [("no single row" in message) for message in caplog.messages] == [False, True]


# -- when --------------------------------------------------------------------------------------------------------------


async def test_it_is_done_once_per_interval_by_whomever(storage):
    await fill(storage, NOON - 100 * DAY)
    first, second = janitor(storage), janitor(storage)
    await first.clean_if_due()
    assert await raw_moments(storage) == []
    await fill(storage, NOON - 100 * DAY - DAY)
    await second.clean_if_due()
    assert len(await raw_moments(storage)) == 1
    await second._clock.sleep(3600)
    await second.clean_if_due()
    assert await raw_moments(storage) == []


async def test_a_mark_from_the_future_does_not_keep_it_from_cleaning(storage):
    await fill(storage, NOON - 100 * DAY)
    await storage.execute(
        "INSERT INTO marks (name, value) VALUES (:name, :value)",
        {"name": CLEANED, "value": "2126-01-01T00:00:00+00:00"},
    )
    await janitor(storage).clean_if_due()
    assert await raw_moments(storage) == []


async def test_of_several_at_once_one_cleans(storage):
    await storage.open()
    keepers = [janitor(storage) for _ in range(6)]
    cleaned: list[Janitor] = []
    for keeper in keepers:
        keeper.clean = lambda keeper=keeper: asyncio.sleep(0, cleaned.append(keeper))
    await asyncio.gather(*(keeper.clean_if_due() for keeper in keepers))
    assert len(cleaned) == 1


async def test_failures_are_absorbed(caplog):
    storage = SqliteStorage(":memory:", instance="test")
    keeper = janitor(storage)

    async def fail(script):
        raise StorageError("away")

    storage.transact = fail
    await keeper.clean_if_due()
    assert "away" in caplog.text
    assert keeper._failures.n == 0  # the health check tells of that

    async def surprise(script):
        raise ZeroDivisionError

    storage.transact = surprise
    await keeper.clean_if_due()
    assert keeper._failures.n == 1

    async def cancel(script):
        raise asyncio.CancelledError

    storage.transact = cancel
    with pytest.raises(asyncio.CancelledError):
        await keeper.clean_if_due()


async def test_stopped_in_the_middle_it_leaves_a_good_database(storage):
    await fill(storage, *(NOON - (5 + n) * DAY for n in range(200)))
    transact = storage.transact
    stopped_after = 40
    calls = 0
    keeper = janitor(storage, raw_days=10, hourly_days=10, daily_days=10, health_days=10)

    async def counting(script):
        nonlocal calls
        calls += 1
        if calls == stopped_after:
            asyncio.get_running_loop().call_soon(task.cancel)
        return await transact(script)

    storage.transact = counting
    task = asyncio.create_task(keeper.clean())
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    storage.transact = transact
    assert await storage.look(raw_since()) == MIDNIGHT - 10 * DAY
    assert await all_differences(storage) == []
    await janitor(storage, raw_days=10, hourly_days=10, daily_days=10, health_days=10).clean()
    left = await counts(storage)
    assert {left[name] for name in ("audit_logs", "command_hourly", "active_users", "bot_stats", "health_checks")} == {
        6
    }


async def test_the_extension_starts_it_and_ends_it(tmp_path):
    bot = make_bot()
    bot.botmon_config = make_config(url=str(tmp_path / "bot.db"))
    async with running(bot) as rig:
        await cog_of(bot).system.storage.write([invocation(started_at=rig.clock.now() - 100 * DAY)])
        assert len(await rig.rows()) == 1
        await rig.clock.advance(290)
        assert len(await rig.rows()) == 1
        async with asyncio.timeout(10):
            while await rig.rows():
                await rig.clock.advance(11)
        (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "botmon-janitor"]
        await bot.unload_extension("botmon_cog")
        assert task.done()
    marks = dict(rows(tmp_path / "bot.db", "SELECT name, value FROM marks"))
    assert set(marks) == {CLEANED, RAW_SINCE}


async def test_a_bot_that_restarts_often_is_cleaned_all_the_same_but_not_each_time(tmp_path):
    path = tmp_path / "bot.db"
    clock = ManualClock(NOON)
    began: list[str] = []
    for _ in range(10):  # every ten minutes
        system = MonitoringSystem(make_config(url=str(path)), clock=clock)
        async with system:
            system.janitor.start()
            await clock.advance(300)
            for _ in range(500):
                await asyncio.sleep(0.001)
                await clock.advance(0.01)
                if CLEANED in dict(await system.storage.rows("SELECT name, value FROM marks", {})):
                    break
            await system.janitor.stop()
        await clock.advance(290)
        began += [value for (value,) in rows(path, "SELECT value FROM marks WHERE name = 'cleaned'")]
    assert len(set(began)) == 2


async def test_plain_scripts_have_none_running(tmp_path):
    async with MonitoringSystem(make_config(url=str(tmp_path / "bot.db"))):
        assert [t for t in asyncio.all_tasks() if t.get_name() == "botmon-janitor"] == []


def test_nothing_of_an_older_schema_is_needed_for_the_statements(tmp_path):
    """Each table that is named is there."""

    async def names() -> set[str]:
        async with MonitoringSystem(make_config(url=str(tmp_path / "bot.db"))) as system:
            return {
                cut.table.name
                for cut, _ in await Janitor(
                    system.storage, QuickClock(NOON), RetentionConfig(daily_days=1), Failures(QuickClock(NOON))
                ).preview()
            }

    found = asyncio.run(names())
    with closing(sqlite3.connect(tmp_path / "bot.db")) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert found <= tables
    assert found >= {"audit_logs", "legacy_stats", "latency_daily"}
