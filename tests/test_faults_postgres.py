"""PostgreSQL stops, is killed, sends all away, stands still, is not there yet: the bot runs on, no row is lost."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.config import Config
from botmon_cog.errors import StorageError
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.making import make_engine
from tests.faults import FULL, QuickClock, drained, full, make_config, nothing_left, spooled, stored, until
from tests.faulty_bot import BusyBot, busy_bot
from tests.postgres_server import PostgresServer

QUEUE_MAX = 1000


@pytest.fixture(scope="module")
def server(postgres_server: PostgresServer):
    """For this module alone, whose tests stop it and start it again."""
    # What it has committed outlives its being killed, though not that of the machine.
    with PostgresServer(pristine=postgres_server.pristine, settings={"synchronous_commit": "on"}) as server:
        yield server


@pytest.fixture
def url(server: PostgresServer):
    url = server.create_database()
    yield url
    server.thaw()
    with suppress(RuntimeError):  # it runs
        server.start()
    server.drop_database(url)


def config(url: str, folder: Path, **storage: object) -> Config:
    return make_config(url, **{"spool": str(folder / "spool.db"), "queue_max": QUEUE_MAX} | storage)


async def away(busy: BusyBot, url: str, *, rows: int) -> None:
    """The database is away, and the bot does not mind."""
    writer = busy.system.writer
    await until(lambda: writer.spooled)
    await busy.answers(3)
    await busy.load.more(rows)
    report = await busy.system.health.report()
    assert report.overall_status == "unhealthy"
    assert [each.reason.what for each in report.components["database"].problems] == ["database.away"]
    monitor = report.sample("monitor", MonitorSample)
    assert monitor.spooled
    assert monitor.dropped == 0
    said = await busy.health()
    assert "on disk" in said
    assert url.split(":")[2].partition("@")[0] not in said


async def back(busy: BusyBot, url: str, folder: Path) -> None:
    """All that happened is in the database, once."""
    before = busy.answered
    await until(lambda: busy.system.writer.away_since is None)
    await until(lambda: busy.answered > before)
    await busy.rest()
    report = await busy.system.health.report()
    assert report.components["database"].status in {"healthy", "warning"}
    assert report.sample("monitor", MonitorSample).waiting == busy.system.writer.dropped == 0
    assert busy.load.longest <= 2 * QUEUE_MAX + busy.system.config.storage.batch_max
    assert spooled(folder / "spool.db") == 0
    found = await stored(url)
    assert busy.load.ids <= found
    assert len(found) == busy.load.made + busy.asked


@pytest.mark.parametrize("how", ["stop", "immediate", "kill"])
async def test_a_server_that_goes_away_under_load_and_comes_back(server, url, tmp_path, how):
    async with nothing_left(tmp_path), busy_bot(config(url, tmp_path)) as busy:
        await busy.load.more(100)
        if how == "kill":
            await asyncio.to_thread(server.kill)
        else:
            await asyncio.to_thread(server.stop, "fast" if how == "stop" else how)
        if FULL:
            await asyncio.sleep(60)
        await away(busy, url, rows=300)
        await asyncio.to_thread(server.start)
        await back(busy, url, tmp_path)
        print(f"{how}: {busy.load.made} recorded, {busy.answered} commands answered")  # noqa: T201


async def test_connections_that_are_ended_again_and_again(server, url, tmp_path):
    async with nothing_left(tmp_path), busy_bot(config(url, tmp_path), rate=1000) as busy:
        ended = 0
        database = url.rpartition("/")[2]
        for _ in range(full(100, 8)):
            await busy.load.more(20)
            ended += await asyncio.to_thread(server.terminate_connections, database)
        assert ended
        await back(busy, url, tmp_path)


async def test_a_server_that_stands_still_holds_up_nothing(server, url, tmp_path):
    """It goes on before any time is up: had the event loop waited for it, some time would be."""
    patient = config(url, tmp_path, command_timeout_s=600.0, connect_timeout_s=600.0)
    async with nothing_left(tmp_path), busy_bot(patient) as busy:
        await busy.load.more(100)
        await asyncio.to_thread(server.freeze)
        await busy.load.more(300)
        await busy.answers(5)
        await asyncio.to_thread(server.thaw)
        await busy.system.flush()
        assert busy.system.writer.failures == 0
        await back(busy, url, tmp_path)


async def test_a_server_that_stands_still_is_given_up_in_time(server, url, tmp_path):
    async with nothing_left(tmp_path), busy_bot(config(url, tmp_path, command_timeout_s=0.5)) as busy:
        await busy.load.more(100)
        await asyncio.to_thread(server.freeze)
        await away(busy, url, rows=300)
        await asyncio.to_thread(server.thaw)
        await back(busy, url, tmp_path)


async def test_closing_while_the_server_stands_still_ends_in_time_and_the_next_start_stores_the_rest(
    server, url, tmp_path
):
    settings = config(url, tmp_path)
    storage = settings.storage
    async with nothing_left(tmp_path):
        async with busy_bot(settings) as busy:
            await busy.load.more(100)
            await asyncio.to_thread(server.freeze)
            await busy.load.more(200)
            await busy.answers(3)
            busy.is_enough = busy.load.is_enough = True
            await until(lambda: busy.asked == busy.answered)
            since = time.monotonic()
        # a second to cancel, and 5 s at most for the spool's disk
        assert time.monotonic() - since < storage.close_timeout_s + storage.connect_timeout_s + 1 + 5 + 3
        assert busy.system.writer.dropped == 0
        assert busy.system.writer.spooled
        asked, made = busy.asked, busy.load.made
        await asyncio.to_thread(server.thaw)
        async with MonitoringSystem(settings, clock=QuickClock()) as again:
            await drained(again)
        assert len(await stored(url)) == asked + made
    assert spooled(tmp_path / "spool.db") == 0


async def test_closing_tells_whoever_still_asks(server, url, tmp_path):
    """And does not seem to cancel them."""
    async with nothing_left(tmp_path):
        engine = make_engine(config(url, tmp_path, command_timeout_s=600.0), SystemClock())
        await engine.open()
        await asyncio.to_thread(server.freeze)
        asking = asyncio.create_task(engine.ping())
        given_up = asyncio.create_task(engine.ping())
        await asyncio.sleep(0.1)
        given_up.cancel()
        await asyncio.wait([given_up])
        assert given_up.cancelled()
        await engine.close()
        with pytest.raises(StorageError, match="the connection was closed"):
            await asking


async def test_a_server_that_is_down_when_the_bot_starts(server, url, tmp_path, caplog):
    await asyncio.to_thread(server.stop)
    async with nothing_left(tmp_path), busy_bot(config(url, tmp_path)) as busy:
        assert [r for r in caplog.records if r.name == "botmon_cog.runtime" and "can't open" in r.getMessage()]
        await away(busy, url, rows=100)
        await asyncio.to_thread(server.start)
        await back(busy, url, tmp_path)
    assert server.password not in caplog.text
