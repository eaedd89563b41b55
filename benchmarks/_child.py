"""One measurement in a fresh interpreter: `python _child.py VARIANT MODE COMMANDS [--profile]`; one line of JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack
from typing import Any

from _answers import Session
from _bot import make_bot
from _load import LATENCIES_MS, Load
from _profile import Sampler
from _variants import BARE, INSTALL

PACING = "pacing"
STEADY, SATURATED = "steady", "saturated"
_WARM_UP = {STEADY: 200, SATURATED: 2_000}


async def measure(variant: str, mode: str, n: int, *, profile: bool) -> dict[str, Any]:
    session = Session(LATENCIES_MS if mode == STEADY else None)
    bot, callbacks = await make_bot(session)
    load = Load(bot, callbacks, session)
    run = load.pacing_alone if variant == PACING else load.steady if mode == STEADY else load.saturated
    async with AsyncExitStack() as stack:
        installed = await INSTALL[BARE if variant == PACING else variant](bot, stack)
        await run(_WARM_UP[mode])
        await installed.flush()
        callbacks.waited.clear()
        gc.collect()
        sampler = Sampler()
        with ExitStack() as sampling:
            if profile:
                sampling.enter_context(sampler)
            process_s, loop_s, wall_s = time.process_time(), time.thread_time(), time.perf_counter()
            await run(n)
            run_s = time.perf_counter() - wall_s
            await installed.flush()
            all_s = time.perf_counter() - wall_s
        process_s, loop_s = time.process_time() - process_s, time.thread_time() - loop_s
        if variant != PACING:
            await installed.check(_WARM_UP[mode] + n)
    result = {"cpu_us": process_s / n * 1e6, "loop_us": loop_s / n * 1e6, "per_s": n / run_s}
    if profile:
        return result | {"threads": sampler.found, "looks": sampler.looks, "wall_us": all_s / n * 1e6}
    return result | _quantiles_us(callbacks.waited)


def _quantiles_us(waited_s: list[float]) -> dict[str, float]:
    if not waited_s:
        return {}
    cuts = statistics.quantiles(waited_s, n=100)
    return {"callback_p50_us": cuts[49] * 1e6, "callback_p99_us": cuts[98] * 1e6}


def main() -> None:
    variant, mode, n, *more = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(json.dumps(asyncio.run(measure(variant, mode, int(n), profile="--profile" in more))))
        os.chdir("/")


if __name__ == "__main__":
    main()
