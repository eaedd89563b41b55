"""When the host's database is looked at, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from botmon_cog.errors import StorageError
from botmon_cog.host.database import HostDatabase
from botmon_cog.testing import ManualClock
from tests.engines import Engine
from tests.faults import nothing_left, until
from tests.host_helpers import PLAIN, HostDb, Keeper, commands_in, kept, told
from tests.storage_helpers import NOON, invocation


@pytest.fixture
def host(tmp_path) -> HostDb:
    return HostDb(tmp_path / "host.db", PLAIN)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


async def passed(keeper: Keeper, seconds: float) -> None:
    """Let so many seconds pass, and the passes in them."""
    for _ in range(int(seconds)):
        await keeper.clock.advance(1)
        await until(lambda: keeper.clock.pending >= 1)  # it sleeps again


async def test_what_was_recorded_is_mirrored_within_seconds(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        keeper.host_sync.start()
        keeper.host_sync.start()
        await until(lambda: clock.pending == 1)
        await storage.append([told("told"), invocation(command="observed", started_at=clock.now())])
        await passed(keeper, 1)
        assert host.logs() == ["told"]
        await passed(keeper, 6)
        assert host.logs() == ["told", "observed"]
        assert clock.pending == 1


async def test_what_the_host_writes_is_read_within_half_a_minute(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        keeper.host_sync.start()
        await until(lambda: clock.pending == 1)
        host.log("theirs")
        await passed(keeper, 29)
        assert await commands_in(storage) == []
        await passed(keeper, 1)
        assert await commands_in(storage) == ["theirs"]


async def test_a_waiting_row_is_looked_at_every_second(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        keeper.host_sync.start()
        await until(lambda: clock.pending == 1)
        host.log("play")
        keeper.running.add(("1", "10", "play"))
        await keeper.host_sync.settled()
        await passed(keeper, 2)
        assert await commands_in(storage) == []
        keeper.running.clear()
        await passed(keeper, 1)
        assert await commands_in(storage) == ["play"]


async def test_people_are_told_now_and_then_by_the_passes(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        keeper.host_sync.start()
        await until(lambda: clock.pending == 1)
        for n in range(2):
            await storage.append([invocation(user_id=str(n), started_at=clock.now())])
            await passed(keeper, 7)
        assert host.stats()[4:] == (1, 2)
        await passed(keeper, 30)
        assert host.stats()[4:] == (2, 2)


async def test_settled_returns_once_what_the_host_wrote_before_is_read(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        for n in range(3):
            host.log(f"theirs{n}", f"2026-01-05 12:00:0{n}")
            await asyncio.gather(*(keeper.host_sync.settled() for _ in range(5)))
            assert len(await commands_in(storage)) == n + 1


async def test_settled_waits_no_longer_than_a_second(storage, host, clock, monkeypatch):
    release = asyncio.Event()
    looks: list[int] = []

    async def look(_: HostDatabase) -> None:
        looks.append(1)
        await release.wait()

    async with kept(storage, host.path, clock) as keeper:
        monkeypatch.setattr(HostDatabase, "look", look)
        monkeypatch.setattr("botmon_cog.host.sync._SETTLE_S", 0.01)
        for _ in range(5):
            await keeper.host_sync.settled()
        assert len(looks) == 1
        release.set()
        await keeper.host_sync.settled()
        assert len(looks) == 2  # one for all who came while the first one lasted


@pytest.mark.parametrize("error", [StorageError("away"), RuntimeError("a bug"), sqlite3.OperationalError("odd")])
async def test_no_method_raises_and_a_failure_is_noted_once(storage, host, clock, monkeypatch, error):
    async def failing(_: object) -> Any:
        raise error

    keeper = Keeper(storage, host.path, clock)
    with monkeypatch.context() as patch:
        patch.setattr(HostDatabase, "look", failing)
        for _ in range(3):
            await keeper.host_sync.sync()
            await keeper.host_sync.settled()
    assert keeper.failures.n == (0 if isinstance(error, StorageError) else 1)
    await keeper.host_sync.sync()
    await keeper.host_sync.close()


async def test_closing_mirrors_everything_and_leaves_nothing(storage, host, clock, tmp_path):
    await storage.open()
    async with nothing_left(host.path.parent / "nowhere"):
        keeper = Keeper(storage, host.path, clock)
        keeper.host_sync.start()
        await until(lambda: clock.pending == 1)
        await storage.append([told("told"), invocation(command="observed", started_at=clock.now())])
        await keeper.close()
        await keeper.close()
        assert [thread.name for thread in threading.enumerate() if thread.name.startswith("botmon-host")] == []
        assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("botmon-host")] == []
        assert host.logs() == ["told", "observed"]
        keeper.host_sync.start()
        await keeper.host_sync.settled()
        assert clock.pending == 0
        await storage.close()


async def test_a_closing_that_finds_a_locked_file_ends(storage, host, clock):
    keeper = Keeper(storage, host.path, clock)
    await keeper.sync()
    await storage.append([told("told")])
    with closing(host.connect()) as db:
        db.execute("BEGIN EXCLUSIVE")
        await keeper.close()
        db.execute("ROLLBACK")
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
    assert host.logs() == ["told"]


def test_the_end_of_the_loop_is_the_last_pass(tmp_path):
    """What asyncio.run cancels writes what is left; the next loop goes on with the same object."""
    host = HostDb(tmp_path / "host.db", PLAIN)
    engine = Engine.of(str(tmp_path / "store.db"))
    storage = engine.new()
    keeper = Keeper(storage, host.path, ManualClock(NOON))

    async def first() -> None:
        keeper.host_sync.start()
        await until(lambda: keeper.clock.pending == 1)
        await storage.append([told("told"), invocation(command="observed")])

    async def second() -> None:
        keeper.host_sync.start()
        host.log("theirs")
        await keeper.host_sync.settled()
        assert await commands_in(storage) == ["told", "theirs"]
        await storage.append([told("again")])
        await keeper.close()
        await storage.close()

    asyncio.run(first())
    assert host.logs() == ["told", "observed"]
    assert keeper.failures.last is None
    asyncio.run(second())
    assert host.logs() == ["told", "observed", "theirs", "again"]


async def test_a_file_that_is_locked_for_long_is_a_problem_until_it_is_free(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told("told")])
        with closing(host.connect()) as db:
            db.execute("BEGIN EXCLUSIVE")
            await keeper.sync()
            assert keeper.problems == ()
            await clock.advance(61)
            await keeper.sync()
            assert ["locked by another program" in problem for problem in keeper.problems] == [True]
            db.execute("ROLLBACK")
        await keeper.sync()
        assert keeper.problems == ()
    assert host.logs() == ["told"]


async def test_a_reader_that_stays_keeps_our_commit_out_and_is_not_kept_out_itself(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told("told")])
        with closing(host.connect(timeout=0.0)) as reader, closing(host.connect(timeout=0.0)) as other:
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM audit_logs").fetchall()
            await keeper.sync()
            assert other.execute("SELECT COUNT(*) FROM audit_logs").fetchone() == (0,)
            reader.execute("COMMIT")
        await keeper.sync()
    assert host.logs() == ["told"]


async def test_no_lock_is_held_between_passes(storage, host, clock):
    host.fill(700)
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([told("told")])
        await keeper.sync()
        with closing(host.connect(timeout=0.0)) as db:
            db.execute("BEGIN EXCLUSIVE")
            db.execute("ROLLBACK")


async def test_attempts_pause_briefly_at_first_and_longer_as_it_goes_on(storage, host, clock):
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        keeper.host_sync._database._file._pause = pause
        with closing(host.connect()) as db:
            db.execute("BEGIN EXCLUSIVE")
            await keeper.sync()
            db.execute("ROLLBACK")
    assert pauses[0] <= 0.05
    assert pauses == sorted(pauses)
    assert 1 <= sum(pauses) <= 5


async def test_times_are_those_of_the_clock(storage, host):
    """A host in the past, or in the future."""
    clock = ManualClock(NOON - timedelta(days=365))
    host.log("theirs", "2025-01-05 11:00:00")
    host.log("later", "2025-03-05 11:00:00")
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        assert len(keeper.problems) == 1
    assert await commands_in(storage) == ["theirs"]
