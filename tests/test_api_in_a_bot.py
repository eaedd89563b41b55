"""The old interface used by a bot whose commands the extension observes as well: each command is one row."""

from __future__ import annotations

import asyncio

import discord
from discord.ext import commands

import botmon_cog
from tests.harness import cog_of, make_bot, running, until


async def test_host_that_logs_within_an_observed_command_adds_to_its_row() -> None:
    bot = make_bot()

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        system = cog_of(bot).system
        async with system.performance.track_command("play", interaction.guild_id, interaction.user.id):
            await interaction.response.send_message("playing")
        await system.command_logger.log_command(interaction.guild_id, interaction.user.id, "play", details="a song")
        await system.statistics.record_command(interaction.guild_id, interaction.user.id)

    @bot.command()
    async def ping(ctx: object) -> None:
        await botmon_cog.log_command_execution(1, None, 2, None, "ping", details="by prefix")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "play")
        assert [(r.command, r.details) for r in await rig.rows()] == [("play", "a song")]
        completed = asyncio.ensure_future(bot.wait_for("command_completion"))
        await rig.discord.user.send(rig.discord.channel, "!ping")
        await completed
        assert [(r.command, r.details) for r in await rig.rows()] == [("play", "a song"), ("ping", "by prefix")]
        report = await cog_of(bot).system.performance.get_performance_stats()
        assert {c.command: c.duration.n for c in report.commands} == {"play": 1, "ping": 1}


async def test_host_that_logs_in_its_listeners_and_error_handlers_makes_no_second_row() -> None:
    """As bots do that logged for themselves before they loaded the extension."""
    bot = make_bot()
    said: list[bool] = []

    async def log(command: str, *, success: bool) -> None:
        system = cog_of(bot).system
        said.append(await system.command_logger.log_command(1, 2, command, success=success))
        await system.statistics.record_command(1, 2)

    @bot.tree.command(name="good", description="g")
    async def good(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("good")

    @bot.tree.command(name="bad", description="b")
    async def bad(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("bad")
        raise ValueError

    @bot.command()
    async def plain(ctx: object) -> None:
        """Nothing to say."""

    @bot.listen()
    async def on_app_command_completion(
        interaction: discord.Interaction, command: discord.app_commands.Command
    ) -> None:
        await log(str(getattr(command, "qualified_name", "")), success=True)

    @bot.listen()
    async def on_command_completion(ctx: commands.Context) -> None:
        await log(str(ctx.command), success=True)

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        await log("bad", success=False)

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "good")
        await rig.discord.user.slash(rig.discord.channel, "bad")
        await rig.discord.user.send(rig.discord.channel, "!plain")
        await until(lambda: len(said) == 3)
        assert [(r.command, r.kind) for r in await rig.rows()] == [
            ("good", "slash"),
            ("bad", "slash"),
            ("plain", "prefix"),
        ]


async def test_task_that_a_command_leaves_behind_may_log_commands_of_another_name() -> None:
    bot = make_bot()
    go = asyncio.Event()
    players: list[asyncio.Task[bool]] = []

    async def player() -> bool:
        await go.wait()
        return await cog_of(bot).system.command_logger.log_command(1, 2, "autoplay")

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        players.append(asyncio.create_task(player()))
        await interaction.response.send_message("playing")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "play")
        assert len(await rig.rows()) == 1
        go.set()
        assert await players[0]
        assert [r.command for r in await rig.rows()] == ["play", "autoplay"]
