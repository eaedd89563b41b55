"""How the bot is at this instant, by limits that are fixed.

The extension's own verdict, its alerts and its endpoints have other limits, and wait until something is certain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from typing import Any

import psutil

from botmon_cog.original.base import Monitor, nothing, safe
from botmon_cog.original.coerced import percent_of, text_id_or_none
from botmon_cog.runtime import MonitoringSystem

_MOST_REPORTS = 100
_CPU_WINDOW_S = 0.1
_SLOW_S = 1.0
_BYTES_PER_MIB = 1 << 20
_PROCESS_LIMITS = (60.0, 80.0)
_ERROR_RATE_LIMITS = (10.0, 20.0)
"""Percent over which it is a warning, and over which it is critical."""
_HOUR = timedelta(hours=1)


def _error(error: Exception) -> dict[str, Any]:
    return {"status": "error", "error": str(error) or type(error).__name__}


def _unconnected(error: Exception | str) -> dict[str, Any]:
    return {"connected": False, "status": "error", "error": str(error) or type(error).__name__}


class HealthCheck(Monitor):
    """Looks at memory, processor, database and failed commands. Each call looks anew.

    Attributes:
        health_history: the last 100 reports, oldest first.
    """

    def __init__(self, db: object = None) -> None:
        super().__init__(db)
        self.health_history: list[dict[str, Any]] = []

    @safe(_error)
    async def check_memory(self) -> dict[str, Any]:
        """Return rss and vms (bytes), rss_mb and vms_mb (MiB), percent (of the machine's memory), and status.

        `warning` over 60 %, `critical` over 80 %. If it can't be read: status `error`, and error.
        """
        process = psutil.Process()
        memory, percent = process.memory_info(), process.memory_percent()
        return {
            "rss": memory.rss,
            "rss_mb": _mib(memory.rss),
            "vms": memory.vms,
            "vms_mb": _mib(memory.vms),
            "percent": round(percent, 2),
            "status": _status(percent, _PROCESS_LIMITS),
        }

    @safe(_error)
    async def check_cpu(self) -> dict[str, Any]:
        """Return percent (of one core, over 0.1 s), user_time and system_time (seconds since the start), and status.

        All of this process. `warning` over 60 %, `critical` over 80 %. If it can't be read: status `error`, and error.
        """
        process = psutil.Process()  # one per call: two calls at once would take each other's window
        process.cpu_percent(None)
        await asyncio.sleep(_CPU_WINDOW_S)
        percent, times = process.cpu_percent(None), process.cpu_times()
        return {
            "percent": percent,
            "user_time": times.user,
            "system_time": times.system,
            "status": _status(percent, _PROCESS_LIMITS),
        }

    @safe(_unconnected)
    async def check_database(self) -> dict[str, Any]:
        """Return connected, response_time (seconds), server_count, database_size_mb (MiB), and status: `slow` over 1 s.

        The servers are those of the bot's own table, else those of the store. If nothing answers: connected is False,
        status `error`, and error says why.
        """
        system = self._recording()
        sample = await system.database.sample()
        problem = sample.error or sample.refusal
        if problem is not None or sample.response_time_s is None:
            return _unconnected(problem or "no answer")
        await self._caught_up()
        size_bytes = sample.size_bytes if system.host is None else system.host.size_bytes or sample.size_bytes
        return {
            "connected": True,
            "response_time": sample.response_time_s,
            "server_count": await _servers(system),
            "database_size_mb": _mib(size_bytes or 0),
            "status": "slow" if sample.response_time_s > _SLOW_S else "healthy",
        }

    @safe(_error)
    async def check_error_rate(self, guild_id: object = None) -> dict[str, Any]:
        """Return of the last hour total_commands, failed_commands, error_rate (percent, 0 of nothing), and status.

        Failed are those that failed by the bot's fault and those that it said had failed; a user's mistake is none.
        `warning` over 10 %, `critical` over 20 %. If it can't be read: status `error`, and error.
        """
        guild = text_id_or_none(guild_id, "guild_id")
        system = await self._caught_up()
        totals = await system.store.daily.totals(guild, system.clock.now() - _HOUR)
        percent = percent_of(totals.faults, totals.total)
        return {
            "total_commands": totals.total,
            "failed_commands": totals.faults,
            "error_rate": percent,
            "status": _status(percent, _ERROR_RATE_LIMITS),
        }

    @safe(nothing)
    async def get_full_health_report(self, guild_id: object = None) -> dict[str, Any]:
        """Return timestamp (ISO 8601), overall_status, memory, database, cpu, error_rate, and uptime_seconds.

        `unhealthy` with anything `critical` or `error`, `degraded` with a `warning` or `slow`, else `healthy`. Takes
        0.1 s. The uptime is the process's. `guild_id`: whose commands count; None for all.
        """
        guild = text_id_or_none(guild_id, "guild_id")
        memory, database = await self.check_memory(), await self.check_database()
        cpu, error_rate = await self.check_cpu(), await self.check_error_rate(guild)
        system = self.system
        report = {
            "timestamp": system.clock.now().isoformat(),
            "overall_status": _overall(memory, database, cpu, error_rate),
            "memory": memory,
            "database": database,
            "cpu": cpu,
            "error_rate": error_rate,
            "uptime_seconds": system.health.uptime_s,
        }
        self.health_history.append(deepcopy(report))
        del self.health_history[:-_MOST_REPORTS]
        return report


async def _servers(system: MonitoringSystem) -> int:
    own = None if system.host is None else await system.host.servers()
    return await system.store.daily.guilds() if own is None else own


def _mib(n_bytes: int) -> float:
    return round(n_bytes / _BYTES_PER_MIB, 2)


def _status(percent: float, limits: tuple[float, float]) -> str:
    warning, critical = limits
    return "critical" if percent > critical else "warning" if percent > warning else "healthy"


def _overall(*parts: Mapping[str, Any]) -> str:
    found = {part["status"] for part in parts}
    if found & {"critical", "error"}:
        return "unhealthy"
    return "degraded" if found & {"warning", "slow"} else "healthy"
