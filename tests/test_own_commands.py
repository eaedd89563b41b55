"""Our own commands are marked in the log, and nothing else is."""

from __future__ import annotations

from types import SimpleNamespace

import discord
import msgspec
from discord import app_commands
from discord.ext import commands

from botmon_cog.config import CommandsConfig
from botmon_cog.domain.ended import EndedCommand, Taken
from botmon_cog.domain.models import Invocation
from tests.harness import Rig, cog_of, make_bot, make_config, running, until


def recordings(rig: Rig) -> list[Invocation]:
    """What is recorded from now on, our own commands included."""
    found: list[Invocation] = []
    recorder = cog_of(rig.bot).system.recorder
    put = recorder._put

    def note(taken: Taken) -> int:
        kind = type(taken).__name__  # of a reloaded package, it is another class
        if kind in {Invocation.__name__, EndedCommand.__name__}:
            found.append(taken if kind == Invocation.__name__ else taken.invocation())
        return put(taken)

    recorder._put = note
    return found


async def recorded(rig: Rig, *names: str) -> list[tuple[str, bool]]:
    """The command and `is_own` of each invocation, after slash commands of these names."""
    found, observer = recordings(rig), cog_of(rig.bot).observer
    for name in names:
        await rig.discord.admin.slash(rig.discord.channel, name)
        await until(lambda: not observer.running)
    return [(invocation.command, invocation.is_own) for invocation in found]


async def test_our_own_commands_are_marked_under_whatever_name() -> None:
    bot = make_bot()
    names = CommandsConfig(health="wellness", perf="")
    bot.botmon_config = msgspec.structs.replace(make_config(), commands=names)

    @bot.tree.command(name="perf", description="the host's")
    async def perf(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("mine")

    @bot.tree.command(name="health", description="the host's, too")
    async def health(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("mine")

    async with running(bot) as rig:
        found = await recorded(rig, "wellness", "perf", "health", "stats weekly")
        assert found == [("wellness", True), ("perf", False), ("health", False), ("stats weekly", True)]


async def test_a_hosts_command_of_the_same_name_in_its_guild_is_the_hosts() -> None:
    bot = make_bot()
    async with running(bot) as rig:

        @app_commands.command(name="health", description="the guild's own")
        async def health(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("mine")

        bot.tree.add_command(health, guild=rig.discord.guild)
        await bot.tree.sync(guild=rig.discord.guild)
        assert await recorded(rig, "health") == [("health", False)]


async def test_a_hosts_prefix_command_is_not_ours() -> None:
    bot = make_bot()

    @bot.command()
    async def health(context: commands.Context) -> None:
        await context.send("fine")

    async with running(bot) as rig:
        found = recordings(rig)
        await rig.discord.user.send(rig.discord.channel, "!health")
        await until(lambda: bool(found))
        assert (found[0].command, found[0].is_own, type(found[0].discord_id)) == ("health", False, int)


async def test_ids_are_those_of_discord() -> None:
    bot = make_bot()

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: discord.Interaction) -> None:
        seen.id = interaction.id
        await interaction.response.send_message("pong")

    seen = SimpleNamespace(id=0)
    async with running(bot) as rig:
        found = recordings(rig)
        await rig.discord.user.slash(rig.discord.channel, "ping")
        await until(lambda: bool(found))
        told = (found[0].guild_id, found[0].channel_id, found[0].user_id, found[0].discord_id)
        assert told == (rig.discord.guild.id, rig.discord.channel.id, rig.discord.user.id, seen.id)
        assert all(type(number) is int for number in told)


async def test_our_own_prefix_commands_are_marked() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(commands=CommandsConfig(prefix=True))
    async with running(bot) as rig:
        found = recordings(rig)
        await rig.discord.admin.send(rig.discord.channel, "!stats today")
        await until(lambda: bool(found))
        assert [(i.command, i.kind, i.outcome, i.is_own) for i in found] == [("stats", "prefix", "ok", True)]
