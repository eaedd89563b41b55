"""Reactions: roles for a reaction given and taken back, a poll, `wait_for`."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())
    add_reaction_roles(bot)
    add_polls(bot)
    return bot


def add_reaction_roles(bot: commands.Bot) -> None:
    async def role_of(payload: discord.RawReactionActionEvent) -> tuple[discord.Member, discord.Role] | None:
        guild = bot.get_guild(payload.guild_id or 0)
        if guild is None or payload.emoji.name != "🎨":
            return None
        member, role = guild.get_member(payload.user_id), discord.utils.get(guild.roles, name="Artists")
        return (member, role) if member and role and not member.bot else None

    @bot.event
    async def on_raw_reaction_add(payload: discord.RawReactionActionEvent) -> None:
        if found := await role_of(payload):
            await found[0].add_roles(found[1])

    @bot.event
    async def on_raw_reaction_remove(payload: discord.RawReactionActionEvent) -> None:
        if found := await role_of(payload):
            await found[0].remove_roles(found[1])


def add_polls(bot: commands.Bot) -> None:
    @bot.command()
    async def poll(ctx: commands.Context[commands.Bot], *, question: str) -> None:
        message = await ctx.send(question)
        await message.add_reaction("👍")
        await message.add_reaction("👎")

    @bot.command()
    async def votes(ctx: commands.Context[commands.Bot], message: discord.Message) -> None:
        counts = [f"{reaction.emoji} {reaction.count - reaction.me}" for reaction in message.reactions]
        voters = [user.name async for user in message.reactions[0].users() if not user.bot]
        await ctx.send(f"{', '.join(counts)} ({', '.join(sorted(voters))})")

    @bot.command()
    async def sure(ctx: commands.Context[commands.Bot]) -> None:
        question = await ctx.send("Sure?")

        def is_answer(reaction: discord.Reaction, user: discord.abc.User) -> bool:
            return user == ctx.author and reaction.message.id == question.id

        reaction, _ = await bot.wait_for("reaction_add", check=is_answer, timeout=30)
        await ctx.reply(f"You said {reaction.emoji}")


async def test_a_reaction_gives_a_role_and_its_removal_takes_it(loopback: LoopbackDiscord):
    guild = loopback.guild
    guild.add_bot_permissions(discord.Permissions(manage_roles=True))
    artists = guild.add_role("Artists")
    async with loopback.running(make_bot()):
        message = await loopback.owner.send(loopback.channel, "React with 🎨 to become an artist")
        await loopback.user.react(message, "🎨")
        await loopback.settled()
        assert artists in guild.roles_of(loopback.user)
        await loopback.user.take_back_reaction(message, "🎨")
        await loopback.settled()
        assert artists not in guild.roles_of(loopback.user)


async def test_a_poll_is_counted(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!poll Pizza?")
        poll = await loopback.channel.next_message()
        await loopback.settled()
        await loopback.user.react(poll, "👍")
        await loopback.admin.react(poll, "👍")
        await loopback.user.send(loopback.channel, f"!votes {poll.id}")
        assert (await loopback.channel.next_message()).content == "👍 2, 👎 0 (admin, user)"
        with pytest.raises(LookupError, match="has not reacted"):
            await loopback.user.take_back_reaction(poll, "👎")


async def test_only_the_one_who_was_asked_answers(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        asked = await loopback.user.send(loopback.channel, "!sure")
        question = await loopback.channel.next_message()
        await loopback.admin.react(question, "👎")
        await loopback.user.react(question, "👍")
        answer = await loopback.channel.next_message()
        assert answer.content == "You said 👍"
        assert answer.body["message_reference"]["message_id"] == str(asked.id)
