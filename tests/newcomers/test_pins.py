"""Pins: a message pinned, the list of pins, and unpinning."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.command()
    async def pin(ctx: commands.Context[commands.Bot]) -> None:
        assert ctx.message.reference is not None
        message = ctx.message.reference.resolved
        assert isinstance(message, discord.Message)
        try:
            await message.pin(reason="asked for")
        except discord.Forbidden:
            await ctx.send("I may not pin here.")

    @bot.command()
    async def pins(ctx: commands.Context[commands.Bot]) -> None:
        texts = [message.content async for message in ctx.channel.pins()]
        await ctx.send(", ".join(texts) or "nothing")

    @bot.command()
    async def unpin(ctx: commands.Context[commands.Bot], message: discord.Message) -> None:
        await message.unpin()
        await ctx.send("Unpinned")

    return bot


async def test_pinning_listing_and_unpinning(loopback: LoopbackDiscord):
    channel, user = loopback.channel, loopback.user
    loopback.guild.add_bot_permissions(discord.Permissions(1 << 51))
    async with loopback.running(make_bot()):
        first, second = await user.send(channel, "Rules"), await user.send(channel, "Links")
        for message in (first, second):
            await user.send(channel, "!pin", reply_to=message)
            await loopback.settled()
        assert list(channel.pins) == [first.id, second.id]
        await user.send(channel, "!pins")
        assert (await channel.next_message()).content == "Links, Rules"
        await user.send(channel, f"!unpin {first.id}")
        assert (await channel.next_message()).content == "Unpinned"
        assert list(channel.pins) == [second.id]


async def test_without_the_permission_nothing_is_pinned(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        message = await loopback.user.send(loopback.channel, "Rules")
        await loopback.user.send(loopback.channel, "!pin", reply_to=message)
        assert (await loopback.channel.next_message()).content == "I may not pin here."
        assert not loopback.channel.pins
