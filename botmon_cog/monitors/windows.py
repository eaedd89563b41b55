"""What is kept in memory: the last samples of each metric, and the last hour's outcomes."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from botmon_cog.clock import Clock
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import FAULTS, Invocation
from botmon_cog.domain.performance import COMMAND, OPERATION, RESPONSE

SAMPLES_PER_METRIC = 1000
MOST_NAMES = 1000
"""Names come from hosts; what is beyond this many is not kept in memory (it is stored all the same)."""

_MINUTES = 60


class Window:
    """The last 1000 values. Packed: as objects, two windows of each of 200 commands would take 13 MB instead of 3."""

    __slots__ = ("_oldest", "_values")

    def __init__(self) -> None:
        self._values = array("d")
        self._oldest = 0

    def add(self, value: float) -> None:
        """What is no number is left out, as it is from the roll-ups."""
        if not math.isfinite(value):
            return
        if len(self._values) < SAMPLES_PER_METRIC:
            self._values.append(value)
        else:
            self._values[self._oldest] = value
            self._oldest = (self._oldest + 1) % SAMPLES_PER_METRIC

    def __iter__(self) -> Iterator[float]:
        """In no particular order."""
        return iter(self._values)


class LiveWindows:
    """The last 1000 samples, in seconds, of each command's duration and first response, and of each operation."""

    def __init__(self) -> None:
        self._commands: dict[str, tuple[Window, Window]] = {}
        self._operations: dict[str, Window] = {}

    def add_invocation(self, invocation: Invocation) -> None:
        windows = self._commands.get(invocation.command)
        if windows is None:
            if len(self._commands) >= MOST_NAMES:
                return
            windows = self._commands[invocation.command] = (Window(), Window())
        if invocation.duration_s is not None:
            windows[0].add(invocation.duration_s)
        if invocation.response_s is not None:
            windows[1].add(invocation.response_s)

    def add_operation(self, name: str, value_s: float) -> None:
        window = self._operations.get(name)
        if window is None:
            if len(self._operations) >= MOST_NAMES:
                return
            window = self._operations[name] = Window()
        window.add(value_s)

    def histograms(self) -> Mapping[tuple[str, str], Histogram]:
        """By (what it is of, name)."""
        found = {(OPERATION, name): Histogram.of(window) for name, window in self._operations.items()}
        for name, (durations, responses) in self._commands.items():
            found[COMMAND, name] = Histogram.of(durations)
            found[RESPONSE, name] = Histogram.of(responses)
        return found


class RecentOutcomes:
    """Commands and the bot's faults, by minute, over the last hour. Minutes are monotonic: a clock may be set back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: deque[list[int]] = deque(maxlen=_MINUTES + 1)

    def add(self, invocation: Invocation) -> None:
        minute = int(self._clock.monotonic() // 60)
        minutes = self._minutes
        if not minutes or minutes[-1][0] != minute:
            minutes.append([minute, 0, 0])
        counts = minutes[-1]
        counts[1] += 1
        if invocation.outcome in FAULTS:
            counts[2] += 1

    def seed(self, minutes: Iterable[tuple[int, int, int]]) -> None:
        """Take over what was stored before this process: (minutes since 1970, commands, faults), in order."""
        shift = int(self._clock.monotonic() // 60) - int(self._clock.now().timestamp()) // 60
        own = {counts[0] for counts in self._minutes}
        stored = ([minute + shift, n, faults] for minute, n, faults in minutes if minute + shift not in own)
        self._minutes = deque(sorted([*self._minutes, *stored]), maxlen=_MINUTES + 1)

    def totals(self) -> tuple[int, int]:
        """(commands, faults) within the last hour."""
        oldest = int(self._clock.monotonic() // 60) - _MINUTES
        recent = [counts for counts in self._minutes if counts[0] > oldest]
        return sum(counts[1] for counts in recent), sum(counts[2] for counts in recent)
