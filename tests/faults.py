"""What the tests of faults share: load that can be told apart row by row, and the proof that no row is missing.

`BOTMON_FAULTS=full` runs them at full scale, see docs/testing.md. Otherwise time is scaled down: the system's clock is
50 times as fast, and its time-outs are short.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import psutil

from botmon_cog.clock import SystemClock, Timer
from botmon_cog.config import Config, HealthConfig, StorageConfig
from botmon_cog.database_url import is_postgres
from botmon_cog.domain.models import Invocation, Kind, Outcome
from botmon_cog.runtime import MonitoringSystem, make_storage
from botmon_cog.storage.upkeep.rebuilding import days_with_all_rows, differences
from tests.storage_helpers import invocation

FULL = os.environ.get("BOTMON_FAULTS") == "full"
SPEED = 1 if FULL else 50
PATIENCE_S = 200.0 if FULL else 60.0
OUTCOMES = [*Outcome, Outcome.OK, Outcome.OK]
TICK_S = 0.005


class QuickClock(SystemClock):
    """What waits by this clock waits `SPEED` times as short; the time of day is the real one."""

    def monotonic(self) -> float:
        return time.perf_counter() * SPEED

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        return super().call_later(delay_s / SPEED, callback)

    async def sleep(self, delay_s: float) -> None:
        await super().sleep(delay_s / SPEED)


def full(figure: float, quick: float) -> int:
    """`figure` at full scale, else `quick`."""
    return int(figure if FULL else quick)


def make_config(url: str | Path, *, instance: str = "main", **storage: object) -> Config:
    """The defaults, but for time-outs that are as short as the clock is quick."""
    quick: dict[str, object] = {}
    if not FULL:
        quick = {"busy_timeout_s": 0.1, "connect_timeout_s": 1.0, "command_timeout_s": 2.0, "close_timeout_s": 1.0}
    if is_postgres(str(url)):
        quick["spool_folder"] = ""
    settings = StorageConfig(**{"url": str(url)} | quick | storage)  # pyright: ignore[reportArgumentType]
    return Config(instance=instance, storage=settings, health=HealthConfig(interval_s=86_400))


def make_system(url: str | Path, *, instance: str = "main", **storage: object) -> MonitoringSystem:
    return MonitoringSystem(make_config(url, instance=instance, **storage), clock=QuickClock())


def event(number: int, prefix: str = "e", at: datetime | None = None) -> Invocation:
    """An invocation that differs from its neighbours in whatever is counted."""
    return invocation(
        event_id=f"{prefix}-{number}",
        kind=list(Kind)[number % len(Kind)],
        command=f"command {number % 7}",
        outcome=OUTCOMES[number % len(OUTCOMES)],
        started_at=at or datetime.now(UTC) - timedelta(hours=number % 30),
        duration_s=number % 97 / 50,
        response_s=number % 53 / 100,
        guild_id=None if number % 11 == 0 else str(number % 5),
        user_id=str(number % 83),
    )


def ids(numbers: Iterable[int], prefix: str = "e") -> set[str]:
    return {f"{prefix}-{number}" for number in numbers}


async def until(condition: Callable[[], object], within: float = PATIENCE_S) -> None:
    """Let the loop turn, without haste, until the condition holds."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(TICK_S)


class Load:
    """Records invocations on a system, numbered from 1.

    Attributes:
        made: how many, so far.
        longest: the most rows that the writer held in memory.
    """

    def __init__(self, system: MonitoringSystem, prefix: str = "e") -> None:
        self.system = system
        self.prefix = prefix
        self.made = 0
        self.longest = 0
        self.is_enough = False

    def record(self, n: int = 1) -> None:
        for _ in range(n):
            self.made += 1
            self.system.recorder.record(event(self.made, self.prefix))
            self.longest = max(self.longest, self.system.writer.queued)

    @property
    def ids(self) -> set[str]:
        return ids(range(1, self.made + 1), self.prefix)

    @asynccontextmanager
    async def running(self, rate: float = 200) -> AsyncIterator[Load]:
        """`rate` invocations a second, as long as the loop turns."""
        task = asyncio.create_task(self._run(rate))
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self, rate: float) -> None:
        since, before = time.perf_counter(), self.made
        while not self.is_enough:
            due = int((time.perf_counter() - since) * rate) - (self.made - before)
            self.record(min(due, 100))  # a machine that is busy is not flooded afterwards
            await asyncio.sleep(TICK_S)

    async def more(self, n: int) -> None:
        """Return once that many more were recorded."""
        goal = self.made + n
        await until(lambda: self.made >= goal)


async def drained(system: MonitoringSystem) -> None:
    """Everything recorded, and what an earlier process left, is in the database; the writer comes to it by itself."""
    spool = system.writer._spiller.spool
    await until(lambda: not system.writer.queued and not (spool is not None and spool.has_more))


async def stored(url: str | Path) -> set[str]:
    """The ids of all invocations. Each is there once, the roll-ups say the same, and the file is sound."""
    storage = make_storage(str(url), Config(instance="checker"))
    try:
        found = [str(event_id) for (event_id,) in await storage.rows("SELECT event_id FROM audit_logs", {})]
        for day in await storage.look(days_with_all_rows(storage.dialect)):
            assert await storage.look(differences(day, storage.dialect)) == []
        ((counted,),) = await storage.rows("SELECT COALESCE(SUM(n), 0) FROM command_hourly", {})
        assert counted == len(found)
    finally:
        await storage.close()
    if not is_postgres(str(url)):
        assert await asyncio.to_thread(_integrity, str(url)) == [("ok",)]
    assert len(found) == len(set(found))
    return set(found)


def _integrity(path: str) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA integrity_check").fetchall()


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def open_files(folder: Path) -> list[str]:
    return [file.path for file in psutil.Process().open_files() if Path(file.path).is_relative_to(folder)]


@asynccontextmanager
async def nothing_left(folder: Path) -> AsyncIterator[None]:
    """Afterwards there is neither a task nor a thread of ours, nor an open file in the folder."""
    complaints = _Collector()
    logger = logging.getLogger("asyncio")
    logger.addHandler(complaints)
    try:
        yield
        gc.collect()
        assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("botmon")] == []
        assert [thread.name for thread in threading.enumerate() if thread.name.startswith("botmon")] == []
        assert open_files(folder) == []
        assert not complaints.messages, complaints.messages  # such as of tasks that were forgotten
    finally:
        logger.removeHandler(complaints)


@asynccontextmanager
async def locked(url: str | Path) -> AsyncIterator[Callable[[], None]]:
    """Somebody else writes to the database from here on, until what comes back is called and the context ends."""
    if is_postgres(str(url)):
        release = asyncio.Event()
        db = await asyncpg.connect(str(url))
        try:
            held = db.transaction()
            await held.start()
            await db.execute("LOCK TABLE audit_logs IN EXCLUSIVE MODE")
            ending = asyncio.create_task(_roll_back(release, held))
            try:
                yield release.set
            finally:
                release.set()
                await ending
        finally:
            await db.close()
    else:
        with closing(sqlite3.connect(url, isolation_level=None, timeout=PATIENCE_S)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection.rollback


async def _roll_back(release: asyncio.Event, held: asyncpg.transaction.Transaction) -> None:
    await release.wait()
    await held.rollback()
