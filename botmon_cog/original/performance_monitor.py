"""How long commands take."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from contextlib import AsyncContextDecorator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from botmon_cog.monitors.tracked import TrackedCommand
from botmon_cog.original.base import Monitor, no_rows, nothing, safe
from botmon_cog.original.coerced import (
    RefusedError,
    command_name,
    days_back,
    id_or_none,
    seconds_or_none,
    text_id_or_none,
    utc_text,
)

_log = logging.getLogger(__name__)

_THRESHOLDS_S = {"command_slow": 2.0, "voice_connect_slow": 5.0, "response_slow": 1.0}
_MOST_SLOWEST = 10
_LOOK_BACK = timedelta(days=7)
_FAR = 2.0
"""So many times the threshold is severe."""


class PerformanceMonitor(Monitor):
    """Times commands, and tells which are slow.

    Attributes:
        thresholds: in seconds; change them as you like. Each monitor has its own.
    """

    def __init__(self, db: object = None) -> None:
        super().__init__(db)
        self.thresholds: dict[str, float] = dict(_THRESHOLDS_S)
        self._tracked: WeakSet[TrackedCommand] = WeakSet()

    def track_command(self, command_name: object, guild_id: object, user_id: object) -> Track:
        """Time what runs inside `async with`; a block over `thresholds["command_slow"]` is logged as a warning.

        It counts in the statistics at once. Unless the same task logs the command, or the extension observes it, it
        becomes a row of the log when the task ends.
        """
        return Track(self._begin, self._end, command_name, guild_id, user_id)

    @safe(nothing)
    async def get_performance_stats(self, guild_id: object, days: object = 7) -> dict[str, Any]:
        """Of the last `days` days; {} if the store can't be read. A guild of None means all.

        slowest_commands: up to ten of {command, avg_duration, min_duration, max_duration, count}, slowest first, in
        seconds. cache_metrics: {total_cached, metric_types, oldest_metric} of the times in memory: how many, the names,
        and when the oldest was taken (ISO 8601, None without any).
        """
        guild, span = text_id_or_none(guild_id, "guild_id"), days_back(days)
        system = await self._caught_up()
        since = system.clock.now() - span
        pending = _since(since, system.performance.tracked_commands.pending(guild))
        found: dict[str, _Times] = {}
        for stored in await system.store.daily.timed(guild, since):
            found[stored.command] = _Times(stored.n, stored.n * stored.mean_s, stored.min_s, stored.max_s)
        for tracked in pending:
            found.setdefault(tracked.command, _Times()).add(tracked.elapsed_s)
        slowest = sorted(found.items(), key=lambda item: (-item[1].mean_s, item[0]))
        kept = system.performance.tracked_commands.in_memory()
        return {
            "slowest_commands": [times.as_dict(command) for command, times in slowest[:_MOST_SLOWEST]],
            "cache_metrics": {
                "total_cached": kept.n,
                "metric_types": list(kept.names),
                "oldest_metric": None if kept.oldest_at is None else kept.oldest_at.isoformat(),
            },
        }

    @safe(no_rows)
    async def detect_bottlenecks(self, guild_id: object, threshold: object = 2.0) -> list[dict[str, Any]]:
        """Commands with a call over `threshold` seconds within 7 days, slowest first; [] if the store can't be read.

        Each a dict with command, avg_duration (of those calls, in seconds), occurrence_count, last_occurrence (UTC,
        `YYYY-MM-DD HH:MM:SS`), and severity: `high` over twice the threshold, else `medium`.
        """
        guild, over_s = text_id_or_none(guild_id, "guild_id"), seconds_or_none(threshold, "threshold")
        if over_s is None:
            raise RefusedError("threshold must be a number of seconds")
        system = await self._caught_up()
        since = system.clock.now() - _LOOK_BACK
        pending = _since(since, system.performance.tracked_commands.pending(guild))
        found: dict[str, _Slow] = {}
        for stored in await system.store.daily.slow(guild, since, over_s):
            found[stored.command] = _Slow(stored.last_at, stored.n, stored.n * stored.mean_s)
        for tracked in pending:
            if tracked.elapsed_s > over_s:
                ended_at = tracked.started_at + timedelta(seconds=tracked.elapsed_s)
                found.setdefault(tracked.command, _Slow(last_at=ended_at)).add(tracked.elapsed_s, ended_at)
        slowest = sorted(found.items(), key=lambda item: (-item[1].mean_s, item[0]))
        return [slow.as_dict(command, over_s) for command, slow in slowest]

    async def close(self) -> None:
        """Let go of the system, once what was tracked has its rows. The last to do so writes what is still queued."""
        for tracked in [*self._tracked]:
            tracked.settle()
        await super().close()

    # -- one block -----------------------------------------------------------------------------------------------------

    def _begin(self, command: object, guild_id: object, user_id: object) -> TrackedCommand | None:
        """Start the time of a block; None if that can't be. Raises nothing."""
        try:
            name = command_name(command, "command_name")
            guild, user = id_or_none(guild_id, "guild_id"), id_or_none(user_id, "user_id")
            return self._recording().performance.tracked_commands.begin(name, guild, user)
        except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's command)
            self._note("track_command", error)
            return None

    def _end(self, tracked: TrackedCommand, error: BaseException | None) -> None:
        """Stop it. Raises nothing."""
        try:
            duration_s = tracked.end(error, self._record)
            self._tracked.add(tracked)
            if duration_s > self._slow_s():
                where = "direct messages" if tracked.guild_id is None else f"guild {tracked.guild_id}"
                _log.warning("Slow command detected: %s took %.2fs in %s", tracked.command, duration_s, where)
        except Exception as problem:  # noqa: BLE001 (the edge: the caller is somebody's command)
            self._note("track_command", problem)

    def _record(self, tracked: TrackedCommand) -> None:
        """Make the row in whichever system there is by now."""
        try:
            self._recording().performance.tracked_commands.record(tracked)
        except Exception as error:  # noqa: BLE001 (runs as the host's task ends)
            self._note("track_command", error)

    def _slow_s(self) -> float:
        """A threshold that the host has deleted, or set to what is no number, is the original's."""
        try:
            return float(self.thresholds["command_slow"])
        except (KeyError, TypeError, ValueError):
            return _THRESHOLDS_S["command_slow"]


