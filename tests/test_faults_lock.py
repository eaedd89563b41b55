"""Another process holds the database: the bot answers, rows wait, and none is lost."""

from __future__ import annotations

import asyncio

import pytest

from botmon_cog.health.components.monitor import MonitorSample
from tests.faults import FULL, ids, locked, make_config, make_system, nothing_left, spooled, stored, until
from tests.faulty_bot import busy_bot
from tests.sqlite_faults import write_lock


async def test_a_write_that_waits_for_a_lock_holds_up_nothing(tmp_path):
    """The lock is let go from the event loop: had the loop waited for the write, the write would have failed first."""
    path = tmp_path / "bot.db"
    async with nothing_left(tmp_path), busy_bot(make_config(path, busy_timeout_s=600)) as busy:
        await busy.load.more(10)
        with write_lock(path) as lock:
            async with asyncio.TaskGroup() as group:
                busy.load.record()
                before = busy.load.made
                flush = group.create_task(busy.system.flush())
                await busy.answers(10)
                await busy.load.more(50)
                assert not flush.done()
                await asyncio.to_thread(lock.release)
        assert busy.system.writer.failures == 0
    found = await stored(path)
    assert ids(range(1, before + 1)) <= found
    assert len(found) == busy.load.made + busy.asked


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
async def test_a_long_lock_sends_rows_to_the_spool_and_all_are_stored_afterwards(name, tmp_path, request):
    url = str(tmp_path / "bot.db") if name == "sqlite" else request.getfixturevalue("postgres_url")
    spool = tmp_path / "spool.db"
    config = make_config(url, queue_max=1000, spool=str(spool))
    async with nothing_left(tmp_path), busy_bot(config, rate=500) as busy:
        writer = busy.system.writer
        await busy.load.more(100)
        async with locked(url) as release:
            if FULL:
                await asyncio.sleep(30)
            await until(lambda: writer.spooled > 100)
            await busy.answers(10)
            await busy.load.more(500)
            said = await busy.health()
            report = await busy.system.health.report()
            assert report.overall_status == "unhealthy"
            assert report.sample("monitor", MonitorSample).spooled
            assert "on disk" in said
            release()
        await until(lambda: writer.away_since is None)
        await busy.load.more(100)
        await busy.answers(2)
        await busy.rest()
    assert writer.dropped == 0
    assert busy.load.longest <= 2 * config.storage.queue_max + config.storage.batch_max
    assert spooled(spool) == 0
    found = await stored(url)
    assert busy.load.ids <= found
    assert len(found) == busy.load.made + busy.asked


async def test_a_database_that_is_locked_when_the_bot_starts_is_taken_up_later(tmp_path):
    path = tmp_path / "bot.db"
    async with make_system(path):
        pass
    with write_lock(path) as lock:
        async with nothing_left(tmp_path), busy_bot(make_config(path)) as busy:
            await until(lambda: busy.system.writer.spooled)
            await busy.answers(3)
            assert "database is locked" in (busy.system.writer.last_error or "")
            await asyncio.to_thread(lock.release)
            await busy.rest()
    assert busy.system.writer.dropped == 0
    assert len(await stored(path)) == busy.load.made + busy.asked
