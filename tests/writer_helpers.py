"""A log in memory that fails or hangs on demand, and what the writer's tests do with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from botmon_cog.config import StorageConfig
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.errors import ConflictError, StorageError
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.queue.spool import Spool
from botmon_cog.store.queue.writer import Writer
from botmon_cog.testing.manual_clock import ManualClock

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
LINGER_S = 0.125
AWAY = StorageError("away")
TURNS = 10
TIMEOUT_S = 20.0

_tokens = count(1)


class FakeLog:
    """Keeps rows by run and number. It fails while `error` is set, and waits while `gate` is.

    Attributes:
        faults: what no log may ever see: events of a run out of order, or another event under the same number.
        batches: the names in each batch that was stored, repeated ones included.
        repeats: whether each of them said that it is one.
        runs: of each run, the names by number.
        loses_answer: asked after each commit; True makes it fail all the same.
    """

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.repeats: list[bool] = []
        self.runs: dict[int, dict[int, str]] = {}
        self.faults: list[str] = []
        self.attempts = 0
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.loses_answer: Callable[[], bool] = lambda: False

    async def append(self, batches: Sequence[Batch]) -> None:
        self.attempts += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error.with_traceback(None)
        for batch in batches:
            self._check(batch)
        for batch in batches:
            self._append(batch)
        if self.loses_answer():
            raise AWAY.with_traceback(None)

    def _check(self, batch: Batch) -> None:
        stored = self.runs.get(batch.run.token, {})
        last = max(stored, default=0)
        for seq, event in enumerate(batch.events, batch.first_seq):
            if seq not in stored:
                if seq < last:
                    self.faults.append(f"run {batch.run.token}: {seq} comes after {last}")
            elif stored[seq] != event.command:
                self.faults.append(f"run {batch.run.token}: {seq} is {stored[seq]} and {event.command}")
            elif not batch.is_repeat:
                raise ConflictError(f"row {seq} is there already")

    def _append(self, batch: Batch) -> None:
        names = [event.command for event in batch.events]
        self.batches.append(names)
        self.repeats.append(batch.is_repeat)
        self.runs.setdefault(batch.run.token, {}).update(enumerate(names, batch.first_seq))

    @property
    def written(self) -> list[str]:
        """In the order of the appends."""
        return [name for batch in self.batches for name in batch]

    @property
    def stored(self) -> list[str]:
        """Run by run, in the order of the numbers."""
        return [name for rows in self.runs.values() for _, name in sorted(rows.items())]


class FakeRollUps:
    """Counts how often it is asked for a lot.

    Attributes:
        behind: rows that wait to be rolled up.
    """

    def __init__(self) -> None:
        self.lots = 0
        self.behind = 0
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def lot(self) -> int:
        self.lots += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error.with_traceback(None)
        n = min(self.behind, 10_000)
        self.behind -= n
        return n


def event(name: str = "play", **fields: object) -> Invocation:
    values: dict[str, object] = {"kind": Kind.SLASH, "outcome": Outcome.OK, "started_at": NOON}
    return Invocation(command=name, **values | fields)


def run_key(instance: str = "main") -> RunKey:
    return RunKey(token=next(_tokens), instance=instance, started_at=NOON)


def batch_of(run: RunKey, first_seq: int, *names: str) -> Batch:
    return Batch(run=run, first_seq=first_seq, events=[event(name) for name in names])


def put(writer: Writer, *names: str) -> None:
    for name in names:
        writer.put(event(name))


def counts(writer: Writer) -> tuple[int, int, int]:
    """Rows in memory, on disk, and lost."""
    return writer.queued, writer.spooled, writer.dropped


def names(n: int, prefix: str = "e") -> list[str]:
    return [f"{prefix}{i}" for i in range(n)]


def flat(batches: Sequence[Batch]) -> list[str]:
    return [event.command for batch in batches for event in batch.events]


async def settle() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], clock: ManualClock | None = None, step_s: float = 0.0) -> None:
    """Turn the loop until the condition holds; the clock moves by `step_s` each time."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await (asyncio.sleep(0) if clock is None else clock.advance(step_s))


def make_spool(path: Path, clock: ManualClock, *, max_bytes: int = 10**7) -> Spool:
    return Spool(lambda: path, max_bytes=max_bytes, clock=clock)


def make_writer(
    log: FakeLog,
    clock: ManualClock,
    spool: Spool | None = None,
    *,
    rollups: FakeRollUps | None = None,
    run: RunKey | None = None,
    **config: float,
) -> Writer:
    settings = StorageConfig(**{"linger_ms": int(LINGER_S * 1000)} | config)
    return Writer(log, rollups or FakeRollUps(), clock, settings, run or run_key(), spool)


def spool_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "botmon-spool"]


@asynccontextmanager
async def nothing_left(clock: ManualClock):
    """Afterwards there is neither a task, a timer nor a thread of ours."""
    yield
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("botmon")]
    assert clock.pending == 0
    for thread in spool_threads():
        thread.join(TIMEOUT_S)  # it may be about to end
    assert not spool_threads()
