"""Context menus of users: right-click on somebody, in a guild and in direct messages."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.context_menu(name="When did they join?")
    async def joined(interaction: discord.Interaction, member: discord.Member) -> None:
        assert member.joined_at is not None
        await interaction.response.send_message(
            f"{member.display_name} joined {discord.utils.format_dt(member.joined_at, 'R')}", ephemeral=True
        )

    @bot.tree.context_menu(name="Avatar")
    async def avatar(interaction: discord.Interaction, user: discord.User) -> None:
        await interaction.response.send_message(user.display_avatar.url)

    return bot


async def test_the_menu_of_a_member(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await loopback.user.context_menu(loopback.channel, "When did they join?", loopback.admin)
        assert answer.message.content.startswith("Admin joined <t:")
        assert answer.message.ephemeral


async def test_the_menu_of_a_user(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await loopback.user.context_menu(loopback.user.dm_channel, "Avatar", loopback.user)
        assert "/embed/avatars/" in answer.message.content
        with pytest.raises(LookupError):
            await loopback.user.context_menu(loopback.channel, "Awatar", loopback.user)
