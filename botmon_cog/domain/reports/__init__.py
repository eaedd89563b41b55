"""What a report says, as values.

Every report is a struct whose fields can also be read by subscript (`report["overall_status"]`), with `get`, `keys`
and `in`, as the dictionaries of older versions could; `msgspec.to_builtins` and `msgspec.json.encode` take them as
they are.
"""

from __future__ import annotations

from botmon_cog.domain.reports.base import Period, Report
from botmon_cog.domain.reports.commands import CommandCounts, CommandStats, HistoryEntry, HourCount
from botmon_cog.domain.reports.health import ComponentHealth, HealthMoment, HealthReport, MonitorHealth
from botmon_cog.domain.reports.percentiles import MIN_FOR_P99, MIN_FOR_PERCENTILES, Percentiles
from botmon_cog.domain.reports.performance import (
    Bottleneck,
    CommandPerformance,
    OperationPerformance,
    PerformanceReport,
)
from botmon_cog.domain.reports.statistics import MusicTotals, StatisticsReport

__all__ = [
    "MIN_FOR_P99",
    "MIN_FOR_PERCENTILES",
    "Bottleneck",
    "CommandCounts",
    "CommandPerformance",
    "CommandStats",
    "ComponentHealth",
    "HealthMoment",
    "HealthReport",
    "HistoryEntry",
    "HourCount",
    "MonitorHealth",
    "MusicTotals",
    "OperationPerformance",
    "Percentiles",
    "PerformanceReport",
    "Period",
    "Report",
    "StatisticsReport",
]
