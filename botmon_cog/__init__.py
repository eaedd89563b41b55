"""A drop-in discord.py extension that gives a bot complete sight of itself.

`await bot.load_extension("botmon_cog")` is all that a bot needs, and `of(bot)` has what it observes. To log and count
by hand, in a bot or without one, call `create_monitoring_system`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING

# Comes first: in the command line, Ctrl-C is quiet from here on.
from botmon_cog.cli import quiet  # noqa: F401  # pyright: ignore[reportUnusedImport]
from botmon_cog.compat.libraries import refusal
from botmon_cog.compat.red import load_error_for
from botmon_cog.config import Config, load_config
from botmon_cog.domain.models import HistoryEntry, Invocation
from botmon_cog.domain.reports import (
    Bottleneck,
    CommandStats,
    HealthReport,
    PerformanceReport,
    Period,
    StatisticsReport,
)
from botmon_cog.errors import BotMonError, ConfigError, StorageError
from botmon_cog.health.check import Health
from botmon_cog.monitors.command_log import CommandLog
from botmon_cog.monitors.metrics import Counter, Gauge, Histogram, Metrics, Timer
from botmon_cog.monitors.performance import Performance
from botmon_cog.monitors.statistics import Statistics
from botmon_cog.observer.ignoring import ignore
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
    "Counter",
    "Gauge",
    "Health",
    "HealthCheck",
    "HealthReport",
    "Histogram",
    "HistoryEntry",
    "Invocation",
    "Metrics",
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
    "Timer",
    "async_timer",
    "create_monitoring_system",
    "get_health_report",
    "get_performance_stats",
    "get_statistics_report",
    "ignore",
    "load_config",
    "log_command_execution",
    "of",
    "safe_execute",
    "setup",
]

__red_end_user_data_statement__ = (
    "This cog keeps who used which command and when, with their ID and name,"
    " for 90 days unless its owner set it otherwise."
)
"""Shown by Red's `[p]mydata 3rdparty`."""

_log = logging.getLogger(__name__)


def setup(bot: commands.Bot) -> Awaitable[None]:
    """What `bot.load_extension` calls.

    A bot that can't be watched goes on as it is, and the log says why. No coroutine function: other libraries call it
    without awaiting what it returns.
    """
    reason = refusal(bot)
    if reason is not None:
        _log.error("%s", reason)
        return _Nothing()
    return _add_to(bot)


async def _add_to(bot: commands.Bot) -> None:
    from botmon_cog.cog.cog import add_to  # noqa: PLC0415 (only a bot needs discord; the monitors run without)

    try:
        await add_to(bot)
    except BotMonError as error:
        raise load_error_for(bot, error) from error


class _Nothing:
    """May be awaited, or not."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()
