"""How quick the bot is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from botmon_cog.domain.report import Report
from botmon_cog.domain.reports.base import Period
from botmon_cog.domain.reports.commands import ComponentCounts, HourCount, Outcomes
from botmon_cog.domain.reports.errors import ErrorCounts
from botmon_cog.domain.reports.percentiles import Percentiles


class CommandPerformance(Report, frozen=True, kw_only=True):
    """One command's times and failures. `previous` is its duration in the period before."""

    command: str
    duration: Percentiles
    response: Percentiles
    previous: Percentiles
    slow_share: float
    """The share (0..1) of calls over the threshold."""
    outcomes: Outcomes = Outcomes()
    """How its calls ended."""


class FailingCommand(Report, frozen=True, kw_only=True):
    """A command that fails often enough to matter."""

    command: str
    is_severe: bool
    """Every fourth call fails, or more."""
    faults: int
    rated: int
    """Calls that the faults are a share of."""


class OperationPerformance(Report, frozen=True, kw_only=True):
    """A named operation's times, as `Performance.track` recorded them."""

    name: str
    duration: Percentiles
    failed: int


class Bottleneck(Report, frozen=True, kw_only=True):
    """Something that is slower than its threshold, often enough to matter."""

    name: str
    metric: str
    """`command`, `response` or the operation's name."""
    severity: str
    """`low`, `medium`, `high` or `critical`."""
    threshold_s: float
    p95_s: float
    slow_share: float
    """The share (0..1) of samples over the threshold."""
    n: int


class PerformanceReport(Report, frozen=True, kw_only=True):
    """How quick the bot was in a guild (or in all, where `guild_id` is None) within a period."""

    guild_id: str | None
    period: Period
    command: str | None
    """The one command that was asked for; None for all."""
    total_commands: int
    command_threshold_s: float
    response_threshold_s: float
    duration: Percentiles
    response: Percentiles
    gateway_delay: Percentiles
    late: int
    unanswered: int
    commands: tuple[CommandPerformance, ...]
    """Slowest first, by p95 where there is one, else by the maximum. Those without times are here if they failed."""
    operations: tuple[OperationPerformance, ...]
    bottlenecks: tuple[Bottleneck, ...]
    """Worst first."""
    components: tuple[ComponentCounts, ...] = ()
    """Buttons, select menus and modals, most used first; none where one command was asked for."""
    by_day: tuple[tuple[str, float | None], ...] = ()
    """(ISO date, p95 or maximum of the duration in seconds) of the one command asked for, else of the worst."""
    by_day_command: str | None = None
    outcomes: Outcomes = Outcomes()
    """How the calls of all these commands ended."""
    failing: tuple[FailingCommand, ...] = ()
    """Severe ones first, then by how often they failed."""
    by_hour: tuple[HourCount, ...] = ()
    """The hours of the period in which the one command that was asked for ran, in order; none for all commands."""


class Stretch(Report, frozen=True, kw_only=True):
    """Calls between two moments."""

    rated: int
    faults: int
    p95_s: float | None
    """Of the duration; None with fewer than 20 of them."""

    @property
    def fault_rate(self) -> float | None:
        """0..1; None where nothing is rated."""
        return self.faults / self.rated if self.rated else None


class DeployComparison(Report, frozen=True, kw_only=True):
    """The calls before and after the last deploy."""

    version: str
    started_at: datetime
    before: Stretch
    after: Stretch


class ServersUsing(Report, frozen=True, kw_only=True):
    """How many servers use one command."""

    n: int
    of: int
    """Servers in which any command ran in that time."""


class PerformanceContext(Report, frozen=True, kw_only=True):
    """What `/perf` shows beside a report, as far as the reader may see it."""

    causes: Mapping[str, tuple[ErrorCounts, ...]] = {}
    """Why commands failed, by command, the most frequent first. For the bot's owners only."""
    deploy: DeployComparison | None = None
    servers: ServersUsing | None = None
    """For the bot's owners only."""
    is_for_owner: bool = False
    is_known: bool = True
    """Whether anybody knows a command of the name that was asked for."""
    suggestions: tuple[str, ...] = ()
    """Names like it, the nearest first."""
    errors_command: str | None = None
    """What shows a traceback, before the id of a cause: `/botmon errors id:`; None where nothing does."""
    timezone: str = "UTC"
    """The zone whose clock hours of the day go by: its IANA name."""
