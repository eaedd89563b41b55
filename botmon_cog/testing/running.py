"""Starting an unmodified bot in a task, and ending it without a trace."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeVar

import discord
from discord.gateway import KeepAliveHandler

BotT = TypeVar("BotT", bound=discord.Client)
_GUILD_READY_TIMEOUT_S = 0.1
_CLOSE_WITHIN_S = 10.0


@asynccontextmanager
async def run_bot(bot: BotT, token: str, *, hurry: bool, timeout_s: float) -> AsyncGenerator[BotT, None]:
    if hurry:
        _hurry(bot)
    threads_before = set(threading.enumerate())
    async with bot:
        task = asyncio.create_task(bot.start(token), name="loopback-bot-start")
        try:
            await _until_ready(bot, task, timeout_s)
            yield bot
        except BaseException as error:
            failure = await _stop(bot, task)
            if failure is not None and failure is not error:
                error.add_note(f"and bot.start() ended with {failure!r}")
            raise
        else:
            failure = await _stop(bot, task)
            if failure is not None:
                raise failure
        finally:
            await _join_heartbeats(threads_before)


def _hurry(bot: discord.Client) -> None:
    state = bot._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] (the option exists in the constructor only)
    state.guild_ready_timeout = min(state.guild_ready_timeout, _GUILD_READY_TIMEOUT_S)
    if type(bot).before_identify_hook is discord.Client.before_identify_hook:

        async def at_once(shard_id: int | None, *, initial: bool = False) -> None:
            """In place of the default hook, which sleeps for five seconds between shards."""

        bot.before_identify_hook = at_once


async def _until_ready(bot: discord.Client, task: asyncio.Task[None], timeout_s: float) -> None:
    ready = asyncio.create_task(bot.wait_until_ready(), name="loopback-bot-ready")
    try:
        await asyncio.wait({task, ready}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            raise RuntimeError("bot.start() returned before the bot was ready")
        if not ready.done():
            raise TimeoutError(f"the bot was not ready within {timeout_s} s")
    finally:
        ready.cancel()
        await asyncio.gather(ready, return_exceptions=True)


async def _stop(bot: discord.Client, task: asyncio.Task[None]) -> BaseException | None:
    """Close the bot and await its start(); what start() raised, if it did."""
    await bot.close()
    await asyncio.wait({task}, timeout=_CLOSE_WITHIN_S)
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    return None if task.cancelled() else task.exception()


async def _join_heartbeats(threads_before: set[threading.Thread]) -> None:
    # They were told to stop by close() and end by themselves; one waiting for the loop would be waited for in vain
    # by join(), so the loop is kept running.
    started = [t for t in threading.enumerate() if isinstance(t, KeepAliveHandler) and t not in threads_before]
    async with asyncio.timeout(_CLOSE_WITHIN_S):
        while any(thread.is_alive() for thread in started):  # noqa: ASYNC110  # a thread tells no loop of its end
            await asyncio.sleep(0.001)
