"""How quick the bot is."""

from __future__ import annotations

from botmon_cog.domain.report import Report
from botmon_cog.domain.reports.base import Period
from botmon_cog.domain.reports.commands import ComponentCounts
from botmon_cog.domain.reports.percentiles import Percentiles


class CommandPerformance(Report, frozen=True, kw_only=True):
    """One command's times. `previous` is its duration in the period before."""

    command: str
    duration: Percentiles
    response: Percentiles
    previous: Percentiles
    slow_share: float
    """The share (0..1) of calls over the threshold."""


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
    """Slowest first, by p95 where there is one, else by the maximum."""
    operations: tuple[OperationPerformance, ...]
    bottlenecks: tuple[Bottleneck, ...]
    """Worst first."""
    components: tuple[ComponentCounts, ...] = ()
    """Buttons, select menus and modals, most used first; none where one command was asked for."""
    by_day: tuple[tuple[str, float | None], ...] = ()
    """(ISO date, p95 or maximum of the duration in seconds) of the one command asked for, else of the worst."""
    by_day_command: str | None = None
