"""One measurement in a fresh interpreter: `python _failures.py VARIANT KIND COMMANDS`; prints one line of JSON.

KIND is `equal` (every command fails with the same error on the same line) or `different` (1,000 kinds in turn).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from itertools import cycle
from pathlib import Path
from typing import Any

import discord
import psutil
from _answers import Session
from _bot import Callbacks, make_bot
from _load import Load
from _variants import BOTMON, INSTALL
from discord import app_commands
from discord.ext import commands

EQUAL, DIFFERENT = "equal", "different"
_DIFFERENT = 1_000
_DEPTH = 5
"""Functions between the callback and the line that raises."""
_WARM_UP = 1_000
_AT_A_TIME = 1_000
_MB = 1_000_000


def _let_fail(bot: commands.Bot, callbacks: Callbacks, kind: str) -> None:
    """Every command fails, and a quiet handler of the host's takes it: what logging costs is in no figure."""
    types = cycle([type(f"Broken{n}Error", (Exception,), {}) for n in range(_DIFFERENT if kind == DIFFERENT else 1)])

    def deeper(depth: int) -> None:
        if depth == 0:
            raise next(types)("the service does not answer")
        deeper(depth - 1)

    async def fail(interaction: discord.Interaction, **_: Any) -> None:
        callbacks.began(interaction)
        callbacks.end()
        deeper(_DEPTH)

    async def on_error(_: discord.Interaction, __: app_commands.AppCommandError) -> None:
        pass

    bot.tree.on_error = on_error
    for command in _all(bot):
        command._callback = fail  # noqa: SLF001 (discord.py has no public way; its options stay as they are)


def _all(bot: commands.Bot) -> Iterator[Any]:
    return (command for command in bot.tree.walk_commands() if isinstance(command, app_commands.Command))


async def measure(variant: str, kind: str, n: int) -> dict[str, float]:
    session = Session()
    bot, callbacks = await make_bot(session)
    load = Load(bot, callbacks, session)
    _let_fail(bot, callbacks, kind)
    async with AsyncExitStack() as stack:
        installed = await INSTALL[variant](bot, stack)
        await load.saturated(_WARM_UP)
        await installed.flush()
        before_mb = _rss_mb()
        loop_s = 0.0
        for _ in range(0, n, _AT_A_TIME):
            began_s = time.thread_time()
            await load.saturated(_AT_A_TIME)
            loop_s += time.thread_time() - began_s
            await installed.flush()
            callbacks.waited.clear()
        grown_mb = _rss_mb() - before_mb
        await installed.check(_WARM_UP + n)
    found = {"loop_us": loop_s / n * 1e6, "grown_mb": grown_mb}
    return found if variant != BOTMON else found | _kept(Path("data/botmon.db"))


def _rss_mb() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / _MB


def _kept(path: Path) -> dict[str, float]:
    with closing(sqlite3.connect(path)) as store:
        groups, characters = store.execute(
            "SELECT COUNT(*), COALESCE(SUM(LENGTH(traceback)), 0) FROM error_groups"
        ).fetchone()
    return {"groups": groups, "traceback_kb": characters / 1_000}


def main() -> None:
    variant, kind, n = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(json.dumps(asyncio.run(measure(variant, kind, int(n)))))
        os.chdir("/")


if __name__ == "__main__":
    main()
