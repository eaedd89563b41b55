"""What the tests of the writer share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from botmon_cog.storage.queue.writer import Writer
from botmon_cog.testing.manual_clock import ManualClock
from tests.writer_helpers import FakeStorage, make_spool, make_writer, nothing_left


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def storage() -> FakeStorage:
    return FakeStorage()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool is."""
    return tmp_path / "data" / "spool"


@pytest.fixture
async def make(storage: FakeStorage, clock: ManualClock) -> AsyncIterator[Callable[..., Writer]]:
    """Makes writers without a spool, and afterwards checks that closing them leaves nothing."""
    made: list[Writer] = []

    def make(**config) -> Writer:
        made.append(make_writer(storage, clock, **config))
        return made[-1]

    async with nothing_left(clock):
        yield make
        storage.error = None
        if storage.gate is not None:
            storage.gate.set()
        for writer in made:
            await writer.close(5.0)
            assert writer.queued == 0


@pytest.fixture
async def make_spooled(storage: FakeStorage, clock: ManualClock, folder: Path) -> AsyncIterator[Callable[..., Writer]]:
    """Makes writers over one spool, and afterwards checks that closing them leaves nothing in memory."""
    made: list[Writer] = []

    def make(max_bytes: int = 10**7, **config) -> Writer:
        made.append(make_writer(storage, clock, make_spool(folder, clock, max_bytes=max_bytes), **config))
        return made[-1]

    async with nothing_left(clock):
        yield make
        for writer in made:
            await writer.close(0)
            assert writer.queued == 0
