"""One run whose instructions are counted: `python _instructions.py VARIANT COMMANDS BATCH ROLLED_UP`, under callgrind.

VARIANT is `bare` or `botmon`, BATCH how many commands are written at once (0: none is), ROLLED_UP 1 or 0. The database
is made in the working directory. Commands come one by one. The process ends at once behind the last one: closing is in
no count.

Nothing happens by the clock: under valgrind a command takes fifty times as long, and whatever comes once a second would
come fifty times as often per command.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

import _root  # noqa: F401 (finds botmon_cog)
from _answers import Session
from _bot import make_bot
from _load import Load

BARE, BOTMON = "bare", "botmon"
DATABASE = "botmon.db"
TURNS_AFTER = 15
"""Turns of the loop after each command; a real bot's gateway and HTTP take more."""

_NEVER_S = 1e6


async def run(variant: str, n: int, batch: int, *, rolled_up: bool) -> None:
    session = Session()
    bot, callbacks = await make_bot(session)
    load = Load(bot, callbacks, session)
    if variant == BOTMON:
        await _load_extension(bot)
    system = None if variant == BARE else bot.get_cog("botmon").system
    for done in range(1, n + 1):
        await load.one(TURNS_AFTER)
        if system is not None and batch and (done % batch == 0 or done == n):
            await system.flush()
    if system is not None and rolled_up:
        await system.store.rollups.catch_up()


async def _load_extension(bot: object) -> None:
    from botmon_cog.clock import SystemClock, Timer  # noqa: PLC0415 (the bare bot goes without)
    from botmon_cog.config import Config, LoopConfig, StorageConfig  # noqa: PLC0415

    class Never(SystemClock):
        """Tells the time, and lets it come to nothing."""

        def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
            return super().call_later(delay_s + _NEVER_S, callback)

        async def sleep(self, delay_s: float) -> None:
            await super().sleep(delay_s + _NEVER_S if delay_s else 0)

    bot.botmon_clock = Never()
    bot.botmon_config = Config(storage=StorageConfig(url=DATABASE, batch_max=1_000_000), loop=LoopConfig(watch=False))
    await bot.load_extension("botmon_cog")


async def _run_and_end() -> None:
    variant, n, batch, rolled_up = sys.argv[1:]
    await run(variant, int(n), int(batch), rolled_up=rolled_up == "1")
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_run_and_end())
