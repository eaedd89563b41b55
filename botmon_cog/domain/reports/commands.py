"""Commands, one by one and counted."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.domain.report import Report


class CommandCounts(Report, frozen=True, kw_only=True):
    """How often a command was invoked and how that ended. `n` includes old rows whose outcome nobody knows."""

    command: str
    n: int = 0
    ok: int = 0
    user_error: int = 0
    denied: int = 0
    error: int = 0
    late: int = 0
    unanswered: int = 0
    cancelled: int = 0

    @property
    def faults(self) -> int:
        """Those that were the bot's fault."""
        return self.error + self.late + self.unanswered

    @property
    def known(self) -> int:
        """Those whose outcome is known."""
        return self.ok + self.user_error + self.denied + self.faults + self.cancelled

    @property
    def fault_rate(self) -> float | None:
        """The bot's faults among the known, 0..1; None where nothing is known."""
        return self.faults / self.known if self.known else None


class CommandStats(Report, frozen=True, kw_only=True):
    """Commands counted by how they ended."""

    total_commands: int = 0
    """All, those with an unknown outcome (rows of old databases) included."""
    successful_commands: int = 0
    failed_commands: int = 0
    """All known outcomes but `ok`: a user's typo is in here."""
    success_rate: float | None = None
    """Successful among the known, 0..1."""
    fault_rate: float | None = None
    """The bot's faults among the known, 0..1."""
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
    faults: int
