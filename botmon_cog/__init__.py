"""A drop-in discord.py extension that gives a bot complete sight of itself.

`await bot.load_extension("botmon_cog")` is all that a bot needs. Without a bot, `create_monitoring_system` makes the
same four monitors over a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.api import (
    async_timer,
    create_monitoring_system,
    get_health_report,
    get_performance_stats,
    get_statistics_report,
    log_command_execution,
    safe_execute,
)
from botmon_cog.config import Config, load_config
from botmon_cog.errors import BotMonError, ConfigError, StorageError
from botmon_cog.monitors.command_logger import CommandLogger
from botmon_cog.monitors.health import HealthCheck
from botmon_cog.monitors.performance import PerformanceMonitor
from botmon_cog.monitors.statistics import StatisticsCollector
from botmon_cog.runtime import MonitoringSystem

if TYPE_CHECKING:
    from discord.ext import commands

__all__ = [
    "BotMonError",
    "CommandLogger",
    "Config",
    "ConfigError",
    "HealthCheck",
    "MonitoringSystem",
    "PerformanceMonitor",
    "StatisticsCollector",
    "StorageError",
    "async_timer",
    "create_monitoring_system",
    "get_health_report",
    "get_performance_stats",
    "get_statistics_report",
    "load_config",
    "log_command_execution",
    "safe_execute",
    "setup",
]


async def setup(bot: commands.Bot) -> None:
    """What `bot.load_extension` calls."""
    from botmon_cog.cog.cog import add_to  # noqa: PLC0415 (only a bot needs discord; the monitors run without)

    await add_to(bot)
