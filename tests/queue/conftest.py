"""What the tests of the queue share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from botmon_cog.store.queue.spool import Spool
from botmon_cog.store.queue.writer import Writer
from botmon_cog.testing.manual_clock import ManualClock
from tests.writer_helpers import FakeLog, FakeRollUps, make_spool, make_writer, nothing_left


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log() -> Iterator[FakeLog]:
    log = FakeLog()
    yield log
    assert not log.faults


@pytest.fixture
def rollups() -> FakeRollUps:
    return FakeRollUps()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the spool is."""
    return tmp_path / "data" / "botmon.spool.db"


@pytest.fixture
async def make(log: FakeLog, rollups: FakeRollUps, clock: ManualClock) -> AsyncIterator[Callable[..., Writer]]:
    """Makes writers without a spool, and afterwards checks that closing them leaves nothing."""
    made: list[Writer] = []

    def make(**config) -> Writer:
        made.append(make_writer(log, clock, **{"rollups": rollups} | config))
        return made[-1]

    async with nothing_left(clock):
        yield make
        log.error = None
        if log.gate is not None:
            log.gate.set()
        for writer in made:
            await writer.close(5.0)
            assert writer.queued == 0


@pytest.fixture
async def make_spooled(log: FakeLog, clock: ManualClock, path: Path) -> AsyncIterator[Callable[..., Writer]]:
    """Makes writers over one file, each with a run of its own, and afterwards checks that nothing is in memory."""
    made: list[Writer] = []

    def make(max_bytes: int = 10**7, **config) -> Writer:
        made.append(make_writer(log, clock, make_spool(path, clock, max_bytes=max_bytes), **config))
        return made[-1]

    async with nothing_left(clock):
        yield make
        for writer in made:
            await writer.close(0)
            assert writer.queued == 0


@pytest.fixture
async def spool(path: Path, clock: ManualClock) -> AsyncIterator[Spool]:
    async with nothing_left(clock):
        spool = make_spool(path, clock)
        yield spool
        await spool.close()
