"""One measurement in a fresh interpreter: `python _stalls.py VARIANT SECONDS`; prints one line of JSON.

How late a callback is that is due every 5 ms, beside the steady load. VARIANT is `bare`, `botmon`, or `lot`: in the
middle of the run, botmon rolls up 10,000 rows that another process left.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from _activity import Activity, zipf
from _answers import Session
from _bot import make_bot
from _load import LATENCIES_MS, RATE, Load
from _payloads import GUILDS
from discord.ext import commands

from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.rollup import LOT_ROWS

BARE, BOTMON, LOT = "bare", "botmon", "lot"
_EVERY_S = 0.005
_WARM_UP = 400
_BATCH = 1_000


async def measure(variant: str, seconds: float) -> dict[str, float]:
    session = Session(LATENCIES_MS)
    bot, callbacks = await make_bot(session)
    load = Load(bot, callbacks, session)
    async with AsyncExitStack() as stack:
        system = None if variant == BARE else await _load(bot, stack)
        await load.steady(_WARM_UP)
        if system is not None:
            await system.flush()
            await system.store.rollups.catch_up()
            if variant == LOT:
                await _leave_rows(system)
        gc.collect()
        lot_s = 0.0
        async with _late_by() as late_by_s:
            await load.steady(round(seconds / 2 * RATE))
            lot = asyncio.create_task(_roll_up(system)) if system is not None and variant == LOT else None
            await load.steady(round(seconds / 2 * RATE))
            if lot is not None:
                lot_s = await lot
    ranked = sorted(late_by_s)
    return {
        "p99_ms": ranked[len(ranked) * 99 // 100] * 1e3,
        "p999_ms": ranked[len(ranked) * 999 // 1000] * 1e3,
        "worst_ms": ranked[-1] * 1e3,
        "lot_ms": lot_s * 1e3,
    }


async def _load(bot: commands.Bot, stack: AsyncExitStack) -> MonitoringSystem:
    await bot.load_extension("botmon_cog")
    stack.push_async_callback(bot.unload_extension, "botmon_cog")
    return bot.get_cog("botmon").system


async def _leave_rows(system: MonitoringSystem) -> None:
    """Append one lot of rows as another process, as old as those of a busy minute."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    events = Activity(zipf(GUILDS)).events(LOT_ROWS, start, 1)
    run = RunKey.new("other", start)
    for position in range(0, LOT_ROWS, _BATCH):
        batch = Batch(run=run, first_seq=position + 1, events=events[position : position + _BATCH])
        await system.store.log.append([batch])


async def _roll_up(system: MonitoringSystem) -> float:
    """Count what was left; returns how long it took."""
    started_s = time.perf_counter()
    if await system.store.rollups.lot() < LOT_ROWS:
        raise RuntimeError("the lot was rolled up before its time")
    return time.perf_counter() - started_s


@asynccontextmanager
async def _late_by() -> AsyncIterator[list[float]]:
    """How late the callback came, each time, until the end of the block."""
    loop = asyncio.get_running_loop()
    found: list[float] = []

    def look(due_s: float) -> None:
        nonlocal timer
        now_s = loop.time()
        found.append(now_s - due_s)
        timer = loop.call_at(now_s + _EVERY_S, look, now_s + _EVERY_S)

    first_s = loop.time() + _EVERY_S
    timer = loop.call_at(first_s, look, first_s)
    try:
        yield found
    finally:
        timer.cancel()


def main() -> None:
    variant, seconds = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(json.dumps(asyncio.run(measure(variant, float(seconds)))))
        os.chdir("/")


if __name__ == "__main__":
    main()
