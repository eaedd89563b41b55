"""The four classes, made together."""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple, Self

from botmon_cog.config import Config
from botmon_cog.original.command_logger import CommandLogger
from botmon_cog.original.health_check import HealthCheck
from botmon_cog.original.performance_monitor import PerformanceMonitor
from botmon_cog.original.statistics_collector import StatisticsCollector
from botmon_cog.original.systems import system_for
from botmon_cog.runtime import MonitoringSystem


class Monitors(NamedTuple):
    """The four monitors of one database: `logger, performance, statistics, health = create_monitoring_system(db)`.

    `async with` closes them at its end.
    """

    logger: CommandLogger
    performance: PerformanceMonitor
    statistics: StatisticsCollector
    health: HealthCheck

    @property
    def system(self) -> MonitoringSystem:
        """The monitoring system with its typed monitors: the extension's while it is loaded. Ask anew at each use."""
        return self.logger.system

    async def close(self) -> None:
        """Let go of the system. The last to do so writes what is still queued."""
        for monitor in (self.performance, self.logger, self.statistics, self.health):
            await monitor.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def create_monitoring_system(db: object = None, *, config: Config | None = None) -> Monitors:
    """Make the four monitors over the bot's own database. The store lies beside it unless one is configured.

    All who name the same database share one system, and while the extension is loaded they share the extension's.

    Args:
        db: a path or URL, an open `sqlite3` or `aiosqlite` connection, or an object with `db_path`, `path`, `database`
            or `_get_connection()`. None means the configured store.
        config: None means `botmon.toml`, as the extension reads it.

    Raises:
        TypeError: `db` names no database.
        ConfigError: the configuration or the URL is wrong. The database itself is opened on first use.
    """
    logger, performance, statistics, health = (system_for(db, config=config) for _ in Monitors._fields)
    return Monitors(
        CommandLogger(logger), PerformanceMonitor(performance), StatisticsCollector(statistics), HealthCheck(health)
    )
