"""The module-level helpers: for bots that want one call, not four objects.

They work on the newest monitoring system of this process, whoever made it: `create_monitoring_system` or the extension.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from msgspec.structs import replace

from botmon_cog.config import Config, load_config
from botmon_cog.domain.reports import HealthReport, PerformanceReport, StatisticsReport
from botmon_cog.host import store_url
from botmon_cog.monitors.ids import Id
from botmon_cog.runtime import MonitoringSystem

if TYPE_CHECKING:
    import aiosqlite

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Unloading the extension takes every module of this package out of sys.modules, while hosts keep the helpers that they
# imported. What old and new copies of this module share must therefore live beside the package.
_SHARED = "_botmon_cog_shared"


def use(system: MonitoringSystem) -> None:
    """Let the helpers below work on this system."""
    vars(sys.modules.setdefault(_SHARED, ModuleType(_SHARED)))["newest"] = system


def forget(system: MonitoringSystem) -> None:
    """Let the helpers stop working on this system."""
    if newest_system() is system:
        del sys.modules[_SHARED]


def newest_system() -> MonitoringSystem | None:
    """The system that the helpers work on."""
    return getattr(sys.modules.get(_SHARED), "newest", None)


def create_monitoring_system(
    db: str | Path | aiosqlite.Connection | None = None, *, config: Config | None = None
) -> MonitoringSystem:
    """Make the four monitors over a database. What comes back unpacks into them.

    Args:
        db: a path, a URL (`sqlite:///…`, `:memory:`, `postgresql://…`), or an open `aiosqlite.Connection`; None means
            the configured one. A file of the host's own is not written to: the store lies beside it (`bot.botmon.db`
            beside `bot.db`); beside a connection it lies where it is configured.
        config: None means `botmon.toml`, as the extension reads it.

    Raises:
        ConfigError: the configuration or the URL is wrong. The database itself is opened on first use.
    """
    config = load_config() if config is None else config
    url = store_url(db) if isinstance(db, str | Path) else config.storage.url
    system = MonitoringSystem(replace(config, storage=replace(config.storage, url=url)))
    use(system)
    return system


async def log_command_execution(
    guild_id: Id | None,
    guild_name: str | None,
    user_id: Id | None,
    username: str | None,
    command: str,
    duration: float | None = None,
    success: bool = True,
    details: str | None = None,
) -> bool:
    """Record one command, `duration` in seconds. False where there is no system or it failed. See `log_command`."""
    system = _system("log_command_execution")
    if system is None:
        return False
    return await system.command_logger.log_command(
        guild_id,
        user_id,
        command,
        guild_name=guild_name,
        username=username,
        duration=duration,
        success=success,
        details=details,
    )


async def get_performance_stats(guild_id: Id | None = None, days: int = 7) -> PerformanceReport | None:
    """Times within the last `days` times 24 h; None where there is no system."""
    system = _system("get_performance_stats")
    return None if system is None else await system.performance.get_performance_stats(guild_id, days)


async def get_health_report(guild_id: Id | None = None) -> HealthReport | None:  # noqa: ARG001 (see below)
    """The verdict and what it rests on; None where there is no system.

    Health is the bot's, not a guild's: `guild_id` is taken because older versions took it.
    """
    system = _system("get_health_report")
    return None if system is None else await system.health.get_full_health_report()


async def get_statistics_report(guild_id: Id | None, period: str = "weekly") -> StatisticsReport | None:
    """The `weekly` or `monthly` report (or `today`'s); None where there is no system or no such period."""
    system = _system("get_statistics_report")
    if system is None:
        return None
    try:
        wanted = system.statistics.period(period)
    except ValueError as error:
        _log.error("get_statistics_report: %s", error)
        return None
    return await system.statistics.safe_report(guild_id, wanted)


def _system(caller: str) -> MonitoringSystem | None:
    system = newest_system()
    if system is None:
        _log.warning("%s does nothing: call create_monitoring_system or load the extension first", caller)
    return system


@overload
def async_timer(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]: ...
@overload
def async_timer(
    function: None = None, *, name: str | None = None
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]: ...
def async_timer(function: Any = None, *, name: str | None = None) -> Any:
    """Time every call of a coroutine function, as an operation under `name` (its qualified name where None)."""

    def decorate(timed: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        operation = name or timed.__qualname__

        @wraps(timed)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            system = newest_system()
            if system is None:
                return await timed(*args, **kwargs)
            async with system.performance.track(operation):
                return await timed(*args, **kwargs)

        return wrapper

    return decorate if function is None else decorate(function)


def safe_execute(default_return: object = None) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Let a function, plain or async, return `default_return` instead of raising; what it raised is logged.

    `asyncio.CancelledError` passes, as does everything that is not an `Exception`.
    """

    def decorate(function: Callable[P, Any]) -> Callable[P, Any]:
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def safe_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                try:
                    return await function(*args, **kwargs)
                except Exception:  # noqa: BLE001 (what the decorator is for)
                    _log.exception("%s failed", function.__qualname__)
                    return default_return

            return safe_async

        @wraps(function)
        def safe(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception:  # noqa: BLE001 (what the decorator is for)
                _log.exception("%s failed", function.__qualname__)
                return default_return

        return safe

    return decorate
