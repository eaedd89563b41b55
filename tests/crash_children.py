"""What the tests of crashes run in an interpreter of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NoReturn, cast

import discord
from discord.ext import commands
from msgspec.structs import replace

from botmon_cog import ignore
from botmon_cog.clock import SystemClock
from botmon_cog.config import LoopConfig
from botmon_cog.domain.models import Kind
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.store.log import Log, RunKey
from botmon_cog.store.queue import open_slots
from botmon_cog.store.queue.open_file import OpenFile
from botmon_cog.store.queue.pending import Pending
from botmon_cog.testing import LoopbackDiscord
from tests.child import Talk
from tests.faults import make_config
from tests.harness import EXTENSION, cog_of, make_bot, make_health

FEW_KB = 44 * 1024
"""Room for the first slots, and not for twice as many."""


def make_file(spool: Path) -> OpenFile:
    file = OpenFile(lambda: spool, RunKey.new("main", datetime.now(UTC)))
    file.create()
    return file


def open_one(file: OpenFile, name: str) -> int:
    now_s = datetime.now(UTC).timestamp()
    discord_id = int(now_s * 1000 - 1_420_070_400_000) << 22
    return file.add(now_s, (discord_id, 1, 2, 3), 1, open_slots.what(Kind.SLASH, name, is_own=False))


async def hold_open(talk: Talk, spool: str, name: str) -> None:
    file = make_file(Path(spool))
    open_one(file, name)
    talk.send("open")
    await asyncio.Event().wait()


async def fork_and_wait(talk: Talk, spool: str, name: str) -> None:
    """As `multiprocessing` does it; the forked child lives on."""
    file = make_file(Path(spool))
    open_one(file, name)
    if not os.fork():
        talk.send(os.getpid())
        while True:
            signal.pause()
    await asyncio.Event().wait()


async def many_on_a_full_disk(talk: Talk, folder: str) -> None:
    file = make_file(Path(folder) / "bot.spool.db")
    slots = [open_one(file, f"c{n}") for n in range(200)]
    talk.send([sum(slot >= 0 for slot in slots), slots[-1]])


# -- a bot that people use without pause, until it is killed -----------------------------------------------------------

STEPS = (
    "opening",
    "opened",
    "recording",
    "recorded",
    "ending",
    "ended",
    "answering",
    "answered",
    "taking a batch",
    "appending",
    "appended",
    "settling",
    "settled",
)
"""Between what a bot of `serve_bots` can be killed."""


async def serve_bots(talk: Talk) -> None:
    """Start a bot for each order (database, spool, step or "", how often), and tell its process's id, then its end.

    Each is forked, for an interpreter takes long to start; it never returns here.
    """
    while (order := await talk.receive()) != "enough":
        process = os.fork()
        if not process:
            _become_a_bot(talk, *order)
        talk.send(["process", process])
        _, status = await asyncio.to_thread(os.waitpid, process, 0)
        talk.send(["gone", os.waitstatus_to_exitcode(status)])


def _become_a_bot(talk: Talk, url: str, spool: str, step: str, times: int) -> NoReturn:
    code = 1
    try:
        asyncio.events._set_running_loop(None)
        if step:
            _die_at(step, times)
        asyncio.new_event_loop().run_until_complete(_busy_bot(talk, url, spool))
    except BaseException:  # noqa: BLE001 (whatever it is, the test reads it)
        traceback.print_exc()
    finally:
        os._exit(code)


def _die_at(step: str, times: int) -> None:
    of, name, is_after = {
        "opening": (OpenFile, "add", False),
        "opened": (OpenFile, "add", True),
        "recording": (Recorder, "record_ended", False),
        "recorded": (Recorder, "record_ended", True),
        "ending": (OpenFile, "ended", False),
        "ended": (OpenFile, "ended", True),
        "answering": (OpenFile, "answered", False),
        "answered": (OpenFile, "answered", True),
        "taking a batch": (Pending, "oldest", True),
        "appending": (Log, "append", False),
        "appended": (Log, "append", True),
        "settling": (OpenFile, "settle", False),
        "settled": (OpenFile, "settle", True),
    }[step]
    original: Any = getattr(of, name)
    calls = count(1)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def deadly(self: Any, *args: Any, **kwargs: Any) -> Any:
        is_last = next(calls) == times
        if is_last and not is_after:
            die()
        result = original(self, *args, **kwargs)
        if is_last:
            die()
        return result

    async def deadly_coroutine(self: Any, *args: Any, **kwargs: Any) -> Any:
        is_last = next(calls) == times
        if is_last and not is_after:
            die()
        result = await original(self, *args, **kwargs)
        if is_last:
            die()
        return result

    setattr(of, name, deadly_coroutine if asyncio.iscoroutinefunction(original) else deadly)


def bot_of(talk: Talk, url: str, spool: str) -> commands.Bot:
    """Its commands say when they begin, by the id of their interaction or message."""
    bot = make_bot()
    never = asyncio.Event()  # what nobody refers to the garbage collector takes away, the command with it
    config = make_config(url, spool=spool, linger_ms=2)
    bot.botmon_config = replace(config, health=make_health(), loop=LoopConfig(watch=False))

    @bot.tree.command(description="p")
    async def ping(interaction: discord.Interaction) -> None:
        talk.send(["began", "ping", interaction.id])
        await interaction.response.send_message("pong")

    @bot.tree.command(description="f")
    async def fail(interaction: discord.Interaction) -> None:
        talk.send(["began", "fail", interaction.id])
        await interaction.response.send_message("so far")
        await asyncio.sleep(0)
        raise ValueError("it fails")

    @bot.hybrid_command(description="b")
    async def both(ctx: commands.Context) -> None:
        assert ctx.interaction is not None
        talk.send(["began", "both", ctx.interaction.id])
        await ctx.send("both")

    @bot.tree.command(description="h")
    async def hang(interaction: discord.Interaction) -> None:
        talk.send(["began", "hang", interaction.id])
        await never.wait()

    @bot.command()
    async def plain(ctx: commands.Context) -> None:
        talk.send(["began", "plain", ctx.message.id])
        await ctx.send("plain")

    @bot.group()
    async def music(ctx: commands.Context) -> None:
        """Has sub-commands."""

    @music.command(name="play")
    async def music_play(ctx: commands.Context, what: str) -> None:
        talk.send(["began", "music play", ctx.message.id])
        await never.wait()

    @bot.tree.command(description="e")
    async def panel(interaction: discord.Interaction) -> None:
        talk.send(["began", "panel", interaction.id])
        await interaction.response.send_message("Panel", view=Panel(talk, never))

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        """Quiet."""

    return bot


class Panel(discord.ui.View):
    def __init__(self, talk: Talk, never: asyncio.Event) -> None:
        super().__init__(timeout=None)
        self.talk = talk
        self.never = never

    @discord.ui.button(label="Press", custom_id="press")
    async def press(self, interaction: discord.Interaction, _: object) -> None:
        self.talk.send(["began", "Panel.press", interaction.id])
        await self.never.wait()


class _SameBot(SystemClock):
    """What is made first by it, which is the bot of a loopback Discord, has one id in all processes."""

    is_first = True

    def now(self) -> datetime:
        if self.is_first:
            self.is_first = False
            return datetime(2026, 1, 1, tzinfo=UTC)
        return super().now()


async def _busy_bot(talk: Talk, url: str, spool: str) -> None:
    """Somebody uses one command after another; what begins says so, and what `flush` acknowledged is said."""
    bot = bot_of(talk, url, spool)
    async with LoopbackDiscord(_SameBot()) as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        await cog_of(bot).system.uptime.beat()
        talk.send(["busy"])
        user, channel = loopback.user, loopback.channel
        await user.slash(channel, "hang", wait=False)
        for _ in range(200):
            await user.slash(channel, "ping", wait=False)
            await user.slash(channel, "both", wait=False)
            await user.send(channel, "!plain")
            await user.slash(channel, "fail")
        talk.send(["tired"])
        await asyncio.Event().wait()


# -- a bot that dies of a command --------------------------------------------------------------------------------------


async def die_within(talk: Talk, url: str, spool: str, how: str) -> None:
    """`how`: a slash command, `!` and a prefix command, or `press`; it is killed while that runs."""
    begun = asyncio.Event()

    class Listens:
        """Kills once the command has begun."""

        def send(self, value: Any) -> None:
            talk.send(value)
            begun.set()

    bot = bot_of(cast("Talk", Listens()), url, spool)

    @bot.tree.command(description="x")
    async def leave(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("bye")
        os._exit(7)

    @bot.tree.command(description="s")
    @ignore
    async def secret(interaction: discord.Interaction) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        await cog_of(bot).system.uptime.beat()
        user, channel = loopback.user, loopback.channel
        if how.startswith("!"):
            await user.send(channel, how)
        elif how == "press":
            answer = await user.slash(channel, "panel")
            await cog_of(bot).system.flush()
            begun.clear()
            await user.click(answer.message, "Press", wait=False)
        else:
            await user.slash(channel, how, wait=False)
        await begun.wait()
        os.kill(os.getpid(), signal.SIGKILL)
