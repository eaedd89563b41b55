"""People, servers and commands that are left out."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands

import botmon_cog
from botmon_cog.config import RecordConfig, read_config
from botmon_cog.errors import ConfigError
from tests.harness import Rig, cog_of, make_bot, make_config, rows, running

OUT = {"botmon": False}


def with_commands(bot: commands.Bot) -> commands.Bot:
    @bot.hybrid_command(description="Seen")
    async def seen(context: commands.Context[Any]) -> None:
        await context.send("seen")

    @bot.tree.command(description="Left out by its decorator")
    @botmon_cog.ignore
    async def below(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("below")

    @botmon_cog.ignore
    @bot.tree.command(description="Likewise")
    async def above(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("above")

    @bot.tree.command(description="Left out by its extras", extras=OUT)
    async def extra(interaction: discord.Interaction) -> None:
        raise ValueError("nobody is told of it")

    @bot.hybrid_group(description="A group", fallback="show", extras=OUT)
    async def group(context: commands.Context[Any]) -> None:
        await context.send("group")

    @group.command(description="In a group that is left out")
    async def inner(context: commands.Context[Any]) -> None:
        await context.send("inner")

    tags = app_commands.Group(name="tags", description="Tags", extras=OUT)

    @tags.command(name="list", description="In a group of slash commands that is left out")
    async def list_(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("list")

    bot.tree.add_command(tags)
    return bot


@botmon_cog.ignore
class Hidden(commands.Cog):
    @commands.hybrid_command(description="In a cog that is left out")
    async def hidden(self, context: commands.Context[Any]) -> None:
        await context.send("hidden")

    @app_commands.command(description="Likewise")
    async def deep(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("deep")


class Mixed(commands.Cog):
    @botmon_cog.ignore
    @commands.command()
    async def quiet(self, context: commands.Context[Any]) -> None:
        await context.send("quiet")

    @commands.command()
    async def loud(self, context: commands.Context[Any]) -> None:
        await context.send("loud")


async def use(rig: Rig, *commands_: str) -> None:
    """Each by slash, or as it is typed where it begins with `!`."""
    user, channel = rig.discord.user, rig.discord.channel
    for name in commands_:
        if name.startswith("!"):
            await user.send(channel, name)
            await channel.next_message()
        else:
            await user.slash(channel, name, wait=name != "extra")


async def test_marked_commands_are_left_out():
    bot = with_commands(make_bot())
    await bot.add_cog(Hidden())
    await bot.add_cog(Mixed())
    async with running(bot) as rig:
        await use(rig, "below", "above", "extra", "group show", "group inner", "!group", "!group inner", "tags list")
        await use(rig, "hidden", "!hidden", "deep", "!quiet")
        await use(rig, "seen", "!seen", "!loud")
        assert [(row.kind, row.command) for row in await rig.rows()] == [
            ("hybrid_slash", "seen"),
            ("hybrid_prefix", "seen"),
            ("prefix", "loud"),
        ]
        week = await cog_of(bot).system.statistics.weekly(rig.discord.guild.id)
        assert (week.total_commands, cog_of(bot).system.failures.n) == (3, 0)


async def test_people_and_servers_are_left_out():
    bot = with_commands(make_bot())
    async with running(bot, load=False) as rig:
        other = rig.discord.add_guild("Test server", members=[rig.discord.user])
        there = other.add_text_channel("general")
        record = RecordConfig(ignore_users=(rig.discord.admin.id,), ignore_guilds=(other.id,))
        bot.botmon_config = make_config(record=record)
        await bot.load_extension("botmon_cog")
        user, channel = rig.discord.user, rig.discord.channel
        await rig.discord.admin.slash(channel, "seen")
        await rig.discord.admin.send(channel, "!seen")
        await channel.next_message()
        await user.slash(there, "seen")
        await user.slash(channel, "seen")
        assert [row.user_id for row in await rows(bot)] == [str(user.id)]


def test_what_is_no_command_can_not_be_ignored():
    with pytest.raises(TypeError, match="is no command, function or class"):
        botmon_cog.ignore(7)


def test_ignoring_keeps_what_it_decorates():
    def function() -> None: ...

    assert botmon_cog.ignore(function) is function


def test_wrong_id_is_told_what_is_allowed(tmp_path):
    path = tmp_path / "botmon.toml"
    path.write_text('[record]\nignore_users = ["anna"]\n')
    with pytest.raises(ConfigError, match=r"record\.ignore_users: \['anna'\] can't be used. Allowed: a list of IDs"):
        read_config(path)
