"""Waiting for a bot to be ready, but not for ever."""

from __future__ import annotations

import asyncio

from discord.ext import commands

from botmon_cog.clock import Clock


async def ready_within(bot: commands.Bot, clock: Clock, patience_s: float) -> bool:
    """Return once the bot is ready, or `patience_s` seconds are over: whether it is ready."""
    if bot.is_ready():
        return True
    waiting = [asyncio.ensure_future(wait) for wait in (bot.wait_until_ready(), clock.sleep(patience_s))]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return bot.is_ready()
