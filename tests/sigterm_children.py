"""Bots that wait for SIGTERM in an interpreter of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import suppress

import discord
from msgspec.structs import replace

from botmon_cog.cog.sigterm import SigtermHandler
from botmon_cog.config import HostConfig, LoopConfig
from botmon_cog.testing import LoopbackDiscord
from tests.child import Talk
from tests.faults import make_config
from tests.harness import EXTENSION, cog_of, make_bot, make_health


async def bot_at_work(talk: Talk, url: str, spool: str, how: str) -> None:
    """One `/ping` was answered, one `/hang` runs; then it says so, with its process's id, and waits.

    `how`: "" for a bot without a handler, else what it does besides.
    """
    bot = make_bot()
    config = make_config(url, spool=spool, linger_ms=10_000)
    bot.botmon_config = replace(
        config, health=make_health(), loop=LoopConfig(watch=False), host=HostConfig(sigterm=how != "switched off")
    )
    begun = asyncio.Event()

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    @bot.tree.command(name="hang", description="h")
    async def hang(interaction: discord.Interaction) -> None:
        begun.set()
        await asyncio.Event().wait()

    if how == "handler before":
        signal.signal(signal.SIGTERM, lambda *_: talk.send("the host's"))
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        await cog_of(bot).system.uptime.beat()
        await loopback.user.slash(loopback.channel, "ping")
        await loopback.user.slash(loopback.channel, "hang", wait=False)
        await begun.wait()
        if how == "handler after":
            signal.signal(signal.SIGTERM, lambda *_: talk.send("the host's"))
        elif how == "handler of the loop":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, talk.send, "the host's")
        elif how == "unloaded":
            await bot.unload_extension(EXTENSION)
        elif how == "forked":
            await _terminate_a_fork(talk)
            return
        talk.send(os.getpid())
        if how == "blocked":
            with suppress(InterruptedError):
                threading.Event().wait()  # nothing else runs on this loop any more
        await asyncio.Event().wait()


async def _terminate_a_fork(talk: Talk) -> None:
    """Of a child that was forked while the bot runs, as `multiprocessing` does it: what SIGTERM does to it."""
    go, gone = os.pipe()
    child = os.fork()
    if not child:
        os.write(gone, b"!")
        while True:
            signal.pause()
    os.read(go, 1)
    os.kill(child, signal.SIGTERM)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    talk.send(os.waitstatus_to_exitcode(status))


async def two_endings(talk: Talk) -> None:
    """Two bots share a process; each says that it notes its end."""

    async def first() -> None:
        await asyncio.sleep(0)
        talk.send("first")

    async def second() -> None:
        talk.send("second")

    for ending in (first, second):
        SigtermHandler(ending).attach()
    talk.send("attached")
    await asyncio.Event().wait()
