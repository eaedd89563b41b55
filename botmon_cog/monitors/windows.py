"""What is kept in memory: the last samples of each metric, and the last hour's outcomes."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from botmon_cog.clock import Clock
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import FAULTS, Invocation
from botmon_cog.domain.performance import COMMAND, OPERATION, RESPONSE

SAMPLES_PER_METRIC = 1000
MOST_NAMES = 1000
"""Names come from hosts; what is beyond this many is not kept in memory (it is stored all the same)."""

_MINUTES = 60
_DURATION_S, _RESPONSE_S, _OUTCOME = attrgetter("duration_s"), attrgetter("response_s"), attrgetter("outcome")
_SPARE = 200
"""Values beyond those that count, so that the old ones need not go one by one."""


def _nothing() -> None:
    pass


class Window:
    """The last 1000 values. Packed: as objects, two windows of each of 200 commands would take 13 MB instead of 4."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values = array("d")

    def add(self, value: float) -> None:
        self.extend((value,))

    def extend(self, values: Iterable[float]) -> None:
        """What is no number is left out, as it is from the roll-ups."""
        self._values.extend(filter(math.isfinite, values))
        if len(self._values) > SAMPLES_PER_METRIC + _SPARE:
            del self._values[:-SAMPLES_PER_METRIC]

    def __iter__(self) -> Iterator[float]:
        return iter(self._values[-SAMPLES_PER_METRIC:])


class LiveWindows:
    """The last 1000 samples, in seconds, of each command's duration and first response, and of each operation.

    Attributes:
        refresh: called before a report is made; brings in what was held back.
    """

    def __init__(self) -> None:
        self.refresh: Callable[[], None] = _nothing
        self._commands: dict[str, tuple[Window, Window]] = {}
        self._operations: dict[str, Window] = {}

    def add_invocations(self, invocations: Iterable[Invocation]) -> None:
        by_command: defaultdict[str, list[Invocation]] = defaultdict(list)
        for invocation in invocations:
            by_command[invocation.command].append(invocation)
        for command, own in by_command.items():
            windows = self._commands.get(command)
            if windows is None:
                if len(self._commands) >= MOST_NAMES:
                    continue
                windows = self._commands[command] = (Window(), Window())
            windows[0].extend([value for value in map(_DURATION_S, own) if value is not None])
            windows[1].extend([value for value in map(_RESPONSE_S, own) if value is not None])

    def add_operation(self, name: str, value_s: float) -> None:
        window = self._operations.get(name)
        if window is None:
            if len(self._operations) >= MOST_NAMES:
                return
            window = self._operations[name] = Window()
        window.add(value_s)

    def histograms(self) -> Mapping[tuple[str, str], Histogram]:
        """By (what it is of, name)."""
        self.refresh()
        found = {(OPERATION, name): Histogram.of(window) for name, window in self._operations.items()}
        for name, (durations, responses) in self._commands.items():
            found[COMMAND, name] = Histogram.of(durations)
            found[RESPONSE, name] = Histogram.of(responses)
        return found


class RecentOutcomes:
    """Commands and the bot's faults, by minute, over the last hour. Minutes are monotonic: a clock may be set back.

    Attributes:
        refresh: called before a report is made; brings in what was held back.
    """

    def __init__(self, clock: Clock) -> None:
        self.refresh: Callable[[], None] = _nothing
        self._clock = clock
        self._minutes: deque[list[int]] = deque(maxlen=_MINUTES + 1)

    def add(self, invocations: Sequence[Invocation], minute: int) -> None:
        """Count what ended within one minute."""
        minutes = self._minutes
        if not minutes or minutes[-1][0] != minute:
            minutes.append([minute, 0, 0])
        counts = minutes[-1]
        counts[1] += len(invocations)
        counts[2] += sum(map(FAULTS.__contains__, map(_OUTCOME, invocations)))

    def seed(self, minutes: Iterable[tuple[int, int, int]]) -> None:
        """Take over what was stored before this process: (minutes since 1970, commands, faults), in order."""
        self.refresh()
        shift = int(self._clock.monotonic() // 60) - int(self._clock.now().timestamp()) // 60
        own = {counts[0] for counts in self._minutes}
        stored = ([minute + shift, n, faults] for minute, n, faults in minutes if minute + shift not in own)
        self._minutes = deque(sorted([*self._minutes, *stored]), maxlen=_MINUTES + 1)

    def totals(self) -> tuple[int, int]:
        """(commands, faults) within the last hour."""
        self.refresh()
        oldest = int(self._clock.monotonic() // 60) - _MINUTES
        recent = [counts for counts in self._minutes if counts[0] > oldest]
        return sum(counts[1] for counts in recent), sum(counts[2] for counts in recent)


class HourTally:
    """How often something happened within the last hour, to the minute. Not for several threads at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: deque[list[int]] = deque(maxlen=_MINUTES + 1)

    def add(self) -> None:
        minute = int(self._clock.monotonic() // 60)
        if self._minutes and self._minutes[-1][0] == minute:
            self._minutes[-1][1] += 1
        else:
            self._minutes.append([minute, 1])

    @property
    def total(self) -> int:
        oldest = int(self._clock.monotonic() // 60) - _MINUTES
        return sum(n for minute, n in self._minutes if minute > oldest)
