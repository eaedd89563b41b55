"""However much goes, nobody waits for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.config import RetentionConfig
from botmon_cog.store.cleaner import Cleaner, Pace
from botmon_cog.store.log import RunKey
from botmon_cog.store.retention import other_cuts, raw_cuts, remove_some
from botmon_cog.store.script import Execute, Query
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.sqlite.statements import plain
from botmon_cog.store.store import Store
from tests.engines import Storage
from tests.retention_helpers import DAY, QuickClock, fill
from tests.storage_helpers import NOON, invocation


def test_the_pace_follows_the_time_that_chunks_take():
    pace = Pace()
    pace.took(0.001)
    assert pace.n == 1.5 * Pace.FIRST
    pace.took(0.015)
    assert pace.n == 1.5 * Pace.FIRST
    pace.took(0.04)
    assert pace.n == 0.75 * Pace.FIRST
    pace.took(10.0)
    assert pace.n == 1
    pace.took(0.005)
    assert pace.n == 2
    for _ in range(30):
        pace.took(0.0)
    assert pace.n == Pace.MOST


async def test_a_chunk_costs_what_it_removes_and_not_what_there_is():
    """Of the large tables: each is entered by an index on the age, and rows are removed by their keys."""
    storage = Storage(SqliteEngine(":memory:"))
    ms = int(NOON.timestamp() * 1000)
    keep = RetentionConfig(rollup_days=1)
    for cut in (*raw_cuts(keep, ms), *other_cuts(keep, ms, ms)):
        step = next(remove_some(cut, 10))
        found = await storage.rows(f"EXPLAIN QUERY PLAN {plain(step.sql)}", **step.values)
        plan = [detail for *_, detail in found]
        if cut.aged.table.name == "error_marks":
            continue
        assert plan[0].startswith("SEARCH")
        if cut.aged.table.name not in {"alert_mutes", "error_groups", "gateway_losses", "posts", "runs"}:
            assert not [detail for detail in plan if "SCAN" in detail or "B-TREE" in detail]
    await storage.close()


class SlowEngine:
    """Commands to remove, at a price."""

    name = "sqlite"
    description = "a slow store"

    def __init__(self, clock: QuickClock, n: int, row_s: float) -> None:
        self.clock = clock
        self.left = n
        self.row_s = row_s
        self.chunks: list[int] = []

    async def read(self, script):
        return await self.write(script)

    async def write(self, script):
        self.clock._move_to(self.clock._monotonic_s + 5)  # others come first
        step, answer = next(script), None
        while True:
            answer = 0
            if isinstance(step, Query):
                ms = int(NOON.timestamp() * 1000)
                answer = [(0,)]
                if "FROM @marks" in step.sql:
                    answer = [("cleaned_as_of", str(ms))] if "as_of" in step.values else []
                elif "MAX(" in step.sql:
                    answer = [(ms,)]
            elif isinstance(step, Execute) and "DELETE FROM @invocations" in step.sql:
                answer = min(step.values["most"], self.left)
                self.left -= answer
                self.chunks.append(answer)
                self.clock._move_to(self.clock._monotonic_s + answer * self.row_s)
            try:
                step = script.send(answer)
            except StopIteration as end:
                return end.value


@pytest.mark.parametrize("row_s", [0.000_02, 0.000_5, 0.005, 0.019, 0.04])
async def test_no_chunk_holds_the_lock_for_long_and_pauses_are_as_long_as_chunks(row_s):
    clock = QuickClock(NOON)
    slept: list[float] = []
    sleep = clock.sleep

    async def noting(delay_s):
        slept.append(delay_s)
        await sleep(delay_s)

    clock.sleep = noting
    engine = SlowEngine(clock, 3000, row_s)
    await Cleaner(Store(engine, RunKey.new("test", NOON)), clock, RetentionConfig(disk_cap_mb=0)).clean()
    took_s = [n * row_s for n in engine.chunks if n]
    assert sum(engine.chunks) == 3000
    assert max(took_s[1:]) <= 0.05  # of the first nobody knows what a row costs
    assert len(slept) >= len(took_s)
    assert all(pause >= took * 0.999 for pause, took in zip(slept, took_s, strict=False))
    if row_s < 0.001:
        assert max(took_s) >= 0.01


async def test_a_batch_gets_in_between_chunks(storage):
    await fill(storage, *(NOON - 100 * DAY for _ in range(300)), NOON)
    written: list[int] = []

    def advance(n: int) -> None:
        if n and not written:
            written.append(n)
            tasks.append(asyncio.create_task(storage.append([invocation(started_at=NOON + timedelta(seconds=1))])))
            tasks[0].add_done_callback(lambda _: written.append(0))
        elif n and written[-1] != 0:
            written.append(n)

    tasks: list[asyncio.Task[Any]] = []
    await Cleaner(storage, SystemClock(), RetentionConfig(disk_cap_mb=0)).clean(advance)
    await tasks[0]
    assert len(written) <= 6  # it came after a few chunks, not after all
