"""When a store is cleaned up, and by whom."""

from __future__ import annotations

import asyncio

import pytest

from botmon_cog.config import RetentionConfig
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.janitor import Janitor
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.ages import CLEANED_AT
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.testing import ManualClock
from tests.engines import Engine, Storage
from tests.harness import make_bot, make_config, running
from tests.retention_helpers import DAY, QuickClock, believe, check, fill, marks, moments
from tests.storage_helpers import NOON, invocation, rows


def janitor(storage: Storage, clock: QuickClock | None = None, loops: LoopRuns | None = None) -> Janitor:
    clock = clock or QuickClock(NOON)
    return Janitor(storage, clock, RetentionConfig(disk_cap_mb=0), Failures(clock), loops)


async def test_it_is_done_once_per_interval_by_whomever(storage):
    await fill(storage, NOON - 100 * DAY, NOON)
    first, second = janitor(storage), janitor(storage, clock := QuickClock(NOON))
    await first.clean_if_due()
    assert await moments(storage) == [NOON]
    await fill(storage, NOON - 101 * DAY)
    await second.clean_if_due()
    assert len(await moments(storage)) == 2
    await clock.sleep(3600)
    await second.clean_if_due()
    assert await moments(storage) == [NOON]


async def test_a_mark_from_the_future_does_not_keep_it_from_cleaning(storage):
    await fill(storage, NOON - 100 * DAY, NOON)
    ahead = QuickClock(NOON + 36_500 * DAY)
    await janitor(storage, ahead).clean_if_due()
    await fill(storage, NOON - 100 * DAY)
    await janitor(storage).clean_if_due()
    assert await moments(storage) == [NOON]


async def test_clocks_that_differ_a_little_do_not_make_it_clean_twice(storage):
    await fill(storage, NOON)
    ahead = QuickClock(NOON)
    await ahead.sleep(60)
    await janitor(storage, ahead).clean_if_due()
    before = await marks(storage)
    await janitor(storage).clean_if_due()
    assert await marks(storage) == before


async def test_of_several_at_once_one_cleans(storage):
    await storage.open()
    keepers = [janitor(storage) for _ in range(6)]
    cleaned: list[Janitor] = []
    for keeper in keepers:
        keeper._cleaner.clean = lambda _, keeper=keeper: asyncio.sleep(0, cleaned.append(keeper))
    await asyncio.gather(*(keeper.clean_if_due() for keeper in keepers))
    assert len(cleaned) == 1


async def test_its_loop_is_not_late_while_it_gets_on(storage):
    await fill(storage, *(NOON - 100 * DAY for _ in range(50)), NOON)
    clock = QuickClock(NOON)
    noted: list[str] = []
    loops = LoopRuns(clock)
    loops.note = noted.append
    await janitor(storage, clock, loops).clean_if_due()
    assert len(noted) > 6


async def test_failures_are_absorbed(caplog):
    storage = Storage(SqliteEngine(":memory:"))
    keeper = janitor(storage)

    async def fail(script):
        raise StorageError("away")

    storage.engine.write = fail
    await keeper.clean_if_due()
    assert "away" in caplog.text
    assert keeper._failures.n == 0  # the health check tells of that

    async def surprise(script):
        raise ZeroDivisionError

    storage.engine.write = surprise
    await keeper.clean_if_due()
    assert keeper._failures.n == 1

    async def cancel(script):
        raise asyncio.CancelledError

    storage.engine.write = cancel
    with pytest.raises(asyncio.CancelledError):
        await keeper.clean_if_due()


async def test_the_extension_starts_it_and_ends_it(tmp_path):
    path = tmp_path / "botmon.db"
    async with Engine("sqlite", str(path)).storage() as storage:
        await storage.append([invocation(started_at=NOON - 100 * DAY), check(NOON)])
        await believe(storage, NOON)
    bot = make_bot()
    bot.botmon_config = make_config(url=str(path))
    kept = "SELECT seq FROM invocations"
    async with running(bot, clock=ManualClock(NOON)) as rig:
        await rig.clock.advance(290)
        assert len(rows(path, kept)) == 1
        async with asyncio.timeout(10):
            while rows(path, kept):
                await rig.clock.advance(11)
        (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "botmon-janitor"]
        await bot.unload_extension("botmon_cog")
        assert task.done()


async def test_a_bot_that_restarts_often_is_cleaned_all_the_same_but_not_each_time(tmp_path):
    path = tmp_path / "botmon.db"
    clock = ManualClock(NOON)
    began: list[str] = []
    began_at = f"SELECT value FROM marks WHERE name = '{CLEANED_AT}'"  # noqa: S608 (a name of ours)
    for _ in range(10):  # every ten minutes
        async with MonitoringSystem(make_config(url=str(path)), clock=clock) as system:
            system.janitor.start()
            await clock.advance(300)
            for _ in range(500):
                await asyncio.sleep(0.001)
                await clock.advance(0.01)
                if rows(path, began_at):
                    break
            await system.janitor.stop()
        await clock.advance(290)
        began += [value for (value,) in rows(path, began_at)]
    assert len(set(began)) == 2


async def test_plain_scripts_have_none_running(tmp_path):
    async with MonitoringSystem(make_config(url=str(tmp_path / "botmon.db"))):
        assert [t for t in asyncio.all_tasks() if t.get_name() == "botmon-janitor"] == []
