"""A database in memory that fails, refuses or hangs on demand, and what the writer's tests do with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from botmon_cog.config import StorageConfig
from botmon_cog.domain.models import Event
from botmon_cog.errors import StorageError
from botmon_cog.storage.base import RejectedError
from botmon_cog.storage.queue.spool import Spool
from botmon_cog.storage.queue.writer import Writer
from botmon_cog.testing.manual_clock import ManualClock
from tests.storage_helpers import invocation

LINGER_S = 0.125
AWAY = StorageError("away")
TURNS = 10
TIMEOUT_S = 20.0


class FakeStorage:
    """Keeps what is written. It fails while `error` is set, refuses the ids in `refused`, and waits while `gate` is.

    Attributes:
        batches: the ids of each batch that was taken, repeated ones included.
        stored: event id -> how often it would be there without ids: 1 each.
    """

    description = "fake.db"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.stored: dict[str, Event] = {}
        self.attempts = 0
        self.error: Exception | None = None
        self.refused: set[str] = set()
        self.gate: asyncio.Event | None = None

    async def write(self, events: Sequence[Event]) -> None:
        self.attempts += 1
        ids = [event.event_id for event in events]
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if self.refused & set(ids):
            raise RejectedError(f"refused {self.refused & set(ids)}")
        self.batches.append(ids)
        self.stored |= {event.event_id: event for event in events}

    @property
    def written(self) -> list[str]:
        return [event_id for batch in self.batches for event_id in batch]


def put(writer: Writer, *ids: str) -> None:
    for event_id in ids:
        writer.put(invocation(event_id=event_id))


def counts(writer: Writer) -> tuple[int, int, int]:
    """Rows in memory, on disk, and lost."""
    return writer.queued, writer.spooled, writer.dropped


def names(n: int, prefix: str = "e") -> list[str]:
    return [f"{prefix}{i}" for i in range(n)]


async def settle() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], clock: ManualClock | None = None, step_s: float = 0.0) -> None:
    """Turn the loop until the condition holds; the clock moves by `step_s` each time."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await (asyncio.sleep(0) if clock is None else clock.advance(step_s))


def make_spool(folder: Path, clock: ManualClock, *, instance: str = "main", max_bytes: int = 10**7) -> Spool:
    return Spool(folder, instance=instance, max_bytes=max_bytes, clock=clock)


def make_writer(storage: FakeStorage, clock: ManualClock, spool: Spool | None = None, **config: float) -> Writer:
    return Writer(storage, clock, StorageConfig(**{"linger_ms": int(LINGER_S * 1000)} | config), spool)


@asynccontextmanager
async def nothing_left(clock: ManualClock):
    """Afterwards there is neither a task, a timer nor a thread of ours."""
    yield
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("botmon")]
    assert clock.pending == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "botmon-spool"]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl")) if folder.exists() else []


def unique_ids(prefix: str = "id"):
    numbers = count()
    return lambda: f"{prefix}{next(numbers)}"
