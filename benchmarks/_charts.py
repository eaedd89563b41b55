"""One measurement in a fresh interpreter: `python _charts.py ROUNDS CHARTS`; prints one line of JSON.

A bot with the extension stands still but for a timer that is due every 5 ms. How late it comes is the event loop's lag.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from typing import Any

import _root  # noqa: F401 (before botmon_cog)
import psutil
from _answers import Session
from _bot import make_bot

from botmon_cog.charts.drawing import Charts
from botmon_cog.charts.values import CommandsChart
from botmon_cog.config import ChartsConfig, Config, HealthConfig

_EVERY_S = 0.005
_SETTLE_S = 2.0
_MB = 1_000_000
_WHEN_CALM_S = 10.0
"""The length of the first round; later ones last as long as the charts did."""


async def _lag_ms(until: asyncio.Event) -> dict[str, float]:
    """How late the loop was, until the event: in milliseconds."""
    late: list[float] = []
    while not until.is_set():
        due = time.perf_counter() + _EVERY_S
        await asyncio.sleep(_EVERY_S)
        late.append((time.perf_counter() - due) * 1000)
    p50, p99 = (statistics.quantiles(late, n=100)[n] for n in (49, 98))
    return {"p50": p50, "p99": p99, "max": max(late)}


async def _quiet(seconds: float) -> dict[str, float]:
    ended = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, ended.set)
    return await _lag_ms(ended)


async def _beside_charts(charts: Charts, n: int) -> tuple[dict[str, float], float]:
    """The lag beside `n` charts in a row, from a process that is not there yet; and how long they took, in seconds."""
    ended = asyncio.Event()
    measuring = asyncio.ensure_future(_lag_ms(ended))
    began = time.perf_counter()
    for number in range(n):
        if await charts.draw(_chart(number)) is None:
            raise RuntimeError("a chart was not drawn; is matplotlib installed?")
    took_s = time.perf_counter() - began
    ended.set()
    return await measuring, took_s


def _chart(number: int) -> CommandsChart:
    rng = random.Random(number)
    days = tuple(f"{day} Nov" for day in range(1, 31))
    counts = [tuple(rng.randrange(200) for _ in days) for _ in range(2)]
    return CommandsChart(
        title=f"Chart {number}", about="UTC", labels=days, now=counts[0], before=counts[1], before_name="before"
    )


def _rss_mb() -> float:
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)
    return psutil.Process().memory_info().rss / _MB


async def measure(rounds: int, n: int) -> dict[str, Any]:
    bot, _ = await make_bot(Session())
    bot.botmon_config = Config(health=HealthConfig(interval_s=3_600), charts=ChartsConfig())
    await bot.load_extension("botmon_cog")
    system = bot.get_cog("botmon").system
    found: dict[str, Any] = {"quiet": [], "charts": [], "quiet again": [], "took_s": []}
    await asyncio.sleep(_SETTLE_S)
    before_mb, seconds = _rss_mb(), _WHEN_CALM_S
    for _ in range(rounds):
        charts = Charts(system.clock, system.failures)
        found["quiet"].append(await _quiet(seconds))
        lag, seconds = await _beside_charts(charts, n)
        found["charts"].append(lag)
        found["took_s"].append(seconds)
        worker = psutil.Process(charts.pid)
        found["worker_mb"] = worker.memory_info().rss / _MB
        await charts.close()
        found["quiet again"].append(await _quiet(seconds))
    found |= {"before_mb": before_mb, "after_mb": _rss_mb(), "has_matplotlib": "matplotlib" in sys.modules}
    await bot.unload_extension("botmon_cog")
    return found


def main() -> None:
    rounds, n = map(int, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(json.dumps(asyncio.run(measure(rounds, n))))
        os.chdir("/")


if __name__ == "__main__":
    main()
