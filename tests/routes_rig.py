"""A bot with every permission on a loopback Discord, for the tests of REST routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, ManualClock


@dataclass
class Rig:
    loopback: LoopbackDiscord
    bot: commands.Bot
    clock: ManualClock
    events: list[tuple[str, tuple]]
    """What discord.py dispatched: the event's name without "on_", and its arguments."""

    @property
    def guild(self) -> discord.Guild:
        """As the bot sees it."""
        found = self.bot.get_guild(self.loopback.guild.id)
        assert found is not None
        return found

    @property
    def channel(self) -> discord.TextChannel:
        found = self.guild.get_channel(self.loopback.channel.id)
        assert isinstance(found, discord.TextChannel)
        return found

    def member(self, user=None) -> discord.Member:
        """As the bot sees a user of the loopback, `user` unless another is given."""
        found = self.guild.get_member((user or self.loopback.user).id)
        assert found is not None
        return found

    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    async def only(self, **permissions: bool) -> None:
        """Leave the bot nothing but these, and to see channels."""
        self.loopback.guild.set_bot_permissions(discord.Permissions(view_channel=True, **permissions))
        await self.loopback.settled()


class NotingBot(commands.Bot):
    """Notes every event that discord.py dispatches."""

    def __init__(self) -> None:
        super().__init__("!", intents=discord.Intents.all())
        self.noted: list[tuple[str, tuple]] = []

    def dispatch(self, event: str, /, *args, **kwargs) -> None:
        self.noted.append((event, args))
        super().dispatch(event, *args, **kwargs)


@asynccontextmanager
async def moderating(*, administrator: bool = True) -> AsyncIterator[Rig]:
    """An administrator unless told otherwise; its requests are held against Discord's description in the end."""
    # It starts now: discord.py reckons the end of a time-out by the system's clock.
    clock, bot = ManualClock(datetime.now(UTC)), NotingBot()
    async with LoopbackDiscord(clock) as loopback:
        if administrator:
            loopback.guild.set_bot_permissions(discord.Permissions(administrator=True))
        async with loopback.running(bot):
            bot.noted.clear()
            yield Rig(loopback, bot, clock, bot.noted)
            assert loopback.check_requests() == []


async def refused(request, status: int, code: int) -> discord.HTTPException:
    """Await a request that Discord refuses like this."""
    with pytest.raises(discord.HTTPException) as caught:
        await request
    assert (caught.value.status, caught.value.code) == (status, code)
    return caught.value


async def eventually(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # discord.py sets no event for most of its state
            await asyncio.sleep(0)
