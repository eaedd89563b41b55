"""Commands, one by one and counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.report import Report
from botmon_cog.domain.reports.percentiles import Percentiles


class Outcomes(Report, frozen=True, kw_only=True):
    """How often something was invoked and how that ended: a field for each outcome."""

    n: int = 0
    """All of them."""
    ok: int = 0
    user_error: int = 0
    denied: int = 0
    refused: int = 0
    error: int = 0
    late: int = 0
    unanswered: int = 0
    cancelled: int = 0
    crashed: int = 0

    def of(self, outcome: Outcome) -> int:
        """How many ended so."""
        return getattr(self, outcome.value)

    @property
    def executed(self) -> int:
        """Those that ran: not those that were used wrongly, not allowed, or refused."""
        return sum(self.of(outcome) for outcome in Outcome if outcome.is_executed)

    @property
    def rated(self) -> int:
        """Those that a rate of faults is a share of."""
        return sum(self.of(outcome) for outcome in Outcome if outcome.is_rated)

    @property
    def faults(self) -> int:
        """Those that were the bot's fault, as far as they are rated."""
        return sum(self.of(outcome) for outcome in Outcome if outcome.is_fault and outcome.is_rated)

    @property
    def fault_rate(self) -> float | None:
        """`faults` among `rated`, 0..1; None where none is."""
        return self.faults / self.rated if self.rated else None


def added_up(counts: Iterable[Outcomes]) -> Outcomes:
    """The sums of several."""
    found = tuple(counts)
    sums = {outcome.value: sum(each.of(outcome) for each in found) for outcome in Outcome}
    return Outcomes(n=sum(each.n for each in found), **sums)


class CommandCounts(Outcomes, frozen=True, kw_only=True):
    """How often a command was invoked and how that ended."""

    command: str


class ComponentCounts(Outcomes, frozen=True, kw_only=True):
    """How often a button, a select menu or a modal was used, how that ended, and how long it took."""

    name: str
    duration: Percentiles = Percentiles()
    response: Percentiles = Percentiles()


class AutocompleteCounts(Report, frozen=True, kw_only=True):
    """How often the options of a command were completed, and how long that took."""

    command: str
    n: int
    failed: int
    """Those that raised, or that Discord refused."""
    duration: Percentiles


class CommandStats(Report, frozen=True, kw_only=True):
    """Commands counted by how they ended."""

    total_commands: int = 0
    """All that were invoked."""
    executed_commands: int = 0
    """Those that ran: not those that were used wrongly, not allowed, or refused by Discord."""
    successful_commands: int = 0
    failed_commands: int = 0
    """All but the successful ones: a user's typo is in here."""
    success_rate: float | None = None
    """Successful among all, 0..1."""
    fault_rate: float | None = None
    """The bot's faults among those that are rated, 0..1: see `Outcome`."""
    commands: tuple[CommandCounts, ...] = ()
    """Most used first."""


class HourCount(Report, frozen=True, kw_only=True):
    """Commands within the hour that begins at `start`.

    That is an hour of the period that was asked for, counted from its own start: in a zone of +05:30 it begins at half
    past in UTC.
    """

    start: datetime
    """Aware UTC."""
    n: int
    """Executed."""
    faults: int
    """The bot's, as far as they are rated."""
