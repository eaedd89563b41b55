"""What a report says, as values.

Every report is a struct whose fields can also be read by subscript (`report["overall_status"]`), with `get`, `keys`
and `in`, as the dictionaries of older versions could; `msgspec.to_builtins` and `msgspec.json.encode` take them as
they are.
"""

from __future__ import annotations

from botmon_cog.domain.models import HistoryEntry
from botmon_cog.domain.report import Report
from botmon_cog.domain.reports.background import BackgroundFailure, MembershipEntry
from botmon_cog.domain.reports.base import Period
from botmon_cog.domain.reports.commands import (
    AutocompleteCounts,
    CommandCounts,
    CommandStats,
    ComponentCounts,
    HourCount,
    Outcomes,
    added_up,
)
from botmon_cog.domain.reports.health import ComponentHealth, HealthMoment, HealthReport, Problem
from botmon_cog.domain.reports.percentiles import MIN_FOR_P99, MIN_FOR_PERCENTILES, Percentiles
from botmon_cog.domain.reports.performance import (
    Bottleneck,
    CommandPerformance,
    DeployComparison,
    FailingCommand,
    OperationPerformance,
    PerformanceContext,
    PerformanceReport,
    ServersUsing,
    Stretch,
)
from botmon_cog.domain.reports.statistics import FailureSummary, MusicTotals, SongCounts, StatisticsReport

__all__ = [
    "MIN_FOR_P99",
    "MIN_FOR_PERCENTILES",
    "AutocompleteCounts",
    "BackgroundFailure",
    "Bottleneck",
    "CommandCounts",
    "CommandPerformance",
    "CommandStats",
    "ComponentCounts",
    "ComponentHealth",
    "DeployComparison",
    "FailingCommand",
    "FailureSummary",
    "HealthMoment",
    "HealthReport",
    "HistoryEntry",
    "HourCount",
    "MembershipEntry",
    "MusicTotals",
    "OperationPerformance",
    "Outcomes",
    "Percentiles",
    "PerformanceContext",
    "PerformanceReport",
    "Period",
    "Problem",
    "Report",
    "ServersUsing",
    "SongCounts",
    "StatisticsReport",
    "Stretch",
    "added_up",
]
