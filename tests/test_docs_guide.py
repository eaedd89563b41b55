"""What the guide and the page on migrating define does what they say of it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import discord
import pytest

from botmon_cog import create_monitoring_system
from botmon_cog.testing import LoopbackDiscord
from tests.docs_pages import README, ROOT, blocks, execute

DOCS = ROOT / "docs"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """Where the pages write."""
    monkeypatch.chdir(tmp_path)


def defined(page: Path) -> dict[str, Any]:
    """What a page defines, insides apart."""
    names: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page):
        if block.inside is None:
            execute(block, page, names)
    return names


@pytest.fixture
async def guide() -> AsyncIterator[dict[str, Any]]:
    names = defined(DOCS / "guide.md")
    yield names
    await names["watched"].close()


async def test_cog_of_the_guide_answers(guide):
    bot = guide["watched"]
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.add_cog(guide["Overview"](bot))
        await bot.add_cog(guide["Music"](bot))
        await bot.tree.sync()
        empty = await loopback.user.slash(loopback.channel, "stats")
        assert empty.message.content == "Nothing has been recorded yet."
        for song in ("Low Tide", "Paper Boats"):
            answer = await loopback.user.slash(loopback.channel, "play", song=song)
            assert answer.message.content == f"Playing {song}"
        await bot.stats_collector.record_command(str(loopback.guild.id), str(loopback.user.id))

        stats = await loopback.user.slash(loopback.channel, "stats")
        fields = {field["name"]: field["value"] for field in stats.message.embeds[0]["fields"]}
        assert fields == {
            "Commands": "1, 100.0% successful",
            "People": "1.0 a day, 1 at most",
            "Songs": "2 in 0.12 h",
            "Most used": "`/play` \N{MULTIPLICATION SIGN} 2",
        }
        health = await loopback.user.slash(loopback.channel, "health")
        embed = health.message.embeds[0]
        assert embed["title"].removeprefix("The bot is ") in {"healthy", "degraded", "unhealthy"}
        assert [field["name"] for field in embed["fields"]] == ["Memory", "Cpu", "Database", "Error Rate"]

        history = await bot.cmd_logger.get_command_history(str(loopback.guild.id))
        assert [(entry["command"], entry["success"]) for entry in history] == [("play", True)] * 2


async def test_failing_command_of_the_guide_is_logged_as_failed(guide):
    async def no_player(song: str) -> int:
        raise ConnectionError("no voice node")

    guide["play"] = no_player
    bot = guide["watched"]
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.add_cog(guide["Music"](bot))
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "play", song="Low Tide", wait=False)
        async with asyncio.timeout(10):
            while not (history := await bot.cmd_logger.get_command_history()):
                assert answer.failed is None
    (entry,) = history
    assert (entry["success"], entry["error_message"]) == (False, "no voice node")


async def test_watch_of_the_guide_tells_of_a_bad_report(guide, caplog):
    watch, bot = guide["Watch"](guide["watched"]), guide["watched"]
    await watch.look()
    well = [record for record in caplog.records if record.name == "bot"]
    bot.monitoring.system.store.engine.ping = _no_database
    await watch.look()
    told = [record for record in caplog.records if record.name == "bot"]
    assert len(told) == len(well) + 1
    assert json.loads(told[-1].getMessage().removeprefix("not well: "))["database"]["status"] == "error"


async def _no_database(*_: object) -> float:
    raise ConnectionError("gone")


async def test_export_of_the_guide_writes_the_history(guide, tmp_path):
    await guide["watched"].cmd_logger.log_command("1", "Guild", "2", "someone", "ping", {"n": 1})
    await guide["export"]("1", tmp_path / "history.json")
    (entry,) = json.loads((tmp_path / "history.json").read_text())
    assert (entry["guild_name"], entry["username"], entry["command"]) == ("Guild", "someone", "ping")


async def test_script_of_the_guide_needs_nothing_made_before(guide, capsys):
    await guide["monday"]()
    assert capsys.readouterr().out == "0\n"


async def test_decorators_of_the_guide_log(guide, caplog):
    caplog.set_level(logging.DEBUG, "botmon_cog")
    first = await guide["search"]("x")
    first.append("mine")
    assert await guide["search"]("x") == [], "each call has a default of its own"
    assert any("search executed in" in message for message in caplog.messages)
    assert any("TimeoutError" in message for message in caplog.messages)


async def test_test_of_the_readme_passes():
    await defined(README)["test_stats"]()


async def test_callback_of_the_readme_hears_of_a_failing_command(capsys):
    names = defined(README)
    bot = names["MyBot"]("!", intents=discord.Intents.default())

    @bot.tree.command(description="Fails")
    async def boom(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("well")
        raise ConnectionError("no voice node")

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        names["watch"](bot)
        await bot.tree.sync()
        await loopback.user.slash(loopback.channel, "boom")
        output = ""
        async with asyncio.timeout(10):
            while "/boom ended as error" not in output:
                await asyncio.sleep(0)
                output += capsys.readouterr().out
    assert output.count("no voice node") == 1


async def test_sql_of_the_page_on_databases_runs_on_a_store():
    async with create_monitoring_system("data/botmon.db") as monitors:
        path = monitors.system.config.storage.url
        await monitors.logger.log_command("81384788765712384", "G", "2", "someone", "ping", None, 0.1, False, "broken")
        await monitors.statistics.record_command("81384788765712384", "2")
        await monitors.logger.get_command_stats(None)
    text = (DOCS / "database.md").read_text(encoding="utf-8")
    queries = [query for block in re.findall(r"(?ms)^```sql\n(.*?)^```", text) for query in block.split(";\n")]
    with closing(sqlite3.connect(path)) as store:
        found = [store.execute(query).fetchall() for query in queries if query.strip()]
    assert [[row[-1] for row in rows] for rows in found] == [["broken"], [1]]


async def test_migrated_bot_finds_its_tables_filled():
    """Without the extension; the page itself runs with it, too."""
    Path("data").mkdir()
    names = defined(DOCS / "migrating.md")
    bot = names["bot"]
    await bot.cmd_logger.log_command("1", "Guild", "2", "someone", "ping")
    await names["watch"]()
    for monitor in (bot.cmd_logger, bot.perf_monitor, bot.stats_collector, bot.health_check):
        await monitor.close()
    with closing(sqlite3.connect("data/bot.db")) as database:
        rows = database.execute("SELECT guild_id, username, command, success FROM audit_logs").fetchall()
    assert rows == [("1", "someone", "ping", 1)]
