"""One measurement in a fresh interpreter: `python _at_rest.py VARIANT SECONDS INTERVAL_S`; prints one line of JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import _root  # noqa: F401 (before botmon_cog)
from _answers import Session
from _bot import make_bot
from discord.ext import commands

from botmon_cog.clock import SystemClock
from botmon_cog.config import Config, HealthConfig, LoopConfig
from botmon_cog.monitors.event_loop.lag import LagMeter
from botmon_cog.monitors.event_loop.watch import BEAT_S, LoopWatch
from botmon_cog.monitors.failures import Failures

if TYPE_CHECKING:
    from botmon_cog.cog.cog import BotMon

BARE, METER, WATCH, WITHOUT_WATCH, BOTMON, CHECKS = "bare", "meter", "watch", "without-watch", "botmon", "checks"
_SETTLE_S = 2.0


async def _bare(bot: commands.Bot, stack: AsyncExitStack, interval_s: float) -> None:
    """Nothing is added."""


async def _meter(_bot: commands.Bot, stack: AsyncExitStack, _interval_s: float) -> None:
    meter = LagMeter(SystemClock(), interval_s=BEAT_S, window_s=60)
    meter.start()
    stack.callback(meter.stop)


async def _watch(_bot: commands.Bot, stack: AsyncExitStack, _interval_s: float) -> None:
    clock = SystemClock()
    watch = LoopWatch(LoopConfig(), Failures(clock), lambda *_: "nobody", clock)
    watch.start()
    stack.callback(watch.stop)


async def _botmon(bot: commands.Bot, stack: AsyncExitStack, interval_s: float) -> None:
    await _load(bot, stack, interval_s, LoopConfig())


async def _without_watch(bot: commands.Bot, stack: AsyncExitStack, interval_s: float) -> None:
    await _load(bot, stack, interval_s, LoopConfig(watch=False))


async def _load(bot: commands.Bot, stack: AsyncExitStack, interval_s: float, loop: LoopConfig) -> BotMon:
    bot.botmon_config = Config(health=HealthConfig(interval_s=interval_s), loop=loop)
    await bot.load_extension("botmon_cog")
    stack.push_async_callback(bot.unload_extension, "botmon_cog")
    return bot.get_cog("botmon")


INSTALL: dict[str, Callable[[commands.Bot, AsyncExitStack, float], Awaitable[object]]] = {
    BARE: _bare,
    METER: _meter,
    WATCH: _watch,
    WITHOUT_WATCH: _without_watch,
    BOTMON: _botmon,
}


async def _at_rest(variant: str, seconds: float, interval_s: float) -> dict[str, Any]:
    bot, _ = await make_bot(Session())
    async with AsyncExitStack() as stack:
        await INSTALL[variant](bot, stack, interval_s)
        await asyncio.sleep(_SETTLE_S)
        gc.collect()
        process_s, loop_s, wall_s = time.process_time(), time.thread_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        process_s, loop_s = time.process_time() - process_s, time.thread_time() - loop_s
        wall_s = time.perf_counter() - wall_s
    return {"cpu_percent": process_s / wall_s * 100, "loop_percent": loop_s / wall_s * 100}


async def _checks(n: int) -> dict[str, Any]:
    """What one check of the health costs, its row and all."""
    bot, _ = await make_bot(Session())
    async with AsyncExitStack() as stack:
        cog = await _load(bot, stack, 86_400, LoopConfig(watch=False))
        await cog.check_health()
        await cog.system.flush()
        process_s, loop_s = time.process_time(), time.thread_time()
        for _ in range(n):
            await cog.check_health()
            await cog.system.flush()
        process_s, loop_s = time.process_time() - process_s, time.thread_time() - loop_s
    return {"check_ms": process_s / n * 1e3, "check_loop_ms": loop_s / n * 1e3}


def main() -> None:
    variant, seconds, interval_s = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        measuring = _checks(100) if variant == CHECKS else _at_rest(variant, seconds, interval_s)
        print(json.dumps(asyncio.run(measuring)))
        os.chdir("/")


if __name__ == "__main__":
    main()
