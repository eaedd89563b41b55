"""How long commands took within the last hour, held against the week before."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from botmon_cog.clock import Clock
from botmon_cog.health.command_durations import RecentDurations, SlowCommands
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.testing import ManualClock
from tests.health_samples import sources_of
from tests.test_windows import invocation

DAY = timedelta(days=1)


class Rig:
    """Slow commands over a storage, and how often it is asked."""

    def __init__(self, storage: Any) -> None:
        self.clock = ManualClock()
        self.storage = storage
        self.reads = 0
        self.live = LiveWindows()
        store = SimpleNamespace(reports=self)
        self._slow = SlowCommands(
            sources_of(live=self.live, store=store, clock=self.clock, failures=Failures(self.clock), timeout_s=5.0)
        )

    async def counted(self, *args: Any) -> Any:
        self.reads += 1
        return await self.storage.reports.counted(*args)

    def use(self, command: str, duration_s: float, times: int = 30) -> None:
        """Within this process, now."""
        self.live.add_invocations([invocation(command, duration_s=duration_s)] * times)

    async def slow(self) -> dict[str, tuple[float, float, int]]:
        return {each.command: (each.p95_s, each.usual_s, each.n) for each in await self._slow.find()}


async def was_used(
    storage: Any, clock: Clock, command: str, duration_s: float, times: int = 60, ago: timedelta = DAY
) -> None:
    """By any process, some time ago."""
    one = replace(invocation(command, duration_s=duration_s), started_at=clock.now() - ago)
    await storage.write([one] * times)


async def test_the_worst_beside_what_is_usual_comes_first(storage):
    rig = Rig(storage)
    for name, usual_s in [("play", 0.9), ("slower", 0.5), ("quick", 0.01)]:
        await was_used(storage, rig.clock, name, usual_s)
    rig.use("play", 4.1)
    rig.use("slower", 5.0)
    rig.use("quick", 0.5)  # fifty times as long, and nobody minds
    rig.use("new", 9.0)
    found = await rig.slow()
    assert found == {
        "slower": pytest.approx((5, 0.5, 30), rel=0.03),
        "play": pytest.approx((4.1, 0.9, 30), rel=0.03),
    }
    assert list(found) == ["slower", "play"]


@pytest.mark.parametrize(
    ("times_before", "ago", "times", "is_told"),
    [
        (60, timedelta(days=1), 20, True),
        (50, timedelta(days=1), 20, True),
        (49, timedelta(days=1), 20, False),
        (60, timedelta(days=1), 19, False),
        (60, timedelta(days=7), 20, True),
        (60, timedelta(days=8), 20, False),
        (60, timedelta(hours=2), 20, False),
    ],
)
async def test_too_few_calls_say_nothing(storage, times_before, ago, times, is_told):
    rig = Rig(storage)
    await was_used(storage, rig.clock, "play", 0.9, times_before, ago)
    rig.use("play", 4.1, times)
    assert ("play" in await rig.slow()) == is_told


async def test_what_is_usual_is_read_only_when_a_command_takes_long_and_then_once_an_hour(storage):
    rig = Rig(storage)
    await was_used(storage, rig.clock, "play", 0.9)
    rig.use("play", 0.9, 300)
    await rig.slow()
    assert rig.reads == 0
    rig.use("play", 4.1, 300)
    for _ in range(50):
        assert await rig.slow()
        await rig.clock.advance(60)
    assert rig.reads == 1
    rig.use("play", 4.1)
    await rig.clock.advance(600)
    assert await rig.slow()
    assert rig.reads == 2


async def test_durations_of_the_hour_count_each_call_once_however_often_one_looks():
    clock = ManualClock()
    live = LiveWindows()
    durations = RecentDurations(live, clock)
    live.add_invocations([invocation("play", duration_s=n) for n in (1.0, 2.0, float("nan"), None)])
    for _ in range(3):
        assert durations.by_command()["play"].n == 2
        await clock.advance(60)
    live.add_invocations([invocation("play", duration_s=3.0)])
    assert durations.by_command()["play"].n == 3
    await clock.advance(3500)
    live.add_invocations([invocation("play", duration_s=0.5)] * 1500)
    assert durations.by_command()["play"].n == 1003, "of many calls between two looks the newest 1000"
    await clock.advance(600)
    assert durations.by_command()["play"].n == 1000
    for _ in range(200):
        await clock.advance(60)
        found = durations.by_command()
    assert found == {}
    assert len(durations._slots) == 13
