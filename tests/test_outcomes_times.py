"""The three times of an invocation, and the outcomes that depend on them: late and unanswered."""

from __future__ import annotations

import asyncio
import time

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord
from tests.harness import EXTENSION, cog_of, make_bot, rows, running, unanswered_slash, until

Interaction = discord.Interaction


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


async def test_command_that_never_answers_is_unanswered(bot: commands.Bot) -> None:
    @bot.tree.command(name="silent", description="s")
    async def silent(interaction: Interaction) -> None:
        pass

    async with running(bot) as rig:
        await unanswered_slash(rig, "silent")
        row = await rig.only_row()
        assert (row.outcome, row.success, row.response_s, row.duration_s) == ("unanswered", False, None, 0.0)


async def test_command_whose_task_answers_in_time_after_it_returned_is_ok(bot: commands.Bot) -> None:
    answer_now = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def answer_later(interaction: Interaction) -> None:
        await answer_now.wait()
        await interaction.response.send_message("here I am")

    @bot.tree.command(name="later", description="l")
    async def later(interaction: Interaction) -> None:
        tasks.append(asyncio.create_task(answer_later(interaction)))

    async with running(bot) as rig:
        answer = await rig.discord.user.slash(rig.discord.channel, "later", wait=False)
        await until(lambda: bool(tasks))
        await rig.clock.advance(2.0)
        answer_now.set()
        await answer.wait()
        await tasks[0]
        row = await rig.only_row()
        assert (row.outcome, row.duration_s, row.response_s) == ("ok", 0.0, 2.0)


async def test_answer_after_three_seconds_is_late(bot: commands.Bot) -> None:
    go = asyncio.Event()

    @bot.tree.command(name="slow", description="s")
    async def slow(interaction: Interaction) -> None:
        await go.wait()
        await interaction.response.send_message("too late")

    async with running(bot) as rig:
        answer = await rig.discord.user.slash(rig.discord.channel, "slow", wait=False)
        await until(lambda: bool(cog_of(bot).observer.running))
        await rig.clock.advance(3.5)
        go.set()
        await answer.wait()
        row = await rig.only_row()
        assert (row.outcome, row.duration_s, row.response_s) == ("late", 3.5, None)
        assert row.error_type == "NotFound"


async def test_late_answer_that_the_host_catches_is_still_late(bot: commands.Bot) -> None:
    go = asyncio.Event()

    @bot.tree.command(name="slow", description="s")
    async def slow(interaction: Interaction) -> None:
        await go.wait()
        try:
            await interaction.response.send_message("too late")
        except discord.NotFound:
            return

    async with running(bot) as rig:
        answer = await rig.discord.user.slash(rig.discord.channel, "slow", wait=False)
        await until(lambda: bool(cog_of(bot).observer.running))
        await rig.clock.advance(4.0)
        go.set()
        await answer.wait()
        assert (await rig.only_row()).outcome == "late"


async def test_blocking_first_segment_counts_in_the_duration(bot: commands.Bot) -> None:
    """The clock is moved by hand within the callback, where a blocking call would move it."""

    @bot.tree.command(name="block", description="b")
    async def block(interaction: Interaction) -> None:
        rig.clock._move_to(rig.clock.monotonic() + 0.3)
        await interaction.response.send_message("done")
        rig.clock._move_to(rig.clock.monotonic() + 0.05)

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "block")
        row = await rig.only_row()
        assert row.duration_s == pytest.approx(0.35)
        assert row.response_s == pytest.approx(0.3)


async def test_gateway_delay_is_made_to_received(bot: commands.Bot) -> None:
    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: Interaction) -> None:
        await interaction.response.send_message("pong")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "ping")
        row = await rig.only_row()
        assert row.gateway_delay_s == pytest.approx(0.0, abs=0.002)
        assert row.started_at is not None
        assert abs((row.started_at - rig.clock.now()).total_seconds()) < 0.002


async def test_real_blocking_call_counts_in_the_duration() -> None:
    """The same with the system's clock and a real `time.sleep`."""
    bot = make_bot()

    @bot.tree.command(name="block", description="b")
    async def block(interaction: Interaction) -> None:
        time.sleep(0.05)  # noqa: ASYNC251 (what is tested)
        await interaction.response.send_message("done")

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        await loopback.user.slash(loopback.channel, "block")
        (row,) = await rows(bot)
        assert row.duration_s is not None
        assert row.response_s is not None
        assert row.duration_s >= row.response_s >= 0.05
