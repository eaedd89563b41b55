"""A command that reloads or unloads the extension ends as it ends, and is one row all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from botmon_cog.cog.cog import BotMon
from botmon_cog.domain.reports import HistoryEntry
from botmon_cog.original import systems
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.history import HistoryFilter
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until

Interaction = discord.Interaction


@pytest.fixture
def bot(tmp_path: Path) -> commands.Bot:
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "botmon.db"))

    @bot.tree.command(name="reload", description="r")
    async def reload(interaction: Interaction) -> None:
        await interaction.response.defer()
        await bot.reload_extension(EXTENSION)
        await interaction.followup.send("reloaded")

    @bot.tree.command(name="unload", description="u")
    async def unload(interaction: Interaction) -> None:
        await interaction.response.send_message("unloading")
        await bot.unload_extension(EXTENSION)

    @bot.tree.command(name="break", description="b")
    async def break_(interaction: Interaction) -> None:
        await interaction.response.send_message("reloading")
        await bot.reload_extension(EXTENSION)
        raise RuntimeError("no")

    @bot.command(name="again")
    async def again(context: commands.Context[commands.Bot]) -> None:
        await bot.reload_extension(EXTENSION)
        await context.send("reloaded")

    return bot


async def some_rows(rig: Rig, reloaded: BotMon) -> list[HistoryEntry]:
    """Those of the system after the reload, once there are any; `reloaded` is the cog before it."""
    await until(lambda: rig.bot.get_cog("botmon") not in {None, reloaded})
    async with asyncio.timeout(10):
        while not (rows := await rig.rows()):
            pass
    return rows


async def stored(bot: commands.Bot) -> list[tuple[str, str]]:
    """(command, outcome) of what a start of another process finds."""
    async with MonitoringSystem(bot.botmon_config) as system:
        await system.catch_up()
        found = await system.store.history.find(HistoryFilter(limit=100))
        return [(row.command, row.outcome.value) for row in reversed(found)]


@pytest.mark.parametrize(("command", "outcome"), [("reload", "ok"), ("break", "error")])
async def test_slash_command_that_reloads_us(bot: commands.Bot, command: str, outcome: str) -> None:
    async with running(bot) as rig:
        before = cog_of(bot)
        await rig.discord.user.slash(rig.discord.channel, command)
        (row,) = await some_rows(rig, before)
        assert (row.command, row.outcome.value, row.response_s is not None) == (command, outcome, True)


async def test_prefix_command_that_reloads_us(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        before = cog_of(bot)
        await rig.discord.user.send(rig.discord.channel, "!again")
        await rig.discord.channel.next_message()
        assert [(row.command, row.outcome.value) for row in await some_rows(rig, before)] == [("again", "ok")]


async def test_slash_command_that_unloads_us_is_in_the_store(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "unload")
        await until(lambda: bot.get_cog("botmon") is None)
        async with asyncio.timeout(10):
            while not (rows := await stored(bot)):
                pass
        assert rows == [("unload", "ok")]
        with pytest.raises(LookupError):
            systems.of(bot)
