"""Roles: given, taken, created with a colour; what other people change, and the order of roles."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.command()
    async def role(ctx: commands.Context[commands.Bot], member: discord.Member, role: discord.Role) -> None:
        if role in member.roles:
            await member.remove_roles(role)
            await ctx.send(f"Took {role.name}")
        else:
            await member.add_roles(role, reason=f"asked by {ctx.author}")
            await ctx.send(f"Gave {role.name}")

    @bot.command()
    async def colour(ctx: commands.Context[commands.Bot], colour: discord.Colour) -> None:
        assert ctx.guild is not None
        assert isinstance(ctx.author, discord.Member)
        role = await ctx.guild.create_role(name=str(colour), colour=colour, hoist=True)
        await ctx.author.add_roles(role)
        await ctx.send(f"{ctx.author.display_name} is {role.name}, of {len(role.members) or 'no'} member(s)")

    @bot.command()
    async def clear(ctx: commands.Context[commands.Bot], role: discord.Role) -> None:
        await role.delete()

    @bot.event
    async def on_member_update(before: discord.Member, after: discord.Member) -> None:
        new = set(after.roles) - set(before.roles)
        channel = after.guild.text_channels[0]
        if any(role.name == "Booster" for role in new):
            await channel.send(f"Thank you, {after.mention}!")

    @bot.event
    async def on_command_error(ctx: commands.Context[commands.Bot], error: commands.CommandError) -> None:
        if isinstance(error, commands.CommandInvokeError) and isinstance(error.original, discord.Forbidden):
            await ctx.send("That role is above me.")

    return bot


async def test_a_role_is_given_and_taken(loopback: LoopbackDiscord):
    guild, user = loopback.guild, loopback.user
    guild.add_bot_permissions(discord.Permissions(manage_roles=True))
    gamers = guild.add_role("Gamers")
    async with loopback.running(make_bot()):
        await loopback.admin.send(loopback.channel, f"!role {user.mention} Gamers")
        assert (await loopback.channel.next_message()).content == "Gave Gamers"
        assert gamers in guild.roles_of(user)
        await loopback.admin.send(loopback.channel, f"!role user {gamers.mention}")
        assert (await loopback.channel.next_message()).content == "Took Gamers"
        assert gamers not in guild.roles_of(user)


async def test_a_role_above_the_bot(loopback: LoopbackDiscord):
    guild = loopback.guild
    guild.add_bot_permissions(discord.Permissions(manage_roles=True))
    guild.add_role("Chief", above_bot=True)
    async with loopback.running(make_bot()):
        await loopback.admin.send(loopback.channel, "!role user Chief")
        assert (await loopback.channel.next_message()).content == "That role is above me."


async def test_a_role_is_created_and_deleted(loopback: LoopbackDiscord):
    guild, user = loopback.guild, loopback.user
    guild.add_bot_permissions(discord.Permissions(manage_roles=True))
    async with loopback.running(make_bot()):
        await user.send(loopback.channel, "!colour #ff0000")
        await loopback.channel.next_message()
        (red,) = [role for role in guild.roles_of(user) if role.name == "#ff0000"]
        assert (red.color, red.hoist) == (0xFF0000, True)
        await user.send(loopback.channel, "!clear #ff0000")
        await loopback.settled()
        assert red not in guild.roles


async def test_a_role_that_somebody_else_gave(loopback: LoopbackDiscord):
    booster = loopback.guild.add_role("Booster")
    async with loopback.running(make_bot()):
        loopback.guild.give_role(loopback.user, booster)
        assert (await loopback.channel.next_message()).content == f"Thank you, {loopback.user.mention}!"
