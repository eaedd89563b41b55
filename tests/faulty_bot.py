"""A real bot that people use without pause while something breaks beneath its monitor."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord
import msgspec

from botmon_cog.config import Config
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import LoopbackDiscord
from tests.faults import Load, QuickClock, drained, until
from tests.harness import EXTENSION, cog_of, make_bot


class BusyBot:
    """Somebody says `/ping` again soon after the bot has answered.

    Attributes:
        load: what is recorded besides.
        asked: how many invocations there were, `/health` included.
        answered: how many of `/ping` were answered.
        looked: how many were `/health`.
    """

    def __init__(self, loopback: LoopbackDiscord, system: MonitoringSystem) -> None:
        self.loopback = loopback
        self.system = system
        self.load = Load(system)
        self.asked = 0
        self.answered = 0
        self.looked = 0
        self.is_enough = False

    async def answers(self, n: int) -> None:
        """Return when that many more invocations, which began after this call, were answered."""
        goal = self.answered + 1 + n
        await until(lambda: self.answered >= goal)

    async def health(self, **options: str) -> str:
        """All that `/health` says to the owner."""
        self.asked += 1
        self.looked += 1
        answer = await self.loopback.owner.slash(self.loopback.owner.dm_channel, "health", timeout_s=60, **options)
        return str(answer.message.embeds)

    async def rest(self) -> None:
        """Nobody asks any more, and the database takes all that happened."""
        self.is_enough = self.load.is_enough = True
        await until(lambda: self.asked == self.answered + self.looked)
        await drained(self.system)

    async def use(self) -> None:
        while not self.is_enough:
            self.asked += 1
            answer = await self.loopback.user.slash(self.loopback.channel, "ping", timeout_s=60)
            assert answer.message.content == "pong"
            self.answered += 1
            await asyncio.sleep(0.02)  # the loopback Discord forgets nothing, which costs more and more


@asynccontextmanager
async def same_modules() -> AsyncIterator[None]:
    """Unloading the extension takes our modules out of `sys.modules`; what comes after it finds those it imported."""
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "botmon_cog"}
    try:
        yield
    finally:
        sys.modules.update(before)


@asynccontextmanager
async def busy_bot(config: Config, rate: float = 200) -> AsyncIterator[BusyBot]:
    """It is busy within the context, with `rate` further rows a second; then it is closed, as a bot is."""
    bot = make_bot()
    health = msgspec.structs.replace(config.health, database_timeout_s=0.2)
    bot.botmon_config = msgspec.structs.replace(config, health=health)
    bot.botmon_clock = QuickClock()

    @bot.tree.command(description="p")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    async with same_modules(), LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        observer = cog_of(bot).observer
        busy = BusyBot(loopback, cog_of(bot).system)
        async with busy.load.running(rate), asyncio.TaskGroup() as group:
            group.create_task(busy.use())
            try:
                yield busy
            finally:
                busy.is_enough = True
        await until(lambda: not observer.running)
