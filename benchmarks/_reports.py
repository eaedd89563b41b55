"""One measurement in a fresh interpreter: `python _reports.py measure|build URL ROWS PER_WEEK CALLS`; prints JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import _root  # noqa: F401 (finds botmon_cog)
import msgspec
from _history import GUILDS, NOW, Plan, build, check

from botmon_cog.clock import SystemClock
from botmon_cog.config import Config
from botmon_cog.domain.periods import last_days
from botmon_cog.runtime import MonitoringSystem

WEEKLY, PERFORMANCE, HEALTH = "weekly", "performance", "health"
MIDDLE, LARGEST, ALL = "middle", "largest", "all"

_WARM_UP = 10


class _StoppedClock(SystemClock):
    """Always at the end of the history; everything else is real."""

    def now(self) -> datetime:
        return NOW


async def measure(url: str, calls: int) -> dict[str, list[float]]:
    """How many ms each call took, by report and scope."""
    config = Config()
    storage = msgspec.structs.replace(config.storage, url=url)
    system = MonitoringSystem(msgspec.structs.replace(config, storage=storage), clock=_StoppedClock())
    await system.start()
    try:
        await system.store.rollups.catch_up()
        guilds = [guild_id for guild_id, _ in await system.store.reports.busiest_guilds(GUILDS)]
        scopes = {MIDDLE: guilds[len(guilds) // 2], LARGEST: guilds[0], ALL: None}
        work: dict[str, Callable[[], Awaitable[object]]] = {}
        for scope, guild_id in scopes.items():
            work[f"{WEEKLY} {scope}"] = lambda g=guild_id: system.statistics.report(g, system.statistics.period(WEEKLY))
            work[f"{PERFORMANCE} {scope}"] = lambda g=guild_id: system.performance.report(g, last_days(7, NOW))
        work[f"{HEALTH} {ALL}"] = system.health.get_full_health_report
        return {name: await _timed(call, calls) for name, call in work.items()}
    finally:
        await system.close()


async def _timed(call: Callable[[], Awaitable[object]], n: int) -> list[float]:
    for _ in range(_WARM_UP):
        await call()
    gc.collect()
    times_ms: list[float] = []
    for _ in range(n):
        started_s = time.perf_counter()
        await call()
        times_ms.append((time.perf_counter() - started_s) * 1000)
    return times_ms


async def _make(url: str, plan: Plan) -> dict[str, float]:
    started_s = time.perf_counter()
    await build(url, plan)
    built_s = time.perf_counter() - started_s
    await check(url, plan)
    return {"build_s": built_s}


def main() -> None:
    what, url, rows, per_week, calls = sys.argv[1:]
    plan = Plan(rows=int(rows), per_week=int(per_week))
    print(json.dumps(asyncio.run(_make(url, plan) if what == "build" else measure(url, int(calls)))))


if __name__ == "__main__":
    main()
