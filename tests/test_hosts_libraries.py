"""Bots that can't be watched get one sentence at load, no traceback, and go on; whether they await `setup` or not.

The real libraries are tried in `.ci/hosts`; here stand-ins have their marks.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import types
import warnings

import discord
import pytest
from discord.ext import commands

import botmon_cog
from botmon_cog.compat.libraries import refusal


def bot_of(package: str) -> object:
    """What has a class from that package among its bases."""
    base = types.new_class("Bot", (), {}, lambda namespace: namespace.update(__module__=f"{package}.ext.commands.bot"))
    return type("MyBot", (base,), {})()


def said_at_load(bot: object, caplog: pytest.LogCaptureFixture) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not inspect.iscoroutine(botmon_cog.setup(bot)), "nothing that somebody would have to await"
    (record,) = [record for record in caplog.records if record.name.startswith("botmon_cog")]
    assert (record.levelno, record.exc_info) == (logging.ERROR, None)
    return record.getMessage()


@pytest.mark.parametrize("library", ["nextcord", "disnake"])
def test_bot_of_another_library_is_told_which(library: str, caplog: pytest.LogCaptureFixture):
    assert f"this one runs on {library}, so nothing is watched" in said_at_load(bot_of(library), caplog)


def test_py_cord_is_known_by_its_title(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(discord, "__title__", "pycord")
    bot = commands.Bot("!", intents=discord.Intents.none())
    assert "this one runs on py-cord, so nothing is watched" in said_at_load(bot, caplog)


def test_client_is_told_to_be_a_bot(caplog: pytest.LogCaptureFixture):
    client = discord.Client(intents=discord.Intents.none())
    assert "Make the bot a commands.Bot" in said_at_load(client, caplog)


def test_what_is_no_bot_at_all_is_told_so(caplog: pytest.LogCaptureFixture):
    assert "SimpleNamespace is none" in said_at_load(types.SimpleNamespace(), caplog)


def test_discord_py_that_is_too_old_is_told_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(discord, "version_info", discord.version_info._replace(major=2, minor=3))
    monkeypatch.setattr(discord, "__version__", "2.3.2")
    said = said_at_load(commands.Bot("!", intents=discord.Intents.none()), caplog)
    assert "needs discord.py 2.4 or newer, and this bot runs on 2.3.2" in said


async def test_refusing_may_be_awaited(caplog: pytest.LogCaptureFixture):
    """As a newer py-cord might, or who calls `setup` by hand."""
    async with asyncio.timeout(10):
        assert await botmon_cog.setup(bot_of("disnake")) is None


async def test_refused_bot_that_awaits_has_the_extension_loaded_and_unloaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(discord, "__title__", "pycord")
    bot = commands.Bot("!", intents=discord.Intents.none())
    await bot.load_extension("botmon_cog")
    assert (list(bot.cogs), list(bot.extensions), bot.tree.get_commands()) == ([], ["botmon_cog"], [])
    await bot.unload_extension("botmon_cog")
    assert list(bot.extensions) == []


@pytest.mark.parametrize("kind", [commands.Bot, commands.AutoShardedBot])
def test_bots_of_discord_py_are_welcome(kind: type[commands.Bot]):
    assert refusal(kind("!", intents=discord.Intents.none())) is None
