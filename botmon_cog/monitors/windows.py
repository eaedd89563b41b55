"""What is kept in memory: the last samples of each metric, the last hour's outcomes, and means between two checks."""

from __future__ import annotations

import math
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter, is_not
from typing import NamedTuple

from botmon_cog.clock import Clock
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import Invocation
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.performance import COMMAND, OPERATION, RESPONSE
from botmon_cog.domain.timed import timed_duration_s

SAMPLES_PER_METRIC = 1000
MOST_NAMES = 1000
"""Names come from hosts; what is beyond this many is not kept in memory (it is stored all the same)."""

_MINUTES = 60
_COMMAND, _OUTCOME = attrgetter("command"), attrgetter("outcome")
_RESPONSE_S = attrgetter("response_s")
_TIMED = frozenset(outcome for outcome in Outcome if outcome.is_timed)
_NOT_RATED = tuple(outcome for outcome in Outcome if not outcome.is_rated)
_FAULTS = tuple(outcome for outcome in Outcome if outcome.is_rated and outcome.is_fault)
_KNOWN = partial(is_not, None)
_SPARE = 200
"""Values beyond those that count, so that the old ones need not go one by one."""


def _nothing() -> None:
    pass


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

    def add_invocations(self, invocations: Iterable[Invocation]) -> None:
        """Commands only; what does not count in times is left out."""
        timed = [invocation for invocation in invocations if invocation.outcome in _TIMED]
        for command, grouped in groupby(sorted(timed, key=_COMMAND), _COMMAND):
            windows = self._commands.get(command)
            if windows is None:
                if len(self._commands) >= MOST_NAMES:
                    continue
                windows = self._commands[command] = (Window(), Window())
            same = tuple(grouped)
            windows[0].extend(each for each in map(timed_duration_s, same) if each is not None)
            windows[1].extend(filter(_KNOWN, map(_RESPONSE_S, same)))

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


class OutcomeCounts(NamedTuple):
    """Commands of some time, as far as they are rated, and how many of them ended badly."""

    total: int
    errors: int
    """The bot's faults, however they came about."""
    late: int
    unanswered: int


class RecentOutcomes:
    """How commands ended, by minute, over the last hour. Minutes are monotonic: a clock may be set back.

    Attributes:
        refresh: called before a report is made; brings in what was held back.
        muted: the fingerprints of error groups that do not count, from the next report on and as long as they are here.
    """

    def __init__(self, clock: Clock) -> None:
        self.refresh: Callable[[], None] = _nothing
        self.muted: frozenset[int] = frozenset()
        self._clock = clock
        self._minutes: deque[list[int]] = deque(maxlen=_MINUTES + 1)
        """Each the minute, then as in `OutcomeCounts`."""
        self._faults: dict[int, Counter[tuple[int, Outcome]]] = {}
        """By minute, how many of its faults are of which error group."""

    def add(self, invocations: Sequence[Invocation], minute: int) -> None:
        """Count commands that ended within one minute."""
        minutes = self._minutes
        if not minutes or minutes[-1][0] != minute:
            minutes.append([minute, 0, 0, 0, 0])
        counts = minutes[-1]
        outcomes = Counter(map(_OUTCOME, invocations))
        counts[1] += len(invocations)
        if len(outcomes) > 1 or Outcome.OK not in outcomes:
            counts[1] -= sum(outcomes[outcome] for outcome in _NOT_RATED)
            counts[2] += sum(outcomes[fault] for fault in _FAULTS)
            counts[3] += outcomes[Outcome.LATE]
            counts[4] += outcomes[Outcome.UNANSWERED]
            self._add_faults(invocations, minute)

    def _add_faults(self, invocations: Sequence[Invocation], minute: int) -> None:
        """Note whose faults they are, so that what is muted later can be taken out."""
        of_minute = self._faults.get(minute)
        if of_minute is None:
            oldest = self._minutes[0][0]
            self._faults = {other: faults for other, faults in self._faults.items() if other >= oldest}
            of_minute = self._faults[minute] = Counter()
        for invocation in invocations:
            if invocation.fingerprint is not None and invocation.outcome in _FAULTS:
                key = invocation.fingerprint, invocation.outcome
                if key in of_minute or len(of_minute) < MOST_NAMES:
                    of_minute[key] += 1

    def seed(self, minutes: Iterable[tuple[int, int, int]]) -> None:
        """Take over what was stored before this process: (minutes since 1970, commands, faults), in order.

        Of these faults nobody says how many were late or unanswered.
        """
        self.refresh()
        shift = int(self._clock.monotonic() // 60) - int(self._clock.now().timestamp()) // 60
        own = {counts[0] for counts in self._minutes}
        stored = ([minute + shift, n, faults, 0, 0] for minute, n, faults in minutes if minute + shift not in own)
        self._minutes = deque(sorted([*self._minutes, *stored]), maxlen=_MINUTES + 1)

    def counts(self) -> OutcomeCounts:
        """Of the last hour."""
        self.refresh()
        oldest = int(self._clock.monotonic() // 60) - _MINUTES
        recent = [counts[1:] for counts in self._minutes if counts[0] > oldest]
        if not recent:
            return OutcomeCounts(0, 0, 0, 0)
        total, errors, late, unanswered = map(sum, zip(*recent, strict=True))
        muted = self._muted(oldest)
        n = muted.total()
        return OutcomeCounts(total - n, errors - n, late - muted[Outcome.LATE], unanswered - muted[Outcome.UNANSWERED])

    def _muted(self, oldest: int) -> Counter[Outcome]:
        """How many faults after a minute are not to count."""
        found: Counter[Outcome] = Counter()
        if self.muted:
            for minute, faults in self._faults.items():
                if minute > oldest:
                    for (fingerprint, outcome), n in faults.items():
                        if fingerprint in self.muted:
                            found[outcome] += n
        return found

    def totals(self) -> tuple[int, int]:
        """(rated commands, faults) within the last hour."""
        counts = self.counts()
        return counts.total, counts.errors


class MetricMeans:
    """The mean of each metric between two checks."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[int, float]] = {}

    def add(self, name: str, value: float) -> None:
        """What is no number is left out."""
        sums = self._sums
        if math.isfinite(value) and (name in sums or len(sums) < MOST_NAMES):
            n, total = sums.get(name, (0, 0.0))
            sums[name] = n + 1, total + value

    def means(self) -> dict[str, float]:
        """By name, of what came since `restart`."""
        return {name: total / n for name, (n, total) in self._sums.items()}

    def restart(self) -> None:
        """Begin anew."""
        self._sums = {}


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
