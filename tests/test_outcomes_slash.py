"""How a slash command can end, over real sockets: exactly one row each."""

from __future__ import annotations

import asyncio

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from tests.harness import EXTENSION, cog_of, make_bot, note_errors, running, unanswered_slash, until

Interaction = discord.Interaction


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


async def test_slash_that_answers_is_ok(bot: commands.Bot) -> None:
    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: Interaction) -> None:
        await interaction.response.send_message("pong")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "ping")
        row = await rig.only_row()
        assert (row.kind, row.command, row.outcome, row.success) == ("slash", "ping", "ok", True)
        assert row.user_id == str(rig.discord.user.id)
        assert row.guild_id == str(rig.discord.guild.id)
        assert row.guild_name == rig.discord.guild.name
        assert row.response_s is not None
        assert row.error_type is None


async def test_sub_command_is_recorded_with_its_full_path(bot: commands.Bot) -> None:
    group = app_commands.Group(name="music", description="m")
    inner = app_commands.Group(name="list", description="l", parent=group)

    @inner.command(name="show", description="s")
    async def show(interaction: Interaction) -> None:
        await interaction.response.send_message("here")

    bot.tree.add_command(group)
    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "music list show")
        assert (await rig.only_row()).command == "music list show"


async def test_failed_check_that_nobody_tells_the_user_of_is_unanswered(bot: commands.Bot) -> None:
    called = note_errors(bot)

    @bot.tree.command(name="never", description="n")
    @app_commands.check(lambda _: False)
    async def never(interaction: Interaction) -> None:
        raise AssertionError("unreachable")

    async with running(bot) as rig:
        await unanswered_slash(rig, "never")
        row = await rig.only_row()
        assert (row.outcome, row.error_type) == ("unanswered", "CheckFailure")
        assert ("tree.on_error", "CheckFailure") in called


def answer_errors(bot: commands.Bot) -> None:
    @bot.tree.error
    async def on_error(interaction: Interaction, error: app_commands.AppCommandError) -> None:
        await interaction.response.send_message("no")


async def test_cooldown_is_the_users_error(bot: commands.Bot) -> None:
    answer_errors(bot)

    @bot.tree.command(name="rare", description="r")
    @app_commands.checks.cooldown(1, 60.0)
    async def rare(interaction: Interaction) -> None:
        await interaction.response.send_message("once")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "rare")
        await rig.discord.user.slash(rig.discord.channel, "rare")
        await until(lambda: not cog_of(bot).observer.interactions.open)
        first, second = await rig.rows()
        assert (first.outcome, second.outcome, second.error_type) == ("ok", "user_error", "CommandOnCooldown")


async def test_missing_permission_is_denied(bot: commands.Bot) -> None:
    answer_errors(bot)

    @bot.tree.command(name="ban", description="b")
    @app_commands.checks.has_permissions(administrator=True)
    async def ban(interaction: Interaction) -> None:
        raise AssertionError("unreachable")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "ban")
        await until(lambda: not cog_of(bot).observer.interactions.open)
        row = await rig.only_row()
        assert (row.outcome, row.error_type) == ("denied", "MissingPermissions")


async def test_interaction_check_that_says_no_without_a_word_is_unanswered(bot: commands.Bot) -> None:
    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: Interaction) -> None:
        raise AssertionError("unreachable")

    async def banned(_: Interaction) -> bool:
        return False

    bot.tree.interaction_check = banned
    async with running(bot) as rig:
        await unanswered_slash(rig, "ping")
        row = await rig.only_row()
        assert (row.outcome, row.command, row.success) == ("unanswered", "ping", False)


async def test_interaction_check_that_says_no_and_why_is_denied(bot: commands.Bot) -> None:
    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: Interaction) -> None:
        raise AssertionError("unreachable")

    async def banned(interaction: Interaction) -> bool:
        await interaction.response.send_message("you are banned", ephemeral=True)
        return False

    bot.tree.interaction_check = banned
    async with running(bot) as rig:
        answer = await rig.discord.user.slash(rig.discord.channel, "ping")
        assert answer.message.content == "you are banned"
        assert (await rig.only_row()).outcome == "denied"


async def test_cancelled_slash_is_cancelled(bot: commands.Bot) -> None:
    @bot.tree.command(name="stop", description="s")
    async def stop(interaction: Interaction) -> None:
        raise asyncio.CancelledError

    async with running(bot) as rig:
        await unanswered_slash(rig, "stop")
        row = await rig.only_row()
        assert (row.outcome, row.success) == ("cancelled", False)


async def test_unknown_command_is_the_bots_fault(bot: commands.Bot) -> None:
    called = note_errors(bot)

    @bot.tree.command(name="gone", description="g")
    async def gone(interaction: Interaction) -> None:
        raise AssertionError("unreachable")

    async with running(bot) as rig:
        bot.tree.remove_command("gone")
        await unanswered_slash(rig, "gone")
        row = await rig.only_row()
        assert (row.command, row.outcome, row.error_type) == ("gone", "error", "CommandNotFound")
        assert called == [("tree.on_error", "CommandNotFound")]


async def test_command_still_running_at_unload_is_closed_then(bot: commands.Bot, tmp_path: object) -> None:
    go = asyncio.Event()
    done = asyncio.Event()
    bot.botmon_config = bot.botmon_config.__class__(storage=type(bot.botmon_config.storage)(url=f"{tmp_path}/b.db"))

    @bot.tree.command(name="slow", description="s")
    async def slow(interaction: Interaction) -> None:
        await go.wait()
        await interaction.response.send_message("after all")
        done.set()

    async with running(bot) as rig:
        answer = await rig.discord.user.slash(rig.discord.channel, "slow", wait=False)
        await until(lambda: bool(cog_of(bot).observer.running))
        await bot.reload_extension(EXTENSION)
        assert (await rig.only_row()).outcome == "cancelled"
        go.set()
        await done.wait()
        await answer.wait()
        assert (await rig.only_row()).outcome == "cancelled"  # its end makes no second row


async def test_command_that_runs_before_its_event_is_dispatched_makes_one_row(bot: commands.Bot) -> None:
    """As with an eager task factory: discord.py's task has ended when `interaction` is dispatched."""

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        raise ValueError("broken")

    @bot.tree.error
    async def on_error(interaction: Interaction, error: Exception) -> None:
        """Quiet."""

    def run_at_once(interaction: Interaction) -> None:
        with pytest.raises(StopIteration):
            bot.tree._call(interaction).send(None)

    async with running(bot) as rig:
        bot.tree._from_interaction = run_at_once
        await unanswered_slash(rig, "boom")
        await unanswered_slash(rig, "boom")
        assert [row.outcome for row in await rig.rows()] == ["error", "error"]
        assert cog_of(bot).system.recorder._recent.totals() == (2, 2)
        assert cog_of(bot).observer.running == 0
