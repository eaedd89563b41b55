"""The host's error handlers: called exactly as without us, and exactly one row for what they handle."""

from __future__ import annotations

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from tests.harness import make_bot, note_errors, running, task_failures, unanswered_slash

Interaction = discord.Interaction


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


async def test_slash_that_raises_is_an_error_and_its_host_is_told_once(bot: commands.Bot) -> None:
    called = note_errors(bot)

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        await interaction.response.send_message("before")
        raise ValueError("broken")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "boom")
        row = await rig.only_row()
        assert (row.outcome, row.success, row.error_type, row.error_message) == ("error", False, "ValueError", "broken")
        assert called == [("tree.on_error", "CommandInvokeError")]


async def test_local_handler_and_the_trees_are_both_called_as_without_us(bot: commands.Bot) -> None:
    called = note_errors(bot)

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        raise ValueError("broken")

    @boom.error
    async def on_boom(interaction: Interaction, error: app_commands.AppCommandError) -> None:
        called.append(("local", type(error).__name__))
        await interaction.response.send_message("sorry")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "boom")
        assert (await rig.only_row()).outcome == "error"
        assert [name for name, _ in called] == ["local", "tree.on_error"]


async def test_local_handler_that_reraises_still_makes_one_row(bot: commands.Bot) -> None:
    called = note_errors(bot)

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        raise ValueError("broken")

    @boom.error
    async def on_boom(interaction: Interaction, error: app_commands.AppCommandError) -> None:
        called.append(("local", type(error).__name__))
        raise error

    async with running(bot) as rig, task_failures() as failures:
        await unanswered_slash(rig, "boom")
        assert (await rig.only_row()).outcome == "error"
        assert [name for name, _ in called] == ["local", "local", "tree.on_error"]
    assert len(failures) == 1  # the task fails, as it does without us


async def test_local_handler_that_crashes_still_makes_one_row(bot: commands.Bot) -> None:
    called = note_errors(bot)

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        raise ValueError("broken")

    @boom.error
    async def on_boom(interaction: Interaction, error: app_commands.AppCommandError) -> None:
        raise RuntimeError("the handler is broken too")

    async with running(bot) as rig, task_failures() as failures:
        await unanswered_slash(rig, "boom")
        row = await rig.only_row()
        assert (row.outcome, row.error_type, row.error_message) == ("error", "ValueError", "broken")
        assert called == []  # discord.py calls no tree.on_error here
    assert len(failures) == 1


async def test_host_handler_that_reraises_is_called_twice_as_without_us_and_makes_one_row(bot: commands.Bot) -> None:
    called: list[str] = []

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        raise ValueError("broken")

    @bot.tree.error
    async def on_error(interaction: Interaction, error: app_commands.AppCommandError) -> None:
        called.append("tree.on_error")
        raise error

    async with running(bot) as rig, task_failures() as failures:
        await unanswered_slash(rig, "boom")
        assert (await rig.only_row()).outcome == "error"
        assert called == ["tree.on_error", "tree.on_error"]
    assert len(failures) == 1


async def test_handler_that_the_host_sets_after_us_gets_its_errors_and_so_do_we(bot: commands.Bot) -> None:
    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        raise ValueError("broken")

    async with running(bot) as rig:
        called = note_errors(bot)
        await unanswered_slash(rig, "boom")
        await unanswered_slash(rig, "boom")
        assert [row.outcome for row in await rig.rows()] == ["error", "error"]
        assert called == [("tree.on_error", "CommandInvokeError")] * 2


async def test_handler_of_the_host_that_calls_the_one_before_it_makes_no_circle(bot: commands.Bot) -> None:
    called: list[str] = []

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        raise ValueError("broken")

    async with running(bot) as rig:
        before = bot.tree.on_error

        @bot.tree.error
        async def on_error(interaction: Interaction, error: app_commands.AppCommandError) -> None:
            called.append("host")
            await before(interaction, error)

        await unanswered_slash(rig, "boom")
        await unanswered_slash(rig, "boom")
        assert [row.outcome for row in await rig.rows()] == ["error", "error"]
        assert called == ["host", "host"]


async def test_interaction_check_that_crashes_is_an_error(bot: commands.Bot) -> None:
    called = note_errors(bot)

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: Interaction) -> None:
        raise AssertionError("unreachable")

    async def broken(_: Interaction) -> bool:
        raise KeyError("ban list")

    bot.tree.interaction_check = broken
    async with running(bot) as rig, task_failures() as failures:
        await unanswered_slash(rig, "ping")
        row = await rig.only_row()
        assert (row.outcome, row.error_type) == ("error", "KeyError")
        assert called == []
    assert len(failures) == 1
