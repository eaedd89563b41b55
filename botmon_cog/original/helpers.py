"""One call without anything made before.

They work on the system that was made last, by `create_monitoring_system` or the extension. If there is none, or if
`db_path` names another database than the usual one, it is that database's.
"""

from __future__ import annotations

import logging
from typing import Any, TypeVar

from botmon_cog.errors import BotMonError
from botmon_cog.original.base import Monitor
from botmon_cog.original.command_logger import CommandLogger
from botmon_cog.original.health_check import HealthCheck
from botmon_cog.original.performance_monitor import PerformanceMonitor
from botmon_cog.original.statistics_collector import StatisticsCollector
from botmon_cog.original.systems import newest, system_for

_log = logging.getLogger(__name__)

_USUAL = "data/bot.db"

M = TypeVar("M", bound=Monitor)


async def log_command_execution(
    guild_id: object,
    guild_name: object,
    user_id: object,
    username: object,
    command: object,
    duration: object,
    success: object,
    details: object = None,
    db_path: object = _USUAL,
) -> bool:
    """As `CommandLogger.log_command`. `details` is a dict, and stored as the parameters."""
    logger = _made(CommandLogger, db_path)
    if logger is None:
        return False
    return await logger.log_command(guild_id, guild_name, user_id, username, command, details, duration, success)


async def get_performance_stats(guild_id: object, days: object = 7, db_path: object = _USUAL) -> dict[str, Any]:
    """As `PerformanceMonitor.get_performance_stats`."""
    performance = _made(PerformanceMonitor, db_path)
    return {} if performance is None else await performance.get_performance_stats(guild_id, days)


async def get_health_report(guild_id: object = None, db_path: object = _USUAL) -> dict[str, Any]:
    """As `HealthCheck.get_full_health_report`."""
    health = _made(HealthCheck, db_path)
    return {} if health is None else await health.get_full_health_report(guild_id)


async def get_statistics_report(
    guild_id: object, period: object = "weekly", db_path: object = _USUAL
) -> dict[str, Any]:
    """As `StatisticsCollector.generate_weekly_report`, or with a period of `monthly` as `generate_monthly_report`."""
    statistics = _made(StatisticsCollector, db_path)
    if statistics is None:
        return {}
    if period == "weekly":
        return await statistics.generate_weekly_report(guild_id)
    if period == "monthly":
        return await statistics.generate_monthly_report(guild_id)
    _log.warning("get_statistics_report did nothing: period must be 'weekly' or 'monthly'")
    return {}


def _made(kind: type[M], db_path: object) -> M | None:
    """A monitor for one call, which keeps no system open; None if the database can't be used, which is logged."""
    try:
        lease = newest() if db_path == _USUAL else None
        return kind(lease or system_for(db_path, is_user=False))
    except (TypeError, BotMonError) as error:
        _log.warning("can't use the database that db_path names: %s", error)
    except Exception:  # noqa: BLE001 (the edge: the caller is somebody's command)
        _log.exception("can't use the database that db_path names")
    return None
