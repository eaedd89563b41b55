"""Threads: support tickets, opened from a message, written in, closed; private ones and their members."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.command()
    async def ticket(ctx: commands.Context[commands.Bot], *, subject: str) -> None:
        thread = await ctx.message.create_thread(name=subject, auto_archive_duration=60)
        await thread.send(f"{ctx.author.mention}, what is wrong?")

    @bot.command()
    async def secret(ctx: commands.Context[commands.Bot], member: discord.Member) -> None:
        assert isinstance(ctx.channel, discord.TextChannel)
        thread = await ctx.channel.create_thread(name="Secret", type=discord.ChannelType.private_thread)
        await thread.add_user(member)
        await thread.send("Just us.")

    @bot.command()
    async def close(ctx: commands.Context[commands.Bot]) -> None:
        if isinstance(ctx.channel, discord.Thread):
            await ctx.send("Closed.")
            await ctx.channel.edit(archived=True, locked=True)

    @bot.listen()
    async def on_thread_create(thread: discord.Thread) -> None:
        if thread.owner_id != thread.guild.me.id:
            await thread.join()
            await thread.send(f"Welcome to {thread.name} of {thread.parent}")

    return bot


async def test_a_ticket_from_beginning_to_end(loopback: LoopbackDiscord):
    loopback.guild.add_bot_permissions(discord.Permissions(manage_threads=True))
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!ticket Login")
        await loopback.settled()
        (thread,) = loopback.channel.threads
        assert thread.name == "Login"
        assert (await thread.next_message()).content == f"{loopback.user.mention}, what is wrong?"
        await loopback.user.send(thread, "!close")
        assert (await thread.next_message()).content == "Closed."
        await loopback.settled()
        assert thread not in loopback.guild.active_threads
        assert thread.thread is not None
        assert thread.thread.locked


async def test_a_private_thread_is_for_its_members(loopback: LoopbackDiscord):
    loopback.guild.add_bot_permissions(discord.Permissions(create_private_threads=True))
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, f"!secret {loopback.user.mention}")
        await loopback.settled()
        (thread,) = loopback.channel.threads
        assert (await thread.next_message()).content == "Just us."
        await loopback.user.send(thread, "Thanks")
        with pytest.raises(PermissionError, match="cannot see"):
            await loopback.admin.send(thread, "Hello?")


async def test_a_thread_that_somebody_else_opens(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        thread = loopback.channel.add_thread("Cats", loopback.user)
        assert (await thread.next_message()).content == "Welcome to Cats of general"
