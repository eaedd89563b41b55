"""The three usages of the original, as they stand, in a bot with the extension and in one without it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import discord
import psutil
import pytest
from discord.ext import commands, tasks

from botmon_cog import create_monitoring_system
from botmon_cog.config import StorageConfig
from tests.harness import make_bot, make_config, running, until
from tests.original_helpers import Database


@pytest.mark.parametrize("load", [False, True], ids=["without the extension", "with the extension"])
async def test_three_usages(load: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: C901 (as they stand)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(psutil.Process, "memory_percent", lambda _: 10.0)
    monkeypatch.setattr(psutil.Process, "cpu_percent", lambda _self, _interval=None: 1.0)
    bot = make_bot()
    bot.botmon_config = make_config(StorageConfig().url)
    told: list[dict[str, Any]] = []

    async def play(song: str) -> None:
        assert song == "Low Tide"

    async def tell_somebody(health: dict[str, Any]) -> None:
        told.append(health)

    # 1 at start-up: the host's own object, or a path
    db = Database("data/bot.db")
    bot.cmd_logger, bot.perf_monitor, bot.stats_collector, bot.health_check = create_monitoring_system(db)

    class Music(commands.Cog):
        @discord.app_commands.command(name="play", description="Play a song")
        async def play(self, interaction: discord.Interaction, song: str) -> None:
            guild, user = interaction.guild, interaction.user
            await interaction.response.send_message("Playing")
            # 2 in a command of any cog
            async with bot.perf_monitor.track_command("play", str(guild.id), str(user.id)):
                await play(song)

    # 3 a background task
    @tasks.loop(minutes=5)
    async def watch() -> None:
        health = await bot.health_check.get_full_health_report()
        if health["overall_status"] == "unhealthy" or health["database"]["status"] != "healthy":
            await tell_somebody(health)

    async def look() -> list[dict[str, Any]]:
        before = len(bot.health_check.health_history)
        watch.start()
        await until(lambda: len(bot.health_check.health_history) > before)
        watch.cancel()
        await until(lambda: not watch.is_running())
        return told

    async with running(bot, load=load) as rig:
        guild = str(rig.discord.guild.id)
        await bot.add_cog(Music())
        await bot.tree.sync()
        await rig.discord.user.slash(rig.discord.channel, "play", song="Low Tide")
        async with asyncio.timeout(10):  # the command has answered, and is still to end
            while not (stats := await bot.cmd_logger.get_command_stats(guild))["total_commands"]:
                await asyncio.sleep(0)
        assert (stats["total_commands"], stats["success_rate"]) == (1, 100.0)
        assert await look() == [], "all is well"

        for _ in range(200):
            await bot.cmd_logger.log_command(guild, "Guild", "2", "someone", "broken", success=False)
        (failing,) = await look()
        assert failing["overall_status"] == "unhealthy"
        assert (failing["error_rate"]["failed_commands"], failing["error_rate"]["status"]) == (200, "critical")

        told.clear()
        monkeypatch.setattr(psutil.Process, "memory_percent", lambda _: 99.0)
        (full,) = await look()
        assert (full["memory"]["percent"], full["memory"]["status"]) == (99.0, "critical")
        for monitor in (bot.cmd_logger, bot.perf_monitor, bot.stats_collector, bot.health_check):
            await monitor.close()
        if load:
            await bot.unload_extension("botmon_cog")
    found = db.rows("SELECT command, success, COUNT(*) AS n FROM audit_logs GROUP BY 1, 2 ORDER BY 1")
    assert found == [{"command": "broken", "success": 0, "n": 200}, {"command": "play", "success": 1, "n": 1}]


async def test_usages_take_a_path_and_one_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without a bot, in whatever order the classes are made."""
    import botmon_cog as monitoring  # noqa: PLC0415 (as the host changes it)

    monkeypatch.chdir(tmp_path)
    db = Database("data/bot.db")
    logger = monitoring.CommandLogger(db)
    health = monitoring.HealthCheck(db)
    assert logger.system is health.system is monitoring.StatisticsCollector("data/bot.db").system
    assert logger.system is monitoring.create_monitoring_system(Path("data") / "bot.db").system
    async with asyncio.TaskGroup() as group:
        for n in range(20):
            group.create_task(logger.log_command("1", "Guild", str(n), None, "play"))
    assert (await health.check_error_rate("1"))["total_commands"] == 20
    await logger.system.close()
