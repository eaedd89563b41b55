"""Cooldowns of slash and prefix commands, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def loopback(clock: ManualClock) -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord(clock) as loopback:
        yield loopback


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.tree.command()
    @app_commands.checks.cooldown(1, 60, key=lambda interaction: interaction.user.id)
    async def daily(interaction: discord.Interaction) -> None:
        """Gives coins."""
        await interaction.response.send_message("Here are your coins.")

    @bot.command()
    @commands.cooldown(2, 30, commands.BucketType.guild)
    async def roll(ctx: commands.Context[commands.Bot]) -> None:
        await ctx.send("4")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        assert isinstance(error, app_commands.CommandOnCooldown)
        await interaction.response.send_message(f"Again in {error.retry_after:.0f} s.", ephemeral=True)

    @bot.event
    async def on_command_error(ctx: commands.Context[commands.Bot], error: commands.CommandError) -> None:
        assert isinstance(error, commands.CommandOnCooldown)
        await ctx.send(f"Again in {error.retry_after:.0f} s.")

    return bot


async def test_a_slash_command(loopback: LoopbackDiscord, clock: ManualClock):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        texts: list[str] = []
        for seconds in (0, 20, 41):
            await clock.advance(seconds)
            answer = await loopback.user.slash(loopback.channel, "daily")
            texts.append(answer.message.content)
        assert texts == ["Here are your coins.", "Again in 40 s.", "Here are your coins."]
        other = await loopback.admin.slash(loopback.channel, "daily")
        assert other.message.content == "Here are your coins."


async def test_a_prefix_command(loopback: LoopbackDiscord, clock: ManualClock):
    async with loopback.running(make_bot()):
        texts: list[str] = []
        for seconds in (0, 10, 10, 11):
            await clock.advance(seconds)
            await loopback.user.send(loopback.channel, "!roll")
            texts.append((await loopback.channel.next_message()).content)
        assert texts == ["4", "4", "Again in 10 s.", "4"]
