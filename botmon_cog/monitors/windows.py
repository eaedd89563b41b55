"""What is kept in memory: the last samples of each command and operation, and how often things happened."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter, is_not
from typing import cast

from botmon_cog.clock import Clock
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import Invocation
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.performance import COMMAND, OPERATION, RESPONSE
from botmon_cog.domain.timed import TOKEN_LIFETIME_S, timed_duration_s

SAMPLES_PER_METRIC = 1000
MOST_NAMES = 1000
"""Names come from hosts; what is beyond this many is not kept in memory (it is stored all the same)."""

_MINUTES = 60
_COMMAND = attrgetter("command")
_OUTCOME = attrgetter("outcome")
_DURATION_S, _RESPONSE_S = attrgetter("duration_s"), attrgetter("response_s")
_TIMED = frozenset(outcome for outcome in Outcome if outcome.is_timed)
_IS_KNOWN = partial(is_not, None)
_SPARE = 200
"""Values beyond those that count, so that the old ones need not go one by one."""


def _nothing() -> None:
    pass


def _known(values: Iterable[float | None]) -> list[float]:
    return cast("list[float]", [*filter(_IS_KNOWN, values)])


class Window:
    """The last 1000 values. Packed: as objects, two windows of each of 200 commands would take 13 MB instead of 4.

    Attributes:
        added: how many values there ever were.
    """

    __slots__ = ("_values", "added")

    def __init__(self) -> None:
        self._values = array("d")
        self.added = 0

    def add(self, value: float) -> None:
        self.extend((value,))

    def extend(self, values: Iterable[float]) -> None:
        """What is no number is left out, as it is from the roll-ups."""
        before = len(self._values)
        self._values.extend(filter(math.isfinite, values))
        self.added += len(self._values) - before
        if len(self._values) > SAMPLES_PER_METRIC + _SPARE:
            del self._values[:-SAMPLES_PER_METRIC]

    def __iter__(self) -> Iterator[float]:
        return iter(self._values[-SAMPLES_PER_METRIC:])

    def newest(self, n: int) -> Sequence[float]:
        """The last `n` values, or as many of them as are kept."""
        return self._values[-min(n, SAMPLES_PER_METRIC) :] if n > 0 else ()


class LiveWindows:
    """The last 1000 samples, in seconds, of each command's duration and first response, and of each operation.

    Attributes:
        refresh: called before a report is made; brings in what was held back.
    """

    def __init__(self) -> None:
        self.refresh: Callable[[], None] = _nothing
        self._commands: dict[str, tuple[Window, Window]] = {}
        self._operations: dict[str, Window] = {}

    def add_invocations(self, invocations: Sequence[Invocation]) -> None:
        """Commands only; what does not count in times is left out."""
        timed = invocations
        if not _TIMED.issuperset(map(_OUTCOME, invocations)):
            timed = [invocation for invocation in invocations if invocation.outcome in _TIMED]
        for command, grouped in groupby(sorted(timed, key=_COMMAND), _COMMAND):
            windows = self._commands.get(command)
            if windows is None:
                if len(self._commands) >= MOST_NAMES:
                    continue
                windows = self._commands[command] = (Window(), Window())
            same = tuple(grouped)
            durations_s = _known(map(_DURATION_S, same))
            if durations_s and not max(durations_s) <= TOKEN_LIFETIME_S:  # else all of them count
                durations_s = _known(map(timed_duration_s, same))
            windows[0].extend(durations_s)
            windows[1].extend(_known(map(_RESPONSE_S, same)))

    def add_operation(self, name: str, value_s: float) -> None:
        window = self._operations.get(name)
        if window is None:
            if len(self._operations) >= MOST_NAMES:
                return
            window = self._operations[name] = Window()
        window.add(value_s)

    def durations(self) -> Iterator[tuple[str, Window]]:
        """By command."""
        self.refresh()
        for name, (durations, _) in self._commands.items():
            yield name, durations

    def histograms(self) -> Mapping[tuple[str, str], Histogram]:
        """By (what it is of, name)."""
        self.refresh()
        found = {(OPERATION, name): Histogram.of(window) for name, window in self._operations.items()}
        for name, (durations, responses) in self._commands.items():
            found[COMMAND, name] = Histogram.of(durations)
            found[RESPONSE, name] = Histogram.of(responses)
        return found


class HourTally:
    """How often something happened within the last hour, to the minute. Not for several threads at once.

    Attributes:
        ever: how often since this was made.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ever = 0
        self._minutes: deque[list[int]] = deque(maxlen=_MINUTES + 1)

    def add(self) -> None:
        self.ever += 1
        minute = int(self._clock.monotonic() // 60)
        if self._minutes and self._minutes[-1][0] == minute:
            self._minutes[-1][1] += 1
        else:
            self._minutes.append([minute, 1])

    @property
    def total(self) -> int:
        oldest = int(self._clock.monotonic() // 60) - _MINUTES
        return sum(n for minute, n in self._minutes if minute > oldest)
