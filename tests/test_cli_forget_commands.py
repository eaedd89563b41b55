"""`forget` with a token: our commands at Discord, under whichever name, and never a host's."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.__main__ import main
from botmon_cog.cog.commands.table import make_commands
from botmon_cog.config import CommandsConfig
from botmon_cog.discord_ui.responder import Responder
from botmon_cog.testing import LoopbackDiscord
from tests.test_cli_forget import OTHER_BOT, claim, make_store

RENAMED = CommandsConfig(perf="speed")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def add_ours(bot: commands.Bot, **to: discord.abc.Snowflake) -> None:
    for command in make_commands(Responder(bot, None, None), RENAMED).values():  # nobody presses them
        bot.tree.add_command(command, **to)


@app_commands.command(description="How the host counts")
async def stats(_: discord.Interaction) -> None:
    """The host's own, which goes by a name that ours has elsewhere."""


@app_commands.command(description="Play a song")
async def play(_: discord.Interaction, song: str) -> None:
    """The host's."""


async def sync(loopback: LoopbackDiscord) -> None:
    """What a bot with the extension registers, in all servers, and its own `/stats` with a copy of ours in one."""
    async with commands.Bot("!", intents=discord.Intents.none()) as bot:
        await bot.login(loopback.token)
        add_ours(bot)
        bot.tree.add_command(play)
        await bot.tree.sync()
        guild = discord.Object(loopback.guild.id)
        bot.tree.add_command(stats, guild=guild)
        bot.tree.add_command(make_commands(Responder(bot, None, None), RENAMED)["health"], guild=guild)
        await bot.tree.sync(guild=guild)


async def names_at_discord(loopback: LoopbackDiscord) -> tuple[set[str], set[str]]:
    async with commands.Bot("!", intents=discord.Intents.none()) as bot:
        await bot.login(loopback.token)
        there = await bot.tree.fetch_commands()
        in_guild = await bot.tree.fetch_commands(guild=discord.Object(loopback.guild.id))
    return {command.name for command in there}, {command.name for command in in_guild}


async def forget(*argv: str) -> int:
    return await asyncio.to_thread(main, ["forget", *argv])


async def test_our_commands_go_and_the_hosts_stay(monkeypatch, capsys):
    async with LoopbackDiscord() as loopback:
        monkeypatch.setenv("DISCORD_TOKEN", loopback.token)
        await sync(loopback)
        everywhere, in_guild = await names_at_discord(loopback)
        assert {"health", "stats", "speed", "privacy", "botmon", "play"} == everywhere
        assert in_guild == {"stats", "health"}

        assert await forget() == 0
        out = capsys.readouterr().out
        ours, kept = out.split("Stays, also with --yes:")
        for name in ("/health, everywhere", "/stats, everywhere", "/speed, everywhere", "/botmon, everywhere"):
            assert name in ours
        assert f"/health, in {loopback.guild.name}" in ours
        assert f"/stats, in {loopback.guild.name}" in kept
        assert "/play" not in out
        assert await names_at_discord(loopback) == (everywhere, in_guild)

        assert await forget("--yes") == 0
        assert "Removed: 6 things." in capsys.readouterr().out
        assert await names_at_discord(loopback) == ({"play"}, {"stats"})
        assert loopback.token not in out


async def test_store_of_another_bot_stays(folder, monkeypatch, capsys):
    file = folder / "data" / "botmon.db"
    make_file = asyncio.to_thread(make_store, file)
    await make_file
    claim(file, OTHER_BOT)
    async with LoopbackDiscord() as loopback:
        monkeypatch.setenv("DISCORD_TOKEN", loopback.token)
        assert await forget("--yes") == 0
        assert f"belongs to another bot (application {OTHER_BOT})" in capsys.readouterr().out
        assert file.exists()
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("UPDATE marks SET value = ? WHERE name = 'application_id'", (str(loopback.bot_user.id),))
        assert await forget("--yes") == 0
    assert not file.exists()


async def test_token_that_discord_refuses_is_one_sentence(monkeypatch, capsys):
    async with LoopbackDiscord():
        monkeypatch.setenv("DISCORD_TOKEN", "not.the.token")
        assert await forget("--yes") == 1
    captured = capsys.readouterr()
    assert captured.err == "botmon: Discord refuses the token in DISCORD_TOKEN; copy it again\n"
    assert captured.out == ""


async def test_discord_that_refuses_one_command_costs_that_one(monkeypatch, capsys):
    async with LoopbackDiscord() as loopback:
        monkeypatch.setenv("DISCORD_TOKEN", loopback.token)
        await sync(loopback)
        loopback.faults.fail_next(1, status=403, path=r"/commands/\d+$")
        assert await forget("--yes") == 1
        out = capsys.readouterr().out
        assert out.count("Not removed: ") == 1
        assert "Removed: 5 things." in out
        assert await forget("--yes") == 0
        assert await names_at_discord(loopback) == ({"play"}, {"stats"})
