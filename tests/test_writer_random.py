"""Whatever happens, in whatever order: every event is stored exactly once and in its turn, or counted as dropped."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import pytest

from botmon_cog.store.queue.writer import Writer
from botmon_cog.testing.manual_clock import ManualClock
from tests.writer_helpers import AWAY, FakeLog, make_spool, make_writer, nothing_left, put, run_key, settle, until

STEPS = 60


class Process:
    """One writer, and what is known of it from outside.

    Attributes:
        acknowledged: up to this number the events were flushed.
        is_killed: whether it lost what was in its memory.
    """

    def __init__(self, writer: Writer, token: int) -> None:
        self.writer = writer
        self.token = token
        self.taken = 0
        self.acknowledged = 0
        self.is_killed = False
        self.flushes: set[asyncio.Task[None]] = set()

    def put(self, n: int) -> None:
        for _ in range(n):
            self.taken += 1
            put(self.writer, f"{self.token}/{self.taken}")

    def flush(self) -> None:
        async def flush(upto: int) -> None:
            await self.writer.flush()
            self.acknowledged = max(self.acknowledged, upto)

        self.flushes.add(asyncio.create_task(flush(self.taken)))

    async def kill(self) -> None:
        """End it as SIGKILL does: nothing is written any more but what the disk's thread has begun."""
        writer = self.writer
        self.is_killed = writer._is_closed = True
        writer._at_exit.detach()
        await self._cancel([writer._task, writer._overflow._task, writer._rollups._task, *self.flushes])
        writer._cancel_timer()
        writer._rollups._cancel_timer()
        await writer._spool.close()

    async def close(self, timeout_s: float) -> None:
        await self.writer.close(timeout_s)
        assert self.writer.queued == 0
        await settle()
        assert all(flush.done() for flush in self.flushes)

    async def _cancel(self, tasks: list[asyncio.Task[None] | None]) -> None:
        for task in tasks:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


class Life:
    """One log and one spool, and two processes at a time that come and go over them.

    What is committed but seems to have failed may be dropped and counted besides; a life without that is exact.
    """

    def __init__(self, path: Path, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.clock = ManualClock()
        self.path = path
        self.log = FakeLog()
        self.is_exact = rng.random() < 0.6
        self.max_bytes = rng.choice([10**7, 10**7, 2_000])
        self.config = {
            "queue_max": rng.choice([4, 20, 100]),
            "batch_max": rng.choice([3, 7, 50]),
            "spool_after_s": rng.choice([0.5, 5.0]),
            "close_timeout_s": 0.001,
        }
        self.processes: list[Process] = []
        self.running = [self.begin(), self.begin()]

    def begin(self) -> Process:
        run = run_key()
        spool = make_spool(self.path, self.clock, max_bytes=self.max_bytes)
        process = Process(make_writer(self.log, self.clock, spool, run=run, **self.config), run.token)
        self.processes.append(process)
        if self.rng.random() < 0.5:
            process.writer.start()
        return process

    async def step(self) -> None:  # noqa: C901 (a list)
        """One thing that may happen, and some time for it."""
        rng, log = self.rng, self.log
        n = rng.randrange(2)
        process = self.running[n]
        match rng.choices(
            ["put", "flush", "break", "mend", "hang", "let go", "wait", "cancel", "close", "kill"],
            [9, 3, 3, 3, 2, 2, 3, 1, 0.5, 0.5],
        )[0]:
            case "put":
                process.put(rng.randrange(1, 40))
            case "flush":
                process.flush()
            case "break":
                log.error = AWAY
            case "mend":
                log.error = None
                loses_answers = not self.is_exact and rng.random() < 0.3
                log.loses_answer = lambda: loses_answers and rng.random() < 0.5
            case "hang":
                log.gate = log.gate or asyncio.Event()
            case "let go":
                self._let_go()
            case "wait":
                await self.clock.advance(rng.choice([0.01, 1.0, 40.0]))
            case "cancel" if process.writer._task is not None:
                process.writer._task.cancel()
                await asyncio.wait([process.writer._task])
            case "close":
                await process.close(0)
                self.running[n] = self.begin()
            case "kill":
                await process.kill()
                self.running[n] = self.begin()
            case _:
                pass
        for _ in range(rng.randrange(20)):
            await settle()
        assert process.writer.queued <= 2 * self.config["queue_max"] + self.config["batch_max"]

    def _let_go(self) -> None:
        if self.log.gate is not None:
            self.log.gate.set()
            self.log.gate = None

    async def recover(self) -> None:
        """All is well again, and stays so until nothing waits."""
        self.log.error, self.log.loses_answer = None, lambda: False
        self._let_go()
        for process in self.running:
            process.writer.start()
        writers = [process.writer for process in self.running]
        await until(lambda: not any(w.queued or w._spool.has_more for w in writers), self.clock, 1.0)
        for process in self.running:
            await process.close(5)
        await self._drain()

    async def _drain(self) -> None:
        """What one of the two left in its last moment."""
        last = self.begin()
        last.writer.start()
        await until(lambda: not last.writer._spool.has_more, self.clock, 1.0)
        await last.close(5)

    def check(self) -> None:
        assert not self.log.faults
        for process in self.processes:
            stored = self.log.runs.get(process.token, {})
            assert all(name == f"{process.token}/{seq}" for seq, name in stored.items())
            dropped = process.writer.dropped
            known = len(stored) + dropped
            assert known >= process.acknowledged
            if not dropped:
                assert set(range(1, process.acknowledged + 1)) <= stored.keys()
            if process.is_killed:
                continue
            assert known == process.taken if self.is_exact else known >= process.taken


@pytest.mark.parametrize("seed", range(24))
async def test_every_event_is_stored_once_or_counted_as_dropped(tmp_path, seed):
    life = Life(tmp_path / "spool.db", seed)
    async with nothing_left(life.clock):
        for _ in range(STEPS):
            await life.step()
        await life.recover()
    life.check()
