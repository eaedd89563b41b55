"""The original's interface in a bot whose commands the extension observes as well: each command is one row."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.ext import commands

import botmon_cog
from botmon_cog import Config, Monitors, create_monitoring_system
from botmon_cog.config import StorageConfig
from botmon_cog.domain.reports import HistoryEntry
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> commands.Bot:
    """One that keeps its monitors, as the usage of the original says."""
    monkeypatch.chdir(tmp_path)
    bot = make_bot()
    bot.botmon_config = make_config(StorageConfig().url)
    bot.monitoring = create_monitoring_system("data/bot.db")
    bot.cmd_logger, bot.perf_monitor, bot.stats_collector, bot.health_check = bot.monitoring
    return bot


async def told(bot: commands.Bot, interaction: discord.Interaction, command: str, **said: Any) -> None:
    """All three, as the original's guide has it, for one invocation."""
    guild, user = interaction.guild, interaction.user
    assert guild is not None
    async with bot.perf_monitor.track_command(command, str(guild.id), str(user.id)):
        await bot.stats_collector.record_song_played(str(guild.id), 180, str(user.id))
        assert await bot.stats_collector.record_command(str(guild.id), str(user.id)) is True
    assert await bot.cmd_logger.log_command(str(guild.id), guild.name, str(user.id), user.name, command, **said) is True


def facts(entry: HistoryEntry) -> tuple[str, str, str, str | None]:
    return entry.command, entry.kind, entry.outcome, entry.error_message


async def ask(rig: Rig, monitoring: Monitors) -> dict[str, Any]:
    return await monitoring.statistics.get_daily_stats(rig.discord.guild.id, rig.clock.now())


async def test_three_calls_about_an_observed_command_are_one_command(bot: commands.Bot):
    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("playing")
        await told(bot, interaction, "play", duration=9.0)

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "play")
        assert [facts(row) for row in await rig.rows()] == [("play", "slash", "ok", None)]
        day = await ask(rig, bot.monitoring)
        assert (day["songs_played"], day["commands_executed"], day["unique_users"]) == (1, 1, 1)
        stats = await bot.cmd_logger.get_command_stats(rig.discord.guild.id)
        assert (stats["total_commands"], stats["avg_duration"]) == (1, 0.0), "as observed, not as told"
        times = await bot.perf_monitor.get_performance_stats(rig.discord.guild.id)
        assert [(each["command"], each["count"]) for each in times["slowest_commands"]] == [("play", 1)]
        assert times["cache_metrics"]["total_cached"] == 1


async def test_failure_that_the_host_caught_is_one(bot: commands.Bot):
    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("sorry")
        await told(bot, interaction, "play", success=False, error_message=ConnectionError("no voice"))

    async with running(bot) as rig:
        for _ in range(200):
            await rig.discord.user.slash(rig.discord.channel, "play")
        entries = await rig.rows()
        assert {facts(row) for row in entries} == {("play", "slash", "error", "no voice")}
        assert (len(entries), entries[0].error_type) == (200, "ConnectionError")
        rate = await bot.health_check.check_error_rate(str(rig.discord.guild.id))
        assert rate == {"total_commands": 200, "failed_commands": 200, "error_rate": 100.0, "status": "critical"}
        health = await bot.health_check.get_full_health_report()
        assert health["overall_status"] == "unhealthy"
        (row,) = await bot.cmd_logger.get_command_history(limit=1)
        assert (row["success"], row["error_message"]) == (False, "no voice")


async def test_typo_of_a_user_is_no_failed_command(bot: commands.Bot):
    @bot.command()
    async def volume(ctx: commands.Context, level: int) -> None:
        """Takes a number."""

    async with running(bot) as rig:
        failed = asyncio.ensure_future(bot.wait_for("command_error"))
        await rig.discord.user.send(rig.discord.channel, "!volume loud")
        await failed
        assert [row.outcome for row in await rig.rows()] == ["user_error"]
        rate = await bot.health_check.check_error_rate()
        assert (rate["total_commands"], rate["failed_commands"]) == (1, 0)
        (row,) = await bot.cmd_logger.get_command_history()
        assert row["success"] is False, "it did not succeed all the same"


async def test_listeners_and_error_handlers_make_no_second_row(bot: commands.Bot):
    """As bots have them that logged for themselves before they loaded the extension."""
    said: list[bool] = []

    async def log(command: str, *, success: bool) -> None:
        said.append(await bot.cmd_logger.log_command(1, None, 2, None, command, success=success))
        await bot.stats_collector.record_command(1, 2)

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
        await log(command.qualified_name, success=True)

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
        assert all(said)
        assert [(row.command, row.kind) for row in await rig.rows()] == [
            ("good", "slash"),
            ("bad", "slash"),
            ("plain", "prefix"),
        ]
        assert await bot.stats_collector.get_daily_stats("1", rig.clock.now()) == {}


