"""Files: sent by the bot, read from people's messages, exchanged by an edit."""

from __future__ import annotations

import csv
import io

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, Upload


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.command()
    async def members(ctx: commands.Context[commands.Bot]) -> None:
        assert ctx.guild is not None
        names = "\n".join(sorted(member.name for member in ctx.guild.members if member != ctx.guild.owner))
        await ctx.send("Here:", file=discord.File(io.BytesIO(names.encode()), "members.csv", description="A list"))

    @bot.command()
    async def total(ctx: commands.Context[commands.Bot]) -> None:
        if not ctx.message.attachments:
            await ctx.send("Attach a table.")
            return
        text = (await ctx.message.attachments[0].read()).decode()
        await ctx.send(str(sum(int(row["price"]) for row in csv.DictReader(io.StringIO(text)))))

    @bot.command()
    async def echo(ctx: commands.Context[commands.Bot]) -> None:
        files = [await attachment.to_file() for attachment in ctx.message.attachments]
        message = await ctx.send("Copies", files=files)
        await message.edit(content="Only the last", attachments=message.attachments[-1:])

    return bot


async def test_the_bot_sends_a_file(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!members")
        (file,) = (await loopback.channel.next_message()).attachments
        assert (file.filename, file.description) == ("members.csv", "A list")
        assert file.bytes == b"Loopback\nadmin\nowner\nuser"


async def test_the_bot_reads_a_file(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!total")
        assert (await loopback.channel.next_message()).content == "Attach a table."
        table = Upload("table.csv", b"name,price\ntea,3\ncake,4\n")
        await loopback.user.send(loopback.channel, "!total", table)
        assert (await loopback.channel.next_message()).content == "7"


async def test_files_are_copied_and_taken_away(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!echo", Upload("a.txt", b"A"), Upload("b.txt", b"B"))
        message = await loopback.channel.next_message()
        await loopback.settled()
        assert message.content == "Only the last"
        assert [(file.filename, file.bytes) for file in message.attachments] == [("b.txt", b"B")]
