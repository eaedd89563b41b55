"""Presence: the bot's own, people who go online and play, and who is typing."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all(), activity=discord.Game("!help"))

    @bot.command()
    async def busy(ctx: commands.Context[commands.Bot], *, text: str) -> None:
        await bot.change_presence(status=discord.Status.dnd, activity=discord.CustomActivity(text))
        await ctx.send("Busy.")

    @bot.command()
    async def online(ctx: commands.Context[commands.Bot]) -> None:
        assert ctx.guild is not None
        there = [member.name for member in ctx.guild.members if member.status is not discord.Status.offline]
        await ctx.send(", ".join(sorted(there)) or "nobody")

    @bot.event
    async def on_presence_update(before: discord.Member, after: discord.Member) -> None:
        channel = after.guild.text_channels[0]
        if before.status is discord.Status.offline and after.status is discord.Status.online:
            await channel.send(f"{after.display_name} is here")
        if after.activity is not None and after.activity != before.activity:
            await channel.send(f"{after.display_name}: {after.activity.name}")

    @bot.event
    async def on_typing(channel: discord.abc.Messageable, user: discord.Member, when: object) -> None:
        if user.name == "admin":
            await channel.send("Hush, Admin speaks.")

    return bot


async def test_the_bots_own_presence(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        (presence,) = loopback.presences.values()
        assert presence is not None
        assert presence["activities"][0]["name"] == "!help"
        await loopback.user.send(loopback.channel, "!busy Thinking")
        await loopback.channel.next_message()
        await loopback.settled()
        (presence,) = loopback.presences.values()
        assert presence is not None
        assert (presence["status"], presence["activities"][0]["state"]) == ("dnd", "Thinking")


async def test_people_come_online_and_play(loopback: LoopbackDiscord):
    await loopback.owner.set_presence(discord.Status.idle)
    await loopback.admin.set_presence(discord.Status.invisible)
    async with loopback.running(make_bot()):
        await loopback.user.set_presence(discord.Status.online)
        assert (await loopback.channel.next_message()).content == "User is here"
        await loopback.user.set_presence(discord.Status.online, discord.Game("Chess"))
        assert (await loopback.channel.next_message()).content == "User: Chess"
        await loopback.user.send(loopback.channel, "!online")
        assert (await loopback.channel.next_message()).content == "owner, user"
        await loopback.user.set_presence(discord.Status.offline)
        await loopback.user.send(loopback.channel, "!online")
        assert (await loopback.channel.next_message()).content == "owner"


async def test_somebody_types(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.start_typing(loopback.channel)
        await loopback.admin.start_typing(loopback.channel)
        assert (await loopback.channel.next_message()).content == "Hush, Admin speaks."
        await loopback.settled()
        assert len(loopback.channel.messages) == 1
