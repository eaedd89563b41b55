"""Cogs: state and listeners of their own, and one that is unloaded while the bot runs."""

from __future__ import annotations

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


class Karma(commands.GroupCog, name="karma"):
    """Counts who is thanked how often."""

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[int, int] = {}

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if message.content.startswith("thanks"):
            for user in message.mentions:
                self.points[user.id] = self.points.get(user.id, 0) + 1

    @app_commands.command()
    async def show(self, interaction: discord.Interaction, user: discord.User) -> None:
        """Shows somebody's karma."""
        await interaction.response.send_message(f"{user.display_name}: {self.points.get(user.id, 0)}")


class Admin(commands.Cog):
    async def cog_check(self, ctx: commands.Context[commands.Bot]) -> bool:
        return await ctx.bot.is_owner(ctx.author)

    async def cog_command_error(self, ctx: commands.Context[commands.Bot], error: Exception) -> None:
        await ctx.send(f"{type(error).__name__}")

    @commands.command()
    async def unload(self, ctx: commands.Context[commands.Bot], name: str) -> None:
        await ctx.bot.remove_cog(name)
        await ctx.bot.tree.sync()
        await ctx.send(f"Unloaded {name}")


class CogBot(commands.Bot):
    def __init__(self) -> None:
        super().__init__("!", intents=discord.Intents.all(), help_command=None)

    async def setup_hook(self) -> None:
        await self.add_cog(Karma())
        await self.add_cog(Admin())
        await self.tree.sync()


async def test_a_cog_listens_and_answers(loopback: LoopbackDiscord):
    async with loopback.running(CogBot()):
        for _ in range(2):
            await loopback.user.send(loopback.channel, f"thanks {loopback.admin.mention}")
        await loopback.settled()
        answer = await loopback.user.slash(loopback.channel, "karma show", user=loopback.admin)
        assert answer.message.content == "Admin: 2"


async def test_a_cog_is_unloaded(loopback: LoopbackDiscord):
    async with loopback.running(CogBot()) as bot:
        await loopback.user.send(loopback.channel, "!unload karma")
        assert (await loopback.channel.next_message()).content == "CheckFailure"
        await loopback.owner.send(loopback.channel, "!unload karma")
        assert (await loopback.channel.next_message()).content == "Unloaded karma"
        assert bot.get_cog("karma") is None
        with pytest.raises(LookupError, match="karma"):
            await loopback.user.slash(loopback.channel, "karma show", user=loopback.admin)
