"""The last hour's commands: how they ended, and which take longer than they did in the week before."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest

from botmon_cog.config import HealthConfig
from botmon_cog.domain.models import Invocation
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.samples import CommandsSample
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.probes.commands import CommandsProbe
from botmon_cog.monitors.probes.durations import RecentDurations
from botmon_cog.monitors.windows import LiveWindows, OutcomeCounts, RecentOutcomes
from botmon_cog.testing import ManualClock
from tests.test_windows import invocation, recorder_of

CONFIG = HealthConfig(slow_command_factor=3, slow_command_min_s=1, slow_command_min_commands=20)


class Rig:
    """A probe over a storage, and what it is told."""

    def __init__(self, storage: object, config: HealthConfig = CONFIG) -> None:
        self.clock = ManualClock()
        self.failures = Failures(self.clock)
        self.storage = storage
        self.reads = 0
        live, recent = LiveWindows(), RecentOutcomes(self.clock)
        self.recorder = recorder_of(self.clock, live, recent)
        self.probe = CommandsProbe(recent, live, self, self.clock, self.failures, config)  # pyright: ignore[reportArgumentType]

    async def counted(self, *args: object):
        self.reads += 1
        return await self.storage.reports.counted(*args)  # pyright: ignore[reportAttributeAccessIssue]

    def use(self, command: str, duration_s: float, times: int = 30) -> None:
        """Within this process, now."""
        for _ in range(times):
            self.recorder.record(invocation(command, duration_s=duration_s))

    async def was_used(self, command: str, duration_s: float, times: int = 60, ago: timedelta = timedelta(days=1)):
        """By any process, some time ago."""
        when = self.clock.now() - ago
        await self.storage.write(rows(command, duration_s, times, when))  # pyright: ignore[reportAttributeAccessIssue]

    async def slow(self, *, can_read: bool = True) -> dict[str, tuple[float, float, int]]:
        sample = await self.probe.sample(can_read=can_read)
        return {each.command: (each.p95_s, each.usual_s, each.n) for each in sample.slow}


def rows(command: str, duration_s: float, times: int, when: datetime) -> list[Invocation]:
    one = invocation(command, duration_s=duration_s)
    return [msgspec.structs.replace(one, started_at=when)] * times


async def test_a_command_is_held_against_its_own_week_before(storage):
    rig = Rig(storage)
    for name, usual_s in [("play", 0.9), ("slower", 0.5), ("report", 4.0), ("quick", 0.01)]:
        await rig.was_used(name, usual_s)
    rig.use("play", 4.1)
    rig.use("slower", 5.0)
    rig.use("report", 5.0)  # it always takes long
    rig.use("quick", 0.5)  # fifty times as long, and nobody minds
    rig.use("new", 9.0)
    assert await rig.slow() == {
        "slower": pytest.approx((5, 0.5, 30), rel=0.03),
        "play": pytest.approx((4.1, 0.9, 30), rel=0.03),
    }
    assert list(await rig.slow()) == ["slower", "play"], "the worst first"


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
        (60, timedelta(minutes=30), 20, False),
    ],
)
async def test_too_few_calls_say_nothing(storage, times_before, ago, times, is_told):
    rig = Rig(storage)
    await rig.was_used("play", 0.9, times_before, ago)
    rig.use("play", 4.1, times)
    assert ("play" in await rig.slow()) == is_told


async def test_what_is_usual_is_read_only_when_a_command_is_slow_and_then_once_an_hour(storage):
    rig = Rig(storage)
    await rig.was_used("play", 0.9)
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


async def test_an_hour_later_a_command_is_not_slow_any_more(storage):
    rig = Rig(storage)
    await rig.was_used("play", 0.9)
    rig.use("play", 4.1)
    assert await rig.slow()
    await rig.clock.advance(3600)
    assert await rig.slow()
    await rig.clock.advance(600)
    assert await rig.slow() == {}
    rig.use("play", 0.9)
    assert await rig.slow() == {}


class Away:
    """A database that is away in one way or another."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.reports = self

    async def counted(self, *_: object):
        if self.error is None:
            await asyncio.get_running_loop().create_future()
        raise self.error  # pyright: ignore[reportGeneralTypeIssues]


@pytest.mark.parametrize("error", [StorageError("gone"), None, RuntimeError("odd")])
async def test_a_database_that_is_away_costs_the_comparison_only(storage, error):
    config = msgspec.structs.replace(CONFIG, database_timeout_s=0.5)
    rig = Rig(Away(error), config)
    rig.use("play", 4.1)
    sample = await rig.probe.sample()
    assert (sample.total, sample.errors, sample.slow) == (30, 0, ())
    assert rig.failures.n == isinstance(error, RuntimeError)
    rig.storage = storage
    await rig.was_used("play", 0.9)
    assert await rig.slow(), "it is asked again at the next check"
    rig.storage = Away(error)
    await rig.clock.advance(3600)
    assert rig.reads == 2
    assert await rig.slow(can_read=False)
    assert rig.reads == 2
    assert await rig.slow(), "what was known before still serves"


async def test_outcomes_are_counted_by_kind():
    clock = ManualClock()
    recent = RecentOutcomes(clock)
    recorder = recorder_of(clock, LiveWindows(), recent)
    for outcome in [*Outcome, Outcome.LATE, Outcome.OK]:
        recorder.record(invocation(outcome=outcome))
    assert recent.counts() == OutcomeCounts(total=6, errors=4, late=2, unanswered=1)
    await clock.advance(30 * 60)
    recorder.record(invocation(outcome=Outcome.UNANSWERED))
    assert recent.counts() == OutcomeCounts(total=7, errors=5, late=2, unanswered=2)
    await clock.advance(31 * 60)
    assert recent.counts() == OutcomeCounts(total=1, errors=1, late=0, unanswered=1)
    await clock.advance(3600)
    assert recent.counts() == OutcomeCounts(0, 0, 0, 0)


def test_faults_of_an_earlier_process_are_not_told_apart():
    clock = ManualClock()
    recent = RecentOutcomes(clock)
    recorder_of(clock, LiveWindows(), recent).record(invocation(outcome=Outcome.LATE))
    recent.seed([(int(clock.now().timestamp()) // 60 - 5, 20, 4)])
    assert recent.counts() == OutcomeCounts(total=21, errors=5, late=1, unanswered=0)


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


async def test_nothing_is_slow_where_nothing_happened(storage):
    assert await Rig(storage).probe.sample() == CommandsSample()
