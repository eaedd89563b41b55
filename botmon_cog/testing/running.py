"""Starting an unmodified bot in a task, and ending it without a trace."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import discord
from discord.gateway import KeepAliveHandler

BotT = TypeVar("BotT", bound=discord.Client)
Start = Callable[[], Awaitable[object]] | Awaitable[object]
"""What starts a bot and returns when it has been closed: an async function without arguments, or its coroutine."""
_GUILD_READY_TIMEOUT_S = 0.1
_ALL_GUILDS_READY_TIMEOUT_S = 0.001
_CLOSE_WITHIN_S = 10.0


@asynccontextmanager
async def run_bot(
    bot: BotT,
    token: str,
    *,
    hurry: bool,
    timeout_s: float,
    start: Start | None = None,
    among: list[discord.Client] | None = None,
) -> AsyncGenerator[BotT, None]:
    """Start a bot and yield it once it is ready; see `LoopbackDiscord.running`. While it runs, it stands in `among`."""
    bots = [] if among is None else among
    if hurry:
        _hurry(bot)
    async with AsyncExitStack() as stack:
        if start is None:
            await stack.enter_async_context(bot)
            start = bot.start(token)
        task = asyncio.create_task(_run(start), name="loopback-bot-start")
        bots.append(bot)
        try:
            await _until_ready(bot, task, timeout_s)
            yield bot
        except BaseException as error:
            failure = await _stop(bot, task)
            if failure is not None and failure is not error:
                error.add_note(f"and the bot's start ended with {failure!r}")
            raise
        else:
            failure = await _stop(bot, task)
            if failure is not None:
                raise failure
        finally:
            bots.remove(bot)
            await _join_heartbeats(bot)


async def _run(start: Start) -> None:
    await (start() if callable(start) else start)


def _hurry(bot: discord.Client) -> None:
    state = bot._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] (the option exists in the constructor only)
    state.guild_ready_timeout = min(state.guild_ready_timeout, _GUILD_READY_TIMEOUT_S)
    if not isinstance(bot, discord.AutoShardedClient):
        _expect_no_more_guilds_than_announced(bot)
    if type(bot).before_identify_hook is discord.Client.before_identify_hook:

        async def at_once(shard_id: int | None, *, initial: bool = False) -> None:
            """In place of the default hook, which sleeps for five seconds between shards."""

        bot.before_identify_hook = at_once


def _expect_no_more_guilds_than_announced(bot: discord.Client) -> None:
    """Once every guild that READY announced is there, on_ready need not wait whether there is another."""
    state = bot._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] (there is no hook)
    patience_s = state.guild_ready_timeout

    def watched(parse: Callable[[Any], None]) -> Callable[[Any], None]:
        def parse_and_look(data: Any) -> None:
            state.guild_ready_timeout = patience_s
            parse(data)
            if not any(guild.unavailable for guild in state.guilds):
                state.guild_ready_timeout = min(patience_s, _ALL_GUILDS_READY_TIMEOUT_S)

        return parse_and_look

    for event in ("READY", "GUILD_CREATE"):
        state.parsers[event] = watched(state.parsers[event])


async def _until_ready(bot: discord.Client, task: asyncio.Task[None], timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            # wait_until_ready() cannot be used: what starts the bot may initialise it only later, or once more.
            while not bot.is_ready() and not task.done():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    except TimeoutError:
        raise TimeoutError(f"the bot was not ready within {timeout_s} s") from None
    if task.done():
        await task
        raise RuntimeError("the bot's start returned before the bot was ready")


async def _stop(bot: discord.Client, task: asyncio.Task[None]) -> BaseException | None:
    """Close the bot and await its start; what it raised, if it did."""
    await bot.close()
    await asyncio.wait({task}, timeout=_CLOSE_WITHIN_S)
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    return None if task.cancelled() else task.exception()


async def _join_heartbeats(bot: discord.Client) -> None:
    # They were told to stop by close() and end by themselves; one waiting for the loop would be waited for in vain
    # by join(), so the loop is kept running.
    state = bot._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    started = [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, KeepAliveHandler) and thread.ws._connection is state  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    ]
    async with asyncio.timeout(_CLOSE_WITHIN_S):
        while any(thread.is_alive() for thread in started):  # noqa: ASYNC110  # a thread tells no loop of its end
            await asyncio.sleep(0.001)
