"""What is kept in memory: the last samples of each metric, and the last hour's outcomes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from botmon_cog.clock import Clock
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import FAULTS, Invocation
from botmon_cog.domain.performance import COMMAND, RESPONSE

SAMPLES_PER_METRIC = 1000
MOST_METRICS = 1000
"""Names come from hosts; what is beyond this many is not kept in memory (it is stored all the same)."""

_MINUTES = 60


class LiveWindows:
    """The last 1000 samples, in seconds, of each (metric, name)."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], deque[float]] = {}

    def add(self, metric: str, name: str, value_s: float) -> None:
        samples = self._samples.get((metric, name))
        if samples is None:
            if len(self._samples) >= MOST_METRICS:
                return
            samples = self._samples[metric, name] = deque(maxlen=SAMPLES_PER_METRIC)
        samples.append(value_s)

    def add_invocation(self, invocation: Invocation) -> None:
        if invocation.duration_s is not None:
            self.add(COMMAND, invocation.command, invocation.duration_s)
        if invocation.response_s is not None:
            self.add(RESPONSE, invocation.command, invocation.response_s)

    def histograms(self) -> Mapping[tuple[str, str], Histogram]:
        return {key: Histogram.of(samples) for key, samples in self._samples.items()}


class RecentOutcomes:
    """Commands and the bot's faults, by minute, over the last hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: deque[list[int]] = deque(maxlen=_MINUTES + 1)

    def add(self, invocation: Invocation) -> None:
        minute = int(self._clock.now().timestamp()) // 60
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append([minute, 0, 0])
        counts = self._minutes[-1]
        counts[1] += 1
        counts[2] += invocation.outcome in FAULTS

    def seed(self, minutes: Iterable[tuple[int, int, int]]) -> None:
        """Take over what was stored before this process: (minutes since 1970, commands, faults), in order."""
        own = {counts[0] for counts in self._minutes}
        merged = sorted([*self._minutes, *([m, n, faults] for m, n, faults in minutes if m not in own)])
        self._minutes = deque(merged, maxlen=_MINUTES + 1)

    def totals(self) -> tuple[int, int]:
        """(commands, faults) within the last hour."""
        oldest = int(self._clock.now().timestamp()) // 60 - _MINUTES
        recent = [counts for counts in self._minutes if counts[0] > oldest]
        return sum(counts[1] for counts in recent), sum(counts[2] for counts in recent)
