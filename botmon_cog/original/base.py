"""What the four classes have in common."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from botmon_cog.causes.logged import logged
from botmon_cog.original.coerced import RefusedError
from botmon_cog.original.systems import Lease, system_for
from botmon_cog.runtime import MonitoringSystem

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound="Monitor")


class Monitor:
    """One of the four, on the system of a database that it shares with all who named the same one."""

    def __init__(self, db: object = None) -> None:
        """Nothing is opened yet.

        Args:
            db: the bot's own database: a path or URL, an open `sqlite3` or `aiosqlite` connection, or an object with
                `db_path`, `path`, `database` or `_get_connection()`. None means the configured store.

        Raises:
            TypeError: `db` names no database.
            ConfigError: the configuration or the URL is wrong.
        """
        self._lease = db if isinstance(db, Lease) else system_for(db)

    @property
    def system(self) -> MonitoringSystem:
        """The monitoring system with its typed monitors: the extension's while it is loaded. Ask anew at each use."""
        return self._lease.system

    async def close(self) -> None:
        """Let go of the system. The last to do so writes what is still queued. A later call opens it again."""
        try:
            await self._lease.close()
        except Exception:  # noqa: BLE001 (the host's shutdown goes on)
            _log.exception("closing failed")

    def _recording(self) -> MonitoringSystem:
        """The system, ready to take what is recorded."""
        system = self.system
        system.begin()
        return system

    async def _caught_up(self) -> MonitoringSystem:
        """The system, once everything that was recorded can be read.

        Raises:
            StorageError: the store can't be read.
        """
        await asyncio.sleep(0)  # tasks that have just ended record what they tracked
        system = self.system
        await system.catch_up()
        return system

    def _note(self, doing: str, error: Exception) -> None:
        """Say why a call came to nothing: in one line what a value lacked, else with the traceback."""
        if isinstance(error, RefusedError):
            _log.warning("%s did nothing: %s", doing, error)
            return
        try:
            self.system.failures.note(doing, error)
        except Exception:  # noqa: BLE001 (the system itself can't be made)
            _log.error("%s failed; the bot runs on\n%s", doing, logged(error))


def safe(
    default: Callable[[Exception], T],
) -> Callable[
    [Callable[Concatenate[M, P], Coroutine[Any, Any, T]]], Callable[Concatenate[M, P], Coroutine[Any, Any, T]]
]:
    """Let a method return `default(error)` instead of raising. Cancellation passes."""

    def decorate(
        method: Callable[Concatenate[M, P], Coroutine[Any, Any, T]],
    ) -> Callable[Concatenate[M, P], Coroutine[Any, Any, T]]:
        @wraps(method)
        async def guarded(self: M, /, *args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return await method(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's command)
                self._note(method.__name__, error)  # pyright: ignore[reportPrivateUsage]
                return default(error)

        return guarded

    return decorate


def false(_: Exception) -> bool:
    return False


def nothing(_: Exception) -> dict[str, Any]:
    return {}


def no_rows(_: Exception) -> list[dict[str, Any]]:
    return []
