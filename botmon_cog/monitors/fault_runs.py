"""Commands that fail again and again without a good end in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from botmon_cog.domain.ended import Judged
from botmon_cog.domain.models import Id, Invocation
from botmon_cog.domain.outcome import Outcome

MOST_RUNS = 1000
KEPT_FAULTS = 20
"""The newest of a run. Who is hit and what is muted is read from them; how many there are is counted apart."""

FAULTS = frozenset(outcome for outcome in Outcome if outcome.is_rated and outcome.is_fault)


class FaultRun(NamedTuple):
    """The faults of one command since it last ended well."""

    n: int
    people: int
    """How many different people the newest of them hit."""
    took_s: float
    """From the first to the last of them."""
    lasted_s: float
    """From the first of them until now."""


NO_RUN = FaultRun(0, 0, 0.0, 0.0)


class _Fault(NamedTuple):
    fingerprint: int | None
    user_id: Id | None
    started_at: datetime
    minute: int


class _Run:
    __slots__ = ("first", "n", "newest")

    def __init__(self, first: _Fault) -> None:
        self.first = first
        self.n = 0
        self.newest: deque[_Fault] = deque(maxlen=KEPT_FAULTS)


class FaultRuns:
    """The present run of each command that has one. Empty while all is well."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, invocations: Iterable[Judged], minute: int) -> None:
        """Take in commands, in the order of their ends. What is neither a fault nor a good end changes nothing."""
        runs = self._runs
        for each in invocations:
            outcome = each.outcome
            if isinstance(each, Invocation) and outcome in FAULTS:
                fault = _Fault(each.fingerprint, each.user_id, each.started_at, minute)
                run = runs.get(each.command)
                if run is None:
                    if len(runs) >= MOST_RUNS:
                        continue
                    run = runs[each.command] = _Run(fault)
                run.n += 1
                run.newest.append(fault)
            elif outcome is Outcome.OK and each.command in runs:
                del runs[each.command]

    def end(self, commands: Collection[str]) -> None:
        """Of these every call ended well."""
        for command in self._runs.keys() & commands:
            del self._runs[command]

    def forget(self, minute: int) -> None:
        """Drop the runs whose last fault was in this minute or before."""
        self._runs = {command: run for command, run in self._runs.items() if run.newest[-1].minute > minute}

    def of(self, command: str, muted: Collection[int], now: datetime, minute: int) -> FaultRun:
        """The run of a command, without what is muted; `minute` is now by the monotonic clock."""
        run = self._runs.get(command)
        if run is None:
            return NO_RUN
        faults: Sequence[_Fault] = [each for each in run.newest if each.fingerprint not in muted]
        if not faults:
            return NO_RUN
        is_whole = len(faults) == len(run.newest)
        first, last = run.first if is_whole else faults[0], faults[-1]
        return FaultRun(
            n=run.n if is_whole else len(faults),
            people=len({each.user_id for each in faults if each.user_id is not None}),
            took_s=_between_s(first, last.started_at, last.minute),
            lasted_s=_between_s(first, now, minute),
        )


def _between_s(first: _Fault, at: datetime, minute: int) -> float:
    """By the wall clock, which may have been set, as far as the monotonic minutes allow."""
    minutes = minute - first.minute
    return min(max((at - first.started_at).total_seconds(), (minutes - 1) * 60.0, 0.0), (minutes + 1) * 60.0)
