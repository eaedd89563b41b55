"""How the last hour's commands ended."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import NamedTuple

from botmon_cog.clock import Clock
from botmon_cog.domain.ended import Judged
from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.fault_runs import FAULTS, FaultRun, FaultRuns
from botmon_cog.monitors.refusals import Refusals, RefusedCommand
from botmon_cog.store.log import MinuteCount

MOST_COMMANDS = 1000
"""Names come from hosts: what is beyond this many is counted together."""
MOST_KINDS = 1000
"""Kinds of faults within one minute that are told apart."""

_MINUTES = 60
_REST = 0
"""The number of whatever has none of its own."""
_COMMAND, _OUTCOME, _MINUTE = attrgetter("command"), attrgetter("outcome"), attrgetter("minute")
_KIND = attrgetter("command", "outcome", "fingerprint", "error_type")
_NOT_RATED = frozenset(outcome for outcome in Outcome if not outcome.is_rated)


class OutcomeCounts(NamedTuple):
    """Commands of some time, as far as they are rated, and how many of them ended badly."""

    total: int
    errors: int
    """The bot's faults, however they came about."""
    late: int
    unanswered: int


class FailingCommand(NamedTuple):
    """One command that failed within the hour, as far as that is not muted."""

    command: str
    calls: int
    faults: int
    late: int
    unanswered: int
    run: FaultRun
    """Its faults since it last ended well."""
    fingerprint: int | None
    """Of the error group that most of its faults belong to."""
    error_type: str | None
    """The exception's class name; None where it is not known."""


_Kind = tuple[str | None, Outcome, int | None, str | None]
"""What the faults that are counted together have in common: as `_KIND`. What is too many to tell apart has no name."""


class _Minute(NamedTuple):
    minute: int
    calls: array[int]
    """By the number of the command; those at its end that have none are left out."""
    faults: Counter[_Kind]

    def add_calls(self, number: int, n: int) -> None:
        missing = number + 1 - len(self.calls)
        if missing > 0:
            self.calls.extend(repeat(0, missing))
        self.calls[number] += n

    def add_faults(self, kinds: Iterable[_Kind]) -> None:
        if len(self.faults) < MOST_KINDS:
            self.faults.update(kinds)
        else:
            self.faults.update(kind if kind in self.faults else (None, kind[1], None, None) for kind in kinds)


