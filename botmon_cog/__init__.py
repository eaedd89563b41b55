"""A drop-in discord.py extension that gives a bot complete sight of itself.

`await bot.load_extension("botmon_cog")` is all that a bot needs, and `of(bot)` has what it observes. To log and count
by hand, in a bot or without one, call `create_monitoring_system`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.config import Config, load_config
from botmon_cog.domain.models import HistoryEntry
from botmon_cog.domain.reports import (
    Bottleneck,
    CommandStats,
    HealthReport,
    PerformanceReport,
    Period,
    StatisticsReport,
)
from botmon_cog.errors import BotMonError, ConfigError, StorageError
from botmon_cog.monitors.command_log import CommandLog
from botmon_cog.monitors.health import Health
from botmon_cog.monitors.performance import Performance
from botmon_cog.monitors.statistics import Statistics
from botmon_cog.original.command_logger import CommandLogger
from botmon_cog.original.decorators import async_timer, safe_execute
from botmon_cog.original.health_check import HealthCheck
from botmon_cog.original.helpers import (
    get_health_report,
    get_performance_stats,
    get_statistics_report,
    log_command_execution,
)
from botmon_cog.original.monitoring import Monitors, create_monitoring_system
from botmon_cog.original.performance_monitor import PerformanceMonitor
from botmon_cog.original.statistics_collector import StatisticsCollector
from botmon_cog.original.systems import of
from botmon_cog.runtime import MonitoringSystem

if TYPE_CHECKING:
    from discord.ext import commands

__all__ = [
    "BotMonError",
    "Bottleneck",
    "CommandLog",
    "CommandLogger",
    "CommandStats",
    "Config",
    "ConfigError",
    "Health",
    "HealthCheck",
    "HealthReport",
    "HistoryEntry",
    "MonitoringSystem",
    "Monitors",
    "Performance",
    "PerformanceMonitor",
    "PerformanceReport",
    "Period",
    "Statistics",
    "StatisticsCollector",
    "StatisticsReport",
    "StorageError",
    "async_timer",
    "create_monitoring_system",
    "get_health_report",
    "get_performance_stats",
    "get_statistics_report",
    "load_config",
    "log_command_execution",
    "of",
    "safe_execute",
    "setup",
]


async def setup(bot: commands.Bot) -> None:
    """What `bot.load_extension` calls."""
    from botmon_cog.cog.cog import add_to  # noqa: PLC0415 (only a bot needs discord; the monitors run without)

    await add_to(bot)
