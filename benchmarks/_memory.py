"""One measurement in a fresh interpreter: `python _memory.py VARIANT POINTS`; prints one line of JSON.

POINTS are numbers of commands, such as `0,100000`: after how many the memory is looked at.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import sys
import tempfile
from contextlib import AsyncExitStack, suppress

import psutil
from _answers import Session
from _bot import make_bot
from _load import Load
from _variants import INSTALL, Variant

_AT_A_TIME = 1_000
"""Commands before what waits is written: a bot that runs for days has no backlog either."""
_MB = 1_000_000


async def measure(variant: str, points: list[int]) -> list[dict[str, float]]:
    session = Session()
    bot, callbacks = await make_bot(session)
    load = Load(bot, callbacks, session)
    found: list[dict[str, float]] = []
    async with AsyncExitStack() as stack:
        installed = await INSTALL[variant](bot, stack)
        done = 0
        for point in points:
            while done < point:
                n = min(_AT_A_TIME, point - done)
                await load.saturated(n)
                await installed.flush()
                callbacks.waited.clear()
                done += n
            found.append(await _look(installed))
        await installed.check(done)
    return found


async def _look(installed: Variant) -> dict[str, float]:
    await asyncio.sleep(0.5)  # what was begun by loading comes to its end
    await installed.flush()
    as_it_is = psutil.Process().memory_info().rss / _MB
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)
    return {"as_it_is_mb": as_it_is, "rss_mb": psutil.Process().memory_info().rss / _MB}


def main() -> None:
    variant, points = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(json.dumps(asyncio.run(measure(variant, [int(point) for point in points.split(",")]))))
        os.chdir("/")


if __name__ == "__main__":
    main()
