"""Several prefix commands of one message: each is a row, with its own times; what merely calls another is one."""

from __future__ import annotations

import copy

import discord
import pytest
from discord.ext import commands

from tests.harness import cog_of, make_bot, running
from tests.prefix_helpers import Context, add_play, limited, rows_of, say


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


async def test_command_that_invokes_another_context_is_a_row_and_so_is_the_other(bot: commands.Bot) -> None:
    @bot.command()
    async def fail(_: Context) -> None:
        raise ValueError

    @bot.command()
    async def sudo(context: Context, *, text: str) -> None:
        message = copy.copy(context.message)
        message.content = text
        await bot.invoke(await bot.get_context(message))
        await cog_of(bot).system.command_log.record(1, 2, "sudo", duration=1.0, details="for the boss")

    async with running(bot) as rig:
        assert await rows_of(rig, "!sudo !fail") == [("fail", "error", "ValueError"), ("sudo", "ok", None)]
        assert [row.details for row in await rig.rows()] == [None, "for the boss"]


async def test_commands_of_one_message_have_each_their_own_times(bot: commands.Bot) -> None:
    add_play(bot)

    @bot.command()
    async def slow(_: Context) -> None:
        await rig.clock.advance(5)

    @bot.event
    async def on_message(message: discord.Message) -> None:
        await rig.clock.advance(1)
        for text in message.content.split(" && "):
            one = copy.copy(message)
            one.content = text
            await bot.process_commands(one)

    async with running(bot) as rig:
        began_at = rig.clock.now()
        await say(rig, "!slow && !slow && !play && !typo && !slow")
        rows = sorted(await rig.rows(), key=lambda row: row.started_at)
        assert [row.command for row in rows] == ["slow", "slow", "play", "slow"]
        assert [round(row.duration_s or 0) for row in rows] == [6, 5, 0, 5]
        assert [round((row.started_at - began_at).total_seconds()) for row in rows] == [0, 6, 11, 11]


async def test_command_that_calls_another_by_its_context_is_one_row(bot: commands.Bot) -> None:
    play = add_play(bot)

    @bot.command()
    async def both(context: Context) -> None:
        await context.invoke(play)
        await play.invoke(context)

    async with running(bot) as rig:
        assert await rows_of(rig, "!both") == [("both", "ok", None)]


async def test_host_that_puts_another_command_into_its_context_and_invokes_that_has_two_rows(
    bot: commands.Bot,
) -> None:
    play = limited(bot)

    @bot.command()
    async def p(context: Context) -> None:
        context.command = play
        await bot.invoke(context)
        assert [opened.command for opened in cog_of(bot).observer.prefix.open.values()] == ["p"]
        raise ValueError

    async with running(bot) as rig:
        assert await rows_of(rig, "!p", "!p") == [
            ("play", "ok", None),
            ("p", "error", "ValueError"),
            ("play", "user_error", "CommandOnCooldown"),
            ("p", "error", "ValueError"),
        ]


async def test_context_that_is_invoked_twice_in_a_row_has_two_rows(bot: commands.Bot) -> None:
    @bot.command()
    async def play(_: Context) -> None:
        if len(seen) == 1:
            raise ValueError

    seen: list[Context] = []

    @bot.event
    async def on_message(message: discord.Message) -> None:
        context = await bot.get_context(message)
        for _ in range(2):
            seen.append(context)
            context.view.index = len("!play")
            await bot.invoke(context)

    async with running(bot) as rig:
        assert await rows_of(rig, "!play") == [("play", "error", "ValueError"), ("play", "ok", None)]
