"""What is kept in memory is bounded, and is the newest."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from msgspec.structs import replace

from botmon_cog.causes.causes import Causes
from botmon_cog.domain.models import ErrorSource, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.recent_outcomes import RecentOutcomes
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.monitors.windows import MOST_NAMES, LiveWindows, Window
from botmon_cog.store.log import MinuteCount
from botmon_cog.testing import ManualClock


def invocation(command: str = "play", outcome: Outcome = Outcome.OK, duration_s: float | None = 1.0) -> Invocation:
    clock = ManualClock()
    return Invocation(
        kind=Kind.SLASH,
        command=command,
        outcome=outcome,
        started_at=clock.now(),
        duration_s=duration_s,
        response_s=0.5,
    )


class Nowhere:
    """Stands in for the writer, and for the roll-ups."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def put(self, event: object) -> int:
        """Forget it."""
        return next(self._numbers)


def recorder_of(clock: ManualClock, live: LiveWindows, recent: RecentOutcomes) -> Recorder:
    return Recorder(Nowhere(), Nowhere(), live, recent, clock, Causes(clock))  # pyright: ignore[reportArgumentType]


def test_a_window_holds_the_last_thousand():
    window = Window()
    for n in range(2500):
        window.add(float(n))
    assert sorted(window) == [float(n) for n in range(1500, 2500)]


def test_live_windows_take_no_more_names_than_they_may():
    live = LiveWindows()
    for n in range(MOST_NAMES + 10):
        live.add_invocations([invocation(f"c{n}")])
        live.add_operation(f"o{n}", 1.0)
    kept = live.histograms()
    assert sum(kind == "command" for kind, _ in kept) == MOST_NAMES
    assert sum(kind == "operation" for kind, _ in kept) == MOST_NAMES
    assert kept["response", "c0"].n == 1


async def test_what_was_recorded_is_in_the_windows_when_they_are_asked_and_in_its_own_minute():
    """However much of it was held back until then, and for how long."""
    clock = ManualClock()
    live, recent = LiveWindows(), RecentOutcomes(clock)
    recorder = recorder_of(clock, live, recent)
    recorder.record(invocation(outcome=Outcome.ERROR))
    assert (live.histograms()["command", "play"].n, recent.totals()) == (1, (1, 1))
    for _ in range(1100):
        recorder.record(invocation(duration_s=None))
    assert (live.histograms()["command", "play"].n, live.histograms()["response", "play"].n) == (1, 1000)
    assert recent.totals() == (1101, 1)
    recorder.record(invocation("stop"))
    await clock.advance(59 * 60)
    recorder.record(invocation("stop"))
    assert recent.totals() == (1103, 1)
    assert live.histograms()["command", "stop"].n == 2
    await clock.advance(60)
    assert recent.totals() == (1, 0)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_rate_of_faults_and_times_are_of_what_they_may_be_of(outcome: Outcome):
    clock = ManualClock()
    live, recent = LiveWindows(), RecentOutcomes(clock)
    recorder = recorder_of(clock, live, recent)
    recorder.record(invocation(outcome=outcome))
    assert recent.totals() == (int(outcome.is_rated), int(outcome.is_rated and outcome.is_fault))
    found = {key: histogram.n for key, histogram in live.histograms().items()}
    assert found == ({("command", "play"): 1, ("response", "play"): 1} if outcome.is_timed else {})


@pytest.mark.parametrize("kind", Kind)
def test_an_interaction_that_outlived_its_token_has_no_duration(kind: Kind):
    """Whatever it did in the end, it did for nobody."""
    live = LiveWindows()
    long = replace(invocation(duration_s=900.1), kind=kind)
    live.add_invocations([long, replace(long, duration_s=900.0)])
    has_token = kind not in {Kind.PREFIX, Kind.HYBRID_PREFIX, Kind.LOGGED}
    assert live.histograms()["command", "play"].n == (1 if has_token else 2)
    assert live.histograms()["response", "play"].n == 2


@pytest.mark.parametrize("kind", [Kind.BUTTON, Kind.SELECT, Kind.MODAL])
def test_components_reach_the_log_and_no_window_of_commands(kind: Kind):
    clock = ManualClock()
    live, recent = LiveWindows(), RecentOutcomes(clock)
    recorder, taken = recorder_of(clock, live, recent), []
    recorder._put = taken.append
    recorder.record(pressed := replace(invocation(outcome=Outcome.ERROR), kind=kind))
    group, row = taken
    assert (row, live.histograms(), recent.totals()) == (replace(pressed, fingerprint=group.fingerprint), {}, (0, 0))


def test_our_own_commands_reach_the_log_but_no_window():
    clock = ManualClock()
    live, recent = LiveWindows(), RecentOutcomes(clock)
    recorder, taken = recorder_of(clock, live, recent), []
    recorder._put = taken.append
    recorder.record(own := replace(invocation(outcome=Outcome.ERROR), is_own=True))
    group, row = taken
    assert (row, live.histograms(), recent.totals()) == (replace(own, fingerprint=group.fingerprint), {}, (0, 0))
    assert group.source is ErrorSource.OWN


async def test_recent_outcomes_forget_after_an_hour_and_do_not_mind_a_clock_that_is_set_back():
    clock = ManualClock()
    recent = RecentOutcomes(clock)
    recorder = recorder_of(clock, LiveWindows(), recent)
    recorder.record(invocation(outcome=Outcome.ERROR))
    await clock.advance(30 * 60)
    recorder.record(invocation(outcome=Outcome.USER_ERROR))
    clock.jump_wall(-3600)
    recorder.record(invocation(outcome=Outcome.LATE))
    assert recent.totals() == (2, 2)
    await clock.advance(31 * 60)
    assert recent.totals() == (1, 1)
    await clock.advance(60 * 60)
    assert recent.totals() == (0, 0)


@pytest.mark.parametrize("minutes_ago", [0, 10, 59, 61, 500])
def test_what_was_stored_before_the_start_counts_as_long_as_it_is_recent(minutes_ago: int):
    clock = ManualClock()
    recent = RecentOutcomes(clock)
    recorder_of(clock, LiveWindows(), recent).record(invocation())
    then = clock.now() - timedelta(minutes=minutes_ago)
    minute = int(then.timestamp()) // 60
    recent.seed(
        [MinuteCount(minute, "play", Outcome.OK, None, 16), MinuteCount(minute, "play", Outcome.ERROR, None, 4)]
    )
    expected = {0: (1, 0), 10: (21, 4), 59: (21, 4), 61: (1, 0), 500: (1, 0)}
    assert recent.totals() == expected[minutes_ago]
