"""Moderation: bans with a reason, unbans, kicks, time-outs, and whom the bot cannot touch."""

from __future__ import annotations

import datetime as dt

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord

MODERATOR = discord.Permissions(ban_members=True, kick_members=True, moderate_members=True)


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.tree.command()
    async def ban(interaction: discord.Interaction, member: discord.Member, reason: str = "no reason") -> None:
        """Bans somebody."""
        await member.ban(reason=reason, delete_message_seconds=3600)
        await interaction.response.send_message(f"Banned {member}")

    @bot.tree.command()
    async def unban(interaction: discord.Interaction, name: str) -> None:
        """Lets somebody in again."""
        assert interaction.guild is not None
        bans = [ban async for ban in interaction.guild.bans() if ban.user.name == name]
        for entry in bans:
            await interaction.guild.unban(entry.user)
        await interaction.response.send_message(f"Unbanned {', '.join(f'{b.user} ({b.reason})' for b in bans)}")

    @bot.tree.command()
    async def kick(interaction: discord.Interaction, member: discord.Member) -> None:
        """Kicks somebody."""
        await member.kick()
        await interaction.response.send_message(f"Kicked {member}")

    @bot.tree.command()
    async def mute(interaction: discord.Interaction, member: discord.Member, minutes: int) -> None:
        """Times somebody out."""
        await member.timeout(dt.timedelta(minutes=minutes))
        await interaction.response.send_message(f"Muted {member}")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        assert isinstance(error, app_commands.CommandInvokeError)
        assert isinstance(error.original, discord.Forbidden)
        await interaction.response.send_message("I may not do that.", ephemeral=True)

    @bot.event
    async def on_member_ban(guild: discord.Guild, user: discord.User) -> None:
        entry = await guild.fetch_ban(user)
        await guild.text_channels[0].send(f"{user.name} is banned: {entry.reason}")

    @bot.event
    async def on_member_unban(guild: discord.Guild, user: discord.User) -> None:
        await guild.text_channels[0].send(f"{user.name} is free")

    return bot


async def test_a_ban_and_its_end(loopback: LoopbackDiscord):
    guild, channel, admin = loopback.guild, loopback.channel, loopback.admin
    guild.add_bot_permissions(MODERATOR)
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        spam = await loopback.user.send(channel, "Buy now!")
        answer = await admin.slash(channel, "ban", member=loopback.user, reason="spam")
        assert answer.message.content == "Banned user"
        assert (await channel.next_message()).content == "user is banned: spam"
        assert loopback.user not in guild.members
        assert guild.bans == {loopback.user.id: "spam"}
        assert spam.deleted
        with pytest.raises(LookupError, match="not a member"):
            await loopback.user.send(channel, "Let me in")
        answer = await admin.slash(channel, "unban", name="user")
        assert answer.message.content == "Unbanned user (spam)"
        assert (await channel.next_message()).content == "user is free"
        assert guild.bans == {}


async def test_a_kick(loopback: LoopbackDiscord):
    loopback.guild.add_bot_permissions(MODERATOR)
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await loopback.admin.slash(loopback.channel, "kick", member=loopback.user)
        assert answer.message.content == "Kicked user"
        assert loopback.user not in loopback.guild.members


async def test_a_time_out(loopback: LoopbackDiscord):
    loopback.guild.add_bot_permissions(MODERATOR)
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        await loopback.admin.slash(loopback.channel, "mute", member=loopback.user, minutes=5)
        with pytest.raises(PermissionError, match="may not write"):
            await loopback.user.send(loopback.channel, "Hmpf")


async def test_the_owner_and_those_above_the_bot_stay(loopback: LoopbackDiscord):
    guild = loopback.guild
    guild.add_bot_permissions(MODERATOR)
    guild.give_role(loopback.user, guild.add_role("Chief", above_bot=True))
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        for member in (guild.owner, loopback.user):
            answer = await loopback.admin.slash(loopback.channel, "ban", member=member)
            assert answer.message.content == "I may not do that."
        assert guild.bans == {}
