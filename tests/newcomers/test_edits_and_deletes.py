"""Messages that are edited and deleted, by people and by the bot; a snipe command, a purge."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())
    deleted: list[discord.Message] = []

    @bot.event
    async def on_message_edit(before: discord.Message, after: discord.Message) -> None:
        if before.content != after.content and not after.author.bot:
            await after.reply(f"It was {before.content!r}")

    @bot.event
    async def on_message_delete(message: discord.Message) -> None:
        deleted.append(message)

    @bot.event
    async def on_bulk_message_delete(messages: list[discord.Message]) -> None:
        deleted.extend(messages)

    @bot.command()
    async def snipe(ctx: commands.Context[commands.Bot]) -> None:
        last = deleted[-1]
        await ctx.send(f"{last.author.display_name} said {last.content!r} ({len(deleted)})")

    @bot.command()
    @commands.has_permissions(manage_messages=True)
    async def purge(ctx: commands.Context[commands.Bot], n: int) -> None:
        assert isinstance(ctx.channel, discord.TextChannel)
        gone = await ctx.channel.purge(limit=n, before=ctx.message)
        await ctx.message.delete()
        await ctx.send(f"{len(gone)} deleted")

    @bot.command()
    async def countdown(ctx: commands.Context[commands.Bot]) -> None:
        message = await ctx.send("3")
        for text in ("2", "1", "Go!"):
            await message.edit(content=text)

    return bot


async def test_an_edit_and_what_was_there_before(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        message = await loopback.user.send(loopback.channel, "I like dogs")
        await loopback.settled()
        await loopback.user.edit(message, "I like cats")
        assert (await loopback.channel.next_message()).content == "It was 'I like dogs'"
        with pytest.raises(PermissionError, match="somebody else"):
            await loopback.admin.edit(message, "I like neither")


async def test_a_deleted_message_is_sniped(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        message = await loopback.user.send(loopback.channel, "Oops")
        await loopback.settled()
        await loopback.user.delete(message)
        await loopback.admin.send(loopback.channel, "!snipe")
        assert (await loopback.channel.next_message()).content == "User said 'Oops' (1)"


async def test_a_purge(loopback: LoopbackDiscord):
    loopback.admin.add_permissions(loopback.guild, discord.Permissions(manage_messages=True))
    async with loopback.running(make_bot()):
        first, *others = [await loopback.user.send(loopback.channel, f"spam {n}") for n in range(4)]
        await loopback.user.send(loopback.channel, "!purge 4")
        await loopback.settled()
        assert not first.deleted
        await loopback.admin.send(loopback.channel, "!purge 4")
        told = await loopback.channel.next_message()
        assert told.content == "4 deleted"
        await loopback.settled()
        assert not first.deleted
        assert all(message.deleted for message in others)


async def test_the_bot_edits_its_own(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!countdown")
        message = await loopback.channel.next_message()
        await loopback.settled()
        assert (message.content, message.edited) == ("Go!", True)
