"""Whatever happens, in whatever order: every event is stored exactly once, or was dropped and counted."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from botmon_cog.domain.models import Event
from botmon_cog.storage.base import RejectedError
from botmon_cog.storage.queue.writer import Writer
from botmon_cog.storage.sqlite import SqliteStorage
from botmon_cog.testing.manual_clock import ManualClock
from tests.storage_helpers import rows
from tests.writer_helpers import AWAY, FakeStorage, make_spool, make_writer, nothing_left, put, settle, until

STEPS = 60


class Flaky(FakeStorage):
    """Over the real database. Besides failing before, it fails after the commit: the answer was lost on the way."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        super().__init__()
        self.real = SqliteStorage(str(path), instance="test")
        self.description = str(path)
        self._rng = rng
        self.is_answer_lost = False

    async def write(self, events: Sequence[Event]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        refused = self.refused & {event.event_id for event in events}
        if refused:
            raise RejectedError(str(refused))
        await self.real.write(events)
        if self.is_answer_lost and self._rng.random() < 0.5:
            raise AWAY


class Life:
    """One database and one folder, and the processes that come and go over them.

    What is committed but seems to have failed may be dropped and counted besides, and a row that the database refuses
    is counted again where its file is replayed again; a life in which that can't happen is exact.
    """

    def __init__(self, tmp_path: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = ManualClock()
        self.path, self.folder = tmp_path / "real.db", tmp_path / "spool"
        self.storage = Flaky(self.path, self.rng)
        self.config = {
            "queue_max": self.rng.choice([4, 20, 100]),
            "batch_max": self.rng.choice([3, 7, 50]),
            "spool_after_s": self.rng.choice([0.5, 5.0]),
        }
        self.is_exact = self.rng.random() < 0.6
        self.max_bytes = 10**7 if self.is_exact else 2_000
        self.put = self.dropped = 0
        self.to_pass_s = 0.0
        self.writer = self.begin()

    def begin(self) -> Writer:
        spool = make_spool(self.folder, self.clock, max_bytes=self.max_bytes)
        writer = make_writer(self.storage, self.clock, spool, **self.config)
        if self.rng.random() < 0.5:
            writer.start()
        return writer

    async def end(self) -> None:
        await self.writer.close(0 if self.storage.gate is not None or self.storage.error is not None else 5)
        assert self.writer.queued == 0
        self.dropped += self.writer.dropped

    async def step(self) -> None:
        """One thing that may happen, the likelier ones several times in the list, and some time for it."""
        happenings = [
            self._put,
            self._put,
            self._put,
            self._break,
            self._mend,
            self._hang,
            self._let_go,
            self._pass_time,
        ]
        self.rng.choice(happenings)()
        if self.rng.random() < 0.03:
            await self.end()
            self.writer = self.begin()
        await self.clock.advance(self.to_pass_s)
        self.to_pass_s = 0.0
        for _ in range(self.rng.randrange(20)):
            await settle()
        assert self.writer.queued <= 2 * self.config["queue_max"] + self.config["batch_max"]

    def _put(self) -> None:
        for _ in range(self.rng.randrange(1, 40)):
            name = f"e{self.put}"
            if not self.is_exact and self.rng.random() < 0.02:
                self.storage.refused.add(name)
            put(self.writer, name)
            self.put += 1

    def _break(self) -> None:
        self.storage.error = AWAY

    def _mend(self) -> None:
        self.storage.error = None
        self.storage.is_answer_lost = not self.is_exact and self.rng.random() < 0.3

    def _hang(self) -> None:
        self.storage.gate = self.storage.gate or asyncio.Event()

    def _let_go(self) -> None:
        if self.storage.gate is not None:
            self.storage.gate.set()
            self.storage.gate = None

    def _pass_time(self) -> None:
        self.to_pass_s = self.rng.choice([0.01, 1.0, 40.0])

    async def recover(self) -> None:
        """All is well again, and stays so until nothing waits."""
        self.storage.error, self.storage.is_answer_lost = None, False
        self._let_go()
        writer = self.writer
        writer.start()
        await until(lambda: not writer.queued and not writer._spiller.spool.has_more, self.clock, 1.0)
        await self.end()
        await self.storage.real.close()


@pytest.mark.parametrize("seed", range(16))
async def test_every_event_is_stored_once_or_counted_as_dropped(tmp_path, seed):
    life = Life(tmp_path, seed)
    async with nothing_left(life.clock):
        for _ in range(STEPS):
            await life.step()
        await life.recover()
    try:
        stored = [name for (name,) in rows(life.path, "SELECT event_id FROM audit_logs")]
        counted = rows(life.path, "SELECT COALESCE(SUM(n), 0) FROM command_hourly")
    except sqlite3.OperationalError:  # nothing was ever put
        stored, counted = [], [(0,)]
    assert len(stored) == len(set(stored))
    assert counted == [(len(stored),)]
    assert not set(stored) & life.storage.refused
    known = len(stored) + life.dropped
    assert known == life.put if life.is_exact else known >= life.put
    assert not life.folder.exists()
