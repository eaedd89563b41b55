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
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from botmon_cog.cli.databases import to_read, to_write
from botmon_cog.clock import SystemClock, Timer
from botmon_cog.config import Config, HealthConfig, StorageConfig
from botmon_cog.database_url import is_postgres
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.conditions import IS_COMMAND, IS_EXECUTED
from botmon_cog.store.queue import schedule, spool_file
from botmon_cog.store.rollup import RollUps
from botmon_cog.store.schema import LOG_TABLES
from botmon_cog.store.script import Query, Script
from botmon_cog.store.tools.examine import Examiner
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
    if is_postgres(str(url)) and not storage.get("spool"):
        quick["spool_max_mb"] = 0  # it would be in the folder in which the tests run
    settings = StorageConfig(**{"url": str(url)} | quick | storage)  # pyright: ignore[reportArgumentType]
    return Config(instance=instance, storage=settings, health=HealthConfig(interval_s=86_400))


def make_system(url: str | Path, *, instance: str = "main", **storage: object) -> MonitoringSystem:
    return MonitoringSystem(make_config(url, instance=instance, **storage), clock=QuickClock())


def make_lots_small(system: MonitoringSystem, rows: int) -> None:
    """Roll up every so many rows. It holds for all systems of this process."""
    system.store.rollups._lot_rows = schedule.LOT_ROWS = rows


def event(number: int, prefix: str = "e", at: datetime | None = None) -> Invocation:
    """An invocation that differs from its neighbours in whatever is counted, and has an id of its own."""
    outcome = OUTCOMES[number % len(OUTCOMES)]
    return invocation(
        details=f"{prefix}-{number}",
        kind=list(Kind)[number % len(Kind)],
        command=f"command {number % 7}",
        outcome=outcome,
        fingerprint=number % 7 + 1 if Outcome(outcome).is_grouped else None,  # else its group would be a row as well
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
    spool = system.writer._spool
    await until(lambda: not system.writer.queued and not (spool is not None and spool.has_more))


def spooled(path: Path) -> int:
    """How many rows wait in a spool."""
    db = spool_file.connect(path, makes_file=False)
    if db is None:
        return 0
    with closing(db):
        return spool_file.totals(db).rows


# -- the proof ---------------------------------------------------------------------------------------------------------


async def stored(url: str | Path) -> set[str]:
    """The ids of all invocations: each is there once and in its turn, the roll-ups say the same, the file is sound.

    An invocation that the load did not make has the number of its row for an id.
    """
    found = await proved(url)
    engine = to_write(str(url), Config())
    try:
        await RollUps(engine).catch_up()
    finally:
        await engine.close()
    assert await proved(url, is_complete=True) == found
    return found


async def proved(url: str | Path, *, is_complete: bool = False) -> set[str]:
    """As `stored`, but nothing is rolled up; `is_complete` if all has to be."""
    engine = to_read(str(url), Config())
    try:
        examiner = Examiner(engine, is_thorough=True, most=3)
        await examiner.look_around()
        for day in await examiner.days():
            await examiner.prove(day)
        assert examiner.found.is_clean, (examiner.found.problems, examiner.found.differences)
        found = await engine.read(_ids())
        if is_complete:
            assert examiner.found.rows_behind == 0
            ((counted,),) = await engine.read(_query(_COUNTED))
            assert counted == len(found) - (await engine.read(_query(_NOT_COUNTED)))[0][0]
    finally:
        await engine.close()
    return found


_COUNTED = "SELECT COALESCE(SUM(n), 0) FROM @rollups WHERE scope = 0"
_NOT_COUNTED = f"SELECT COUNT(*) FROM @invocations WHERE is_own = 1 OR NOT ({IS_EXECUTED} AND {IS_COMMAND})"  # noqa: S608
_ROWS = "SELECT run_id, seq, details FROM @invocations ORDER BY run_id, seq"
_LAST = " UNION ALL ".join(f"SELECT run_id, seq FROM @{table.name}" for table in LOG_TABLES.values())  # noqa: S608
_WRONG_ENDS = f"""
SELECT id, last_seq FROM @runs LEFT JOIN ({_LAST}) AS logged ON run_id = id GROUP BY id, last_seq
HAVING COALESCE(MAX(seq), 0) <> last_seq OR COUNT(seq) <> COUNT(DISTINCT seq)
"""  # noqa: S608


def _query(sql: str) -> Script[Sequence[Any]]:
    return (yield Query(sql))


def _ids() -> Script[set[str]]:
    assert (yield Query(_WRONG_ENDS)) == [], "a run whose rows are not those up to its last one"
    found: list[str] = []
    last: dict[tuple[int, str], int] = {}
    for run_id, seq, details in (yield Query(_ROWS)):
        found.append(details or f"{run_id}/{seq}")
        if details is not None:
            prefix, _, number = details.rpartition("-")
            assert int(number) > last.get((run_id, prefix), 0), f"{details} is out of its turn"
            last[run_id, prefix] = int(number)
    assert len(found) == len(set(found))
    return set(found)


# -- what is left, and what is held ------------------------------------------------------------------------------------


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
    gc.collect()  # what an earlier test's server has cut off is not this one's
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
            await db.execute("LOCK TABLE botmon.invocations IN EXCLUSIVE MODE")
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