async def test_another_command_within_an_observed_one_has_its_own_row(bot: commands.Bot):
    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        async with bot.perf_monitor.track_command("search", "1", "2"):
            await interaction.response.send_message("playing")
        await bot.cmd_logger.log_command("1", None, "2", None, "connect", duration=0.5)

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "play")
        await rig.rows()
        assert sorted((row.command, row.kind) for row in await rig.rows()) == [
            ("connect", "logged"),
            ("play", "slash"),
            ("search", "logged"),
        ]


async def test_task_that_a_command_leaves_behind_may_log_others(bot: commands.Bot):
    go = asyncio.Event()
    players: list[asyncio.Task[bool]] = []

    async def player() -> bool:
        await go.wait()
        await bot.cmd_logger.log_command("1", None, "2", None, "play", success=False)
        return await bot.cmd_logger.log_command("1", None, "2", None, "autoplay")

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        players.append(asyncio.create_task(player()))
        await interaction.response.send_message("playing")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "play")
        assert len(await rig.rows()) == 1
        go.set()
        assert await players[0]
        assert [row.command for row in await rig.rows()] == ["play", "autoplay"]


async def test_system_of_the_extension_is_the_one_for_all(bot: commands.Bot, tmp_path: Path):
    await bot.cmd_logger.log_command("1", None, "2", None, "before")
    alone = bot.monitoring.system
    async with running(bot, load=False) as rig:
        with pytest.raises(LookupError, match="load_extension"):
            botmon_cog.of(bot)
        await bot.load_extension(EXTENSION)
        system = botmon_cog.of(bot)
        assert system is cog_of(bot).system is bot.monitoring.system is not alone
        later = create_monitoring_system("data/bot.db")
        assert later.system is system
        await later.logger.log_command("1", None, "2", None, "during")
        await botmon_cog.log_command_execution("1", None, "2", None, "by helper", 0.1, True)
        names = [row["command"] for row in await bot.cmd_logger.get_command_history()]
        assert sorted(names) == ["before", "by helper", "during"]
        await later.close()
        assert len(await bot.cmd_logger.get_command_history()) == 3, "the extension's goes on"
        await bot.unload_extension(EXTENSION)
        assert bot.monitoring.system is not system
        await bot.cmd_logger.log_command("1", None, "2", None, "after")
        assert len(await bot.cmd_logger.get_command_history()) == 4
        await bot.monitoring.close()
        assert rig.discord.check_requests() == []
    assert sorted(path.name for path in (tmp_path / "data").glob("*botmon*")) == ["bot.botmon.db"]


async def test_monitors_work_on_through_a_reload(bot: commands.Bot):
    """Reloading makes all modules anew, while the host keeps what it made of the old ones."""

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("playing")
        await told(bot, interaction, "play", success=False, error_message="no voice")
        await bot.cmd_logger.log_command("1", None, "2", None, "other")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "play")
        await bot.reload_extension(EXTENSION)
        await rig.discord.user.slash(rig.discord.channel, "play")
        async with bot.perf_monitor.track_command("alone", "1", "2"):
            await rig.clock.advance(0.5)
        await bot.cmd_logger.log_command("1", None, "2", None, "alone")
        await until(lambda: not bot.get_cog("botmon").observer.running)
        history = await bot.cmd_logger.get_command_history()
        assert sorted((row["command"], row["success"]) for row in history) == [
            ("alone", True),
            ("other", True),
            ("other", True),
            ("play", False),
            ("play", False),
        ]
        assert [row["duration"] for row in history if row["command"] == "alone"] == [0.5]
        day = await ask(rig, bot.monitoring)
        assert (day["songs_played"], day["commands_executed"], day["unique_users"]) == (2, 2, 1)
        assert (await bot.health_check.check_error_rate())["failed_commands"] == 2


async def test_two_stores_are_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "first.db"))
    config = Config(storage=StorageConfig(url=str(tmp_path / "second.db")))
    async with running(bot):
        for _ in range(3):
            create_monitoring_system(config=config)
        said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert len(said) == 1
        assert "two stores are named" in said[0]
        assert create_monitoring_system(config=config).system is cog_of(bot).system


async def test_options_whose_values_are_not_stored_have_none_for_each():
    bot = make_bot()

    @bot.tree.command(description="Play a song")
    async def play(interaction: discord.Interaction, song: str) -> None:
        await interaction.response.send_message(song)

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "play", song="secret")
        await rig.rows()
        (row,) = await botmon_cog.CommandLogger().get_command_history()
        assert row["parameters"] == {"song": None}
