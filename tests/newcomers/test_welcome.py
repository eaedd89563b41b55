"""Members who join and leave: a welcome, a role for all, a farewell, and guilds that the bot joins."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    intents = discord.Intents.default()
    intents.members = True
    bot = commands.Bot("!", intents=intents)

    @bot.event
    async def on_member_join(member: discord.Member) -> None:
        channel = member.guild.text_channels[0]
        await channel.send(f"Welcome {member.mention}, you are number {member.guild.member_count}!")
        role = discord.utils.get(member.guild.roles, name="Newcomer")
        if role is not None:
            await member.add_roles(role)
        try:
            await member.send("Please read the rules.")
        except discord.Forbidden:
            await channel.send(f"{member.mention}, please read the rules.")

    @bot.event
    async def on_member_remove(member: discord.Member) -> None:
        await member.guild.text_channels[0].send(f"Goodbye {member.display_name}")

    @bot.event
    async def on_guild_join(guild: discord.Guild) -> None:
        await guild.text_channels[0].send(f"Thanks for having me in {guild.name}")

    return bot


async def test_somebody_joins_and_leaves(loopback: LoopbackDiscord):
    guild = loopback.guild
    guild.add_bot_permissions(discord.Permissions(manage_roles=True))
    newcomer = guild.add_role("Newcomer")
    async with loopback.running(make_bot()):
        ada = loopback.add_user("Ada", guilds=[guild])
        n = len(guild.members)
        assert (await loopback.channel.next_message()).content == f"Welcome {ada.mention}, you are number {n}!"
        assert (await ada.next_dm()).content == "Please read the rules."
        assert newcomer in guild.roles_of(ada)
        guild.remove_member(ada)
        assert (await loopback.channel.next_message()).content == "Goodbye Ada"


async def test_somebody_joins_with_closed_direct_messages(loopback: LoopbackDiscord):
    ada = loopback.add_user("Ada")
    loopback.faults.close_dms(ada)
    async with loopback.running(make_bot()):
        loopback.guild.add_member(ada)
        await loopback.channel.next_message()
        assert (await loopback.channel.next_message()).content == f"{ada.mention}, please read the rules."


async def test_the_bot_joins_a_guild(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        guild = loopback.add_guild("Chess Club")
        assert (await guild.channel.next_message()).content == "Thanks for having me in Chess Club"
