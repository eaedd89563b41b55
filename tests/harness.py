"""A bot with the extension on a loopback Discord, and what the tests ask of it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import discord
import msgspec
from discord import app_commands
from discord.ext import commands

from botmon_cog import Config
from botmon_cog.cog.cog import BotMon
from botmon_cog.config import ChartsConfig, HealthConfig, LoopConfig, StorageConfig
from botmon_cog.domain.reports import HistoryEntry
from botmon_cog.store.history import HistoryFilter
from botmon_cog.testing import LoopbackDiscord, ManualClock

EXTENSION = "botmon_cog"


def make_config(url: str = ":memory:", **tables: msgspec.Struct) -> Config:
    """The defaults on a database of one's own, without linger, charts, checks of its own accord, a look at the loop."""
    storage, loop = StorageConfig(url=url, linger_ms=0), LoopConfig(watch=False)  # a busy machine blocks loops, too
    config = Config(storage=storage, health=make_health(), loop=loop, charts=ChartsConfig(enabled=False))
    return msgspec.structs.replace(config, **tables)


def make_health(**keys: object) -> HealthConfig:
    """Health checks run when a test runs them, not by themselves."""
    return msgspec.structs.replace(HealthConfig(interval_s=86_400), **keys)


def make_bot(kind: type[commands.Bot] = commands.Bot, **options: object) -> commands.Bot:
    bot = kind("!", intents=discord.Intents.all(), help_command=None, **options)
    bot.botmon_config = make_config()
    return bot


def cog_of(bot: commands.Bot) -> BotMon:
    cog = bot.get_cog("botmon")
    assert cog is not None, "the extension is not loaded"
    return cog  # pyright: ignore[reportReturnType]


async def rows(bot: commands.Bot) -> list[HistoryEntry]:
    """Every audit row, oldest first, once nothing is under way any more."""
    cog = cog_of(bot)
    async with asyncio.timeout(10):
        while cog.observer.running or cog.observer.prefix.open:
            await asyncio.sleep(0)
    await cog.system.flush()
    await cog.system.recorder.catch_up()
    return (await cog.system.store.history.find(HistoryFilter(limit=100_000)))[::-1]


@dataclass
class Rig:
    discord: LoopbackDiscord
    bot: commands.Bot
    clock: ManualClock

    async def rows(self) -> list[HistoryEntry]:
        return await rows(self.bot)

    async def only_row(self) -> HistoryEntry:
        (row,) = await self.rows()
        return row


@asynccontextmanager
async def running(
    bot: commands.Bot,
    *,
    load: bool = True,
    team: bool = False,
    shards: int = 1,
    clock: ManualClock | None = None,
) -> AsyncIterator[Rig]:
    """Run a bot on a loopback Discord whose time, and the extension's, stands still; its commands are synced."""
    # It starts now: discord.py holds an interaction's id against the system's clock, and one of last month has expired.
    clock = clock or ManualClock(datetime.now(UTC))
    bot.botmon_clock = clock
    async with LoopbackDiscord(clock=clock, team=team, shards=shards) as loopback, loopback.running(bot):
        if load:
            await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        yield Rig(loopback, bot, clock)


def note_errors(bot: commands.Bot) -> list[tuple[str, str]]:
    """Set a host's handler for application commands, and note what it and the event are called with."""
    called: list[tuple[str, str]] = []

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        called.append(("tree.on_error", type(error).__name__))

    @bot.listen()
    async def on_app_command_error(interaction: discord.Interaction, error: Exception) -> None:
        called.append(("app_command_error", type(error).__name__))

    return called


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def unanswered_slash(rig: Rig, name: str, **options: object) -> None:
    """Invoke a command that answers nothing, and let Discord's 3 s pass."""
    received = asyncio.ensure_future(rig.bot.wait_for("interaction"))
    answer = await rig.discord.user.slash(rig.discord.channel, name, wait=False, **options)
    await received
    await until(lambda: not cog_of(rig.bot).observer.running)
    await rig.clock.advance(3.1)
    await answer.wait()
    assert answer.failed is not None


@asynccontextmanager
async def task_failures() -> AsyncIterator[list[BaseException]]:
    """What tasks raise and nobody retrieves: discord.py's own way to end some commands."""
    failures: list[BaseException] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def collect(_: asyncio.AbstractEventLoop, context: dict[str, BaseException]) -> None:
        if "exception" in context:
            failures.append(context["exception"])

    loop.set_exception_handler(collect)
    try:
        yield failures
    finally:
        await asyncio.sleep(0)
        gc.collect()
        loop.set_exception_handler(before)
