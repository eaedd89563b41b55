"""The same through dpytest, for those who test their prefix and hybrid commands with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import discord.ext.test as dpytest
import pytest
from discord.ext import commands

from tests.harness import EXTENSION, make_bot, rows


@pytest.fixture
async def bot() -> AsyncIterator[commands.Bot]:
    bot = make_bot()

    @bot.command()
    async def ping(ctx: commands.Context) -> None:
        await ctx.send("pong")

    @bot.command()
    async def boom(ctx: commands.Context) -> None:
        raise ValueError("broken")

    @bot.command()
    async def add(ctx: commands.Context, number: int) -> None:
        await ctx.send(str(number))

    @bot.hybrid_command()
    async def both(ctx: commands.Context) -> None:
        await ctx.send("both")

    await bot._async_setup_hook()
    dpytest.configure(bot)
    await bot.load_extension(EXTENSION)
    yield bot
    await bot.unload_extension(EXTENSION)
    await dpytest.empty_queue()


async def test_prefix_command_that_answers_is_ok(bot: commands.Bot) -> None:
    await dpytest.message("!ping")
    assert dpytest.verify().message().content("pong")
    (row,) = await rows(bot)
    assert (row.kind, row.command, row.outcome, row.success) == ("prefix", "ping", "ok", True)
    assert row.duration_s is not None


async def test_prefix_command_that_raises_is_an_error(bot: commands.Bot) -> None:
    with pytest.raises(commands.CommandInvokeError):
        await dpytest.message("!boom")
    (row,) = await rows(bot)
    assert (row.outcome, row.error_type, row.error_message) == ("error", "ValueError", "broken")


async def test_bad_argument_is_the_users_error(bot: commands.Bot) -> None:
    with pytest.raises(commands.BadArgument):
        await dpytest.message("!add seven")
    (row,) = await rows(bot)
    assert (row.command, row.outcome) == ("add", "user_error")


async def test_hybrid_command_as_prefix(bot: commands.Bot) -> None:
    await dpytest.message("!both")
    (row,) = await rows(bot)
    assert (row.kind, row.outcome) == ("hybrid_prefix", "ok")


async def test_unknown_command_makes_no_row(bot: commands.Bot) -> None:
    with pytest.raises(commands.CommandNotFound):
        await dpytest.message("!nothing")
    assert await rows(bot) == []
