"""How much memory the monitors' own data takes."""

from __future__ import annotations

import tracemalloc
from collections import deque
from types import SimpleNamespace

import pytest

from botmon_cog.domain.histogram import Histogram
from botmon_cog.health.components.monitor import Monitor
from botmon_cog.monitors.own_memory import held_bytes
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.harness import cog_of, make_bot, running
from tests.storage_helpers import invocation


async def test_rows_that_wait_are_told_as_python_itself_counts_them() -> None:
    async with running(make_bot()) as rig:
        system = cog_of(rig.bot).system
        before = held_bytes(system)
        tracemalloc.start()
        try:
            for n in range(3_000):
                row = invocation(command=f"command {n % 20}", duration_s=0.1 + n, user_id=str(10**17 + n))
                system.recorder.record(row)
            system.sources.live.refresh()
            grown, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held_bytes(system) - before == pytest.approx(grown, rel=0.15)


def test_what_is_not_ours_is_left_out_with_all_behind_it() -> None:
    host = SimpleNamespace(songs=["x" * 10_000])
    assert held_bytes({"host": host}) < 1_000
    assert held_bytes({"ours": ["x" * 10_000]}) > 10_000
    assert held_bytes(lambda: host) < 1_000


def test_everything_counts_once() -> None:
    text = "x" * 10_000
    assert held_bytes([text, [text], {text: deque([text])}]) < 12_000


def test_what_leads_to_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert 0 < held_bytes(loop) < 1_000


@pytest.mark.parametrize("n", [0, 1, 99, 100, 101, 5_000])
def test_a_large_collection_is_told_from_some_of_its_members(n: int) -> None:
    assert held_bytes([b"%06d" % i * 100 for i in range(n)]) == pytest.approx(56 + n * (633 + 8), rel=0.05)


def test_closures_and_slots_are_ours_too() -> None:
    histogram = Histogram.of([1.0, 2.0])
    assert held_bytes(histogram) > held_bytes(Histogram())
    system = MonitoringSystem(clock=ManualClock())
    assert held_bytes(system.recorder.record) > 1_000


async def test_it_is_looked_at_every_ten_minutes() -> None:
    clock = ManualClock()
    system = MonitoringSystem(clock=clock)
    looks = iter(range(10))
    system.sources.held_bytes = lambda: next(looks)
    monitor = Monitor(system.sources)
    seen = []
    for _ in range(21):
        seen.append((await monitor.sample()).held_bytes)
        await clock.advance(60)
    assert seen == [0] * 10 + [1] * 10 + [2]
