"""Prefix and hybrid commands: converters, groups, aliases, help, mentions as a prefix; the same command both ways."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot(commands.when_mentioned_or("!"), intents=discord.Intents.all())
    tags: dict[str, str] = {}

    @bot.command(aliases=["sum"])
    async def add(ctx: commands.Context[commands.Bot], *numbers: int) -> None:
        """Adds numbers."""
        await ctx.send(str(sum(numbers)))

    @bot.command()
    async def slap(ctx: commands.Context[commands.Bot], member: discord.Member, *, reason: str = "no reason") -> None:
        await ctx.send(f"{ctx.author.display_name} slaps {member.display_name} for {reason}")

    @bot.hybrid_group(fallback="get")
    async def tag(ctx: commands.Context[commands.Bot], name: str) -> None:
        """Shows a tag."""
        await ctx.send(tags.get(name, "No such tag."))

    @tag.command()
    async def create(ctx: commands.Context[commands.Bot], name: str, *, text: str) -> None:
        """Creates a tag."""
        tags[name] = text
        await ctx.send(f"Created {name}.", ephemeral=True)

    @bot.command()
    async def guess(ctx: commands.Context[commands.Bot]) -> None:
        await ctx.send("Which number?")
        message = await bot.wait_for("message", check=lambda m: m.author == ctx.author and m.content.isdigit())
        await ctx.send("Right!" if message.content == "7" else "Wrong.")

    return bot


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("!add 1 2 3", "6"),
        ("!sum", "0"),
        ("<@{bot}> add 2 2", "4"),
        ("!slap <@{user}>", "User slaps User for no reason"),
        ("!slap admin being late", "User slaps Admin for being late"),
        ("!tag nothing", "No such tag."),
    ],
)
async def test_a_command_is_typed(loopback: LoopbackDiscord, typed: str, said: str):
    async with loopback.running(make_bot()):
        text = typed.format(bot=loopback.bot_user.id, user=loopback.user.id)
        await loopback.user.send(loopback.channel, text)
        assert (await loopback.channel.next_message()).content == said


async def test_a_hybrid_is_the_same_both_ways(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "tag create", name="hi", text="Hello there")
        assert answer.message.ephemeral
        assert (await loopback.user.slash(loopback.channel, "tag get", name="hi")).message.content == "Hello there"
        await loopback.user.send(loopback.channel, "!tag hi")
        assert (await loopback.channel.next_message()).content == "Hello there"


async def test_a_conversation(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!guess")
        assert (await loopback.channel.next_message()).content == "Which number?"
        await loopback.admin.send(loopback.channel, "1")
        await loopback.user.send(loopback.channel, "7")
        assert (await loopback.channel.next_message()).content == "Right!"


async def test_the_help_command(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!help add")
        text = (await loopback.channel.next_message()).content
        assert "![add|sum]" in text
        assert "Adds numbers." in text