class Track(AsyncContextDecorator):
    """Times a block, or each call of the coroutine function that it decorates."""

    def __init__(
        self,
        begin: Callable[[object, object, object], TrackedCommand | None],
        end: Callable[[TrackedCommand, BaseException | None], None],
        command: object,
        guild_id: object,
        user_id: object,
    ) -> None:
        self._begin = begin
        self._end = end
        self._of = command, guild_id, user_id
        self._tracked: TrackedCommand | None = None

    def _recreate_cm(self) -> Self:
        """For each decorated call one of its own (`contextlib` asks for it by this name)."""
        return type(self)(self._begin, self._end, *self._of)

    async def __aenter__(self) -> Self:
        self._tracked = self._begin(*self._of)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._tracked is not None:
            self._end(self._tracked, exc)


class _Times:
    """The durations of one command."""

    def __init__(self, n: int = 0, sum_s: float = 0.0, min_s: float = math.inf, max_s: float = 0.0) -> None:
        self._n = n
        self._sum_s = sum_s
        self._min_s = min_s
        self._max_s = max_s

    @property
    def mean_s(self) -> float:
        return self._sum_s / self._n

    def add(self, duration_s: float) -> None:
        self._n += 1
        self._sum_s += duration_s
        self._min_s = min(self._min_s, duration_s)
        self._max_s = max(self._max_s, duration_s)

    def as_dict(self, command: str) -> dict[str, Any]:
        return {
            "command": command,
            "avg_duration": self.mean_s,
            "min_duration": self._min_s,
            "max_duration": self._max_s,
            "count": self._n,
        }


class _Slow:
    """The calls of one command that were over the threshold."""

    def __init__(self, last_at: datetime, n: int = 0, sum_s: float = 0.0) -> None:
        self._last_at = last_at
        self._n = n
        self._sum_s = sum_s

    @property
    def mean_s(self) -> float:
        return self._sum_s / self._n

    def add(self, duration_s: float, at: datetime) -> None:
        self._n += 1
        self._sum_s += duration_s
        self._last_at = max(self._last_at, at)

    def as_dict(self, command: str, threshold_s: float) -> dict[str, Any]:
        return {
            "command": command,
            "avg_duration": self.mean_s,
            "occurrence_count": self._n,
            "last_occurrence": utc_text(self._last_at),
            "severity": "high" if self.mean_s > _FAR * threshold_s else "medium",
        }


def _since(since: datetime, pending: Iterable[TrackedCommand]) -> list[TrackedCommand]:
    return [each for each in pending if each.started_at >= since]