def _nothing() -> None:
    pass


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
        self._minutes: deque[_Minute] = deque(maxlen=_MINUTES + 1)
        self._numbers: dict[str, int] = {}
        self._runs = FaultRuns()
        self._refusals = Refusals()

    def add(self, invocations: Sequence[Judged], minute: int) -> None:
        """Count commands that ended within one minute, in the order of their ends."""
        if not self._minutes or self._minutes[-1].minute != minute:
            self._begin(minute)
        current, numbers = self._minutes[-1], self._numbers
        outcomes = set(map(_OUTCOME, invocations))
        rated = invocations
        if not outcomes.isdisjoint(_NOT_RATED):
            rated = [each for each in invocations if each.outcome not in _NOT_RATED]
        commands = Counter(map(_COMMAND, rated))
        calls = current.calls
        for command, n in commands.items():
            number = numbers.get(command)
            if number is None or number >= len(calls):
                current.add_calls(self._number(command), n)
            else:
                calls[number] += n
        if not outcomes.isdisjoint(FAULTS):
            faulty = [each for each in rated if each.outcome in FAULTS]
            current.add_faults(map(_KIND, faulty))
            failing = set(map(_COMMAND, faulty))
            self._runs.end(commands.keys() - failing)
            self._runs.add((each for each in rated if each.command in failing), minute)
        elif self._runs:
            self._runs.end(commands.keys())
        self._refusals.add_servers(invocations, minute)
        if Outcome.REFUSED in outcomes:
            self._refusals.add(invocations, minute, minute - _MINUTES)

    def seed(self, counts: Iterable[MinuteCount]) -> None:
        """Take over what an earlier process of the same name stored. Runs of faults begin anew."""
        self.refresh()
        shift = int(self._clock.monotonic() // 60) - int(self._clock.now().timestamp()) // 60
        own = {each.minute for each in self._minutes}
        stored: dict[int, _Minute] = {}
        for each in counts:
            minute = each.minute + shift
            if minute not in own:
                of_minute = stored.setdefault(minute, _Minute(minute, array("L"), Counter()))
                number = self._number(each.command)
                of_minute.add_calls(number, each.n)
                if each.outcome in FAULTS:
                    of_minute.add_faults(repeat((each.command, each.outcome, each.fingerprint, None), each.n))
        self._minutes = deque(sorted([*self._minutes, *stored.values()], key=_MINUTE), maxlen=_MINUTES + 1)

    def counts(self) -> OutcomeCounts:
        """Of the last hour."""
        return self.last_hour(0)[0]

    def last_hour(self, most: int) -> tuple[OutcomeCounts, list[FailingCommand]]:
        """How commands ended, and those that failed: at most so many, those with most faults first."""
        recent = self._recent()
        faults, muted = self._faults(recent)
        by_outcome: Counter[Outcome] = Counter()
        by_command: dict[str, Counter[_Kind]] = {}
        for kind, n in faults.items():
            by_outcome[kind[1]] += n
            if most and kind[0] in self._numbers:
                by_command.setdefault(kind[0], Counter())[kind] = n
        counts = OutcomeCounts(
            total=sum(sum(each.calls) for each in recent) - muted.total(),
            errors=by_outcome.total(),
            late=by_outcome[Outcome.LATE],
            unanswered=by_outcome[Outcome.UNANSWERED],
        )
        worst = sorted(by_command, key=lambda command: -by_command[command].total())[:most]
        return counts, [
            self._command(each, by_command[each], _calls(recent, self._numbers[each]) - muted[each]) for each in worst
        ]

    def totals(self) -> tuple[int, int]:
        """(rated commands, faults) within the last hour."""
        counts = self.counts()
        return counts.total, counts.errors

    def refused(self) -> tuple[list[RefusedCommand], int]:
        """The commands that Discord refused within the last hour, and how many servers used any command."""
        self.refresh()
        oldest = self._oldest()
        return self._refusals.commands(self.muted, oldest), self._refusals.servers(oldest)

    def _begin(self, minute: int) -> None:
        self._minutes.append(_Minute(minute, array("L", repeat(0, len(self._numbers) + 1)), Counter()))
        self._runs.forget(minute - _MINUTES)
        self._refusals.forget(minute - _MINUTES)

    def _number(self, command: str) -> int:
        number = self._numbers.get(command)
        if number is None:
            if len(self._numbers) >= MOST_COMMANDS:
                return _REST
            number = self._numbers[command] = len(self._numbers) + 1
        return number

    def _oldest(self) -> int:
        """The last minute that does not count any more."""
        return int(self._clock.monotonic() // 60) - _MINUTES

    def _recent(self) -> list[_Minute]:
        self.refresh()
        oldest = self._oldest()
        return [each for each in self._minutes if each.minute > oldest]

    def _faults(self, recent: Iterable[_Minute]) -> tuple[Counter[_Kind], Counter[str | None]]:
        """Those that count, and by command how many do not."""
        found: Counter[_Kind] = Counter()
        for each in recent:
            found.update(each.faults)
        muted: Counter[str | None] = Counter()
        for kind in [kind for kind in found if kind[2] in self.muted]:
            muted[kind[0]] += found.pop(kind)
        return found, muted

    def _command(self, command: str, faults: Counter[_Kind], calls: int) -> FailingCommand:
        outcomes: Counter[Outcome] = Counter()
        groups: Counter[int | None] = Counter()
        types: dict[int | None, str] = {}
        for (_, outcome, fingerprint, error_type), n in faults.items():
            outcomes[outcome] += n
            groups[fingerprint] += n
            if error_type is not None:
                types[fingerprint] = error_type
        ((most, _),) = groups.most_common(1)
        return FailingCommand(
            command=command,
            calls=calls,
            faults=outcomes.total(),
            late=outcomes[Outcome.LATE],
            unanswered=outcomes[Outcome.UNANSWERED],
            run=self._runs.of(command, self.muted, self._clock.now(), self._oldest() + _MINUTES),
            fingerprint=most,
            error_type=types.get(most),
        )


def _calls(recent: Iterable[_Minute], number: int) -> int:
    return sum(each.calls[number] for each in recent if number < len(each.calls))
