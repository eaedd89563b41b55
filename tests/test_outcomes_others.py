"""Context menus, hybrid commands either way, and prefix commands: exactly one row each."""

from __future__ import annotations

import asyncio

import discord
import pytest
from discord.ext import commands

from tests.harness import make_bot, note_errors, running, unanswered_slash, until

Interaction = discord.Interaction


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


async def test_user_menu_and_message_menu_are_ok(bot: commands.Bot) -> None:
    @bot.tree.context_menu(name="Who is")
    async def who(interaction: Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(member.name)

    @bot.tree.context_menu(name="Quote")
    async def quote(interaction: Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(message.content)

    async with running(bot) as rig:
        message = await rig.discord.user.send(rig.discord.channel, "words")
        await rig.discord.user.context_menu(rig.discord.channel, "Who is", rig.discord.admin)
        await rig.discord.user.context_menu(rig.discord.channel, "Quote", message)
        assert [(r.kind, r.command, r.outcome) for r in await rig.rows()] == [
            ("user_menu", "Who is", "ok"),
            ("message_menu", "Quote", "ok"),
        ]


async def test_context_menu_that_raises_is_an_error_though_command_failed_stays_false(bot: commands.Bot) -> None:
    called = note_errors(bot)
    seen: list[Interaction] = []

    @bot.tree.context_menu(name="Who is")
    async def who(interaction: Interaction, member: discord.Member) -> None:
        seen.append(interaction)
        await interaction.response.send_message("before")
        raise ValueError("broken")

    async with running(bot) as rig:
        await rig.discord.user.context_menu(rig.discord.channel, "Who is", rig.discord.admin)
        assert (await rig.only_row()).outcome == "error"
        assert not seen[0].command_failed
        assert called == [("tree.on_error", "CommandInvokeError")]


async def test_hybrid_as_slash_makes_one_row_though_two_completion_events_are_dispatched(bot: commands.Bot) -> None:
    completed: list[str] = []

    @bot.hybrid_command(name="both", description="b")
    async def both(ctx: commands.Context) -> None:
        await ctx.send("hi")

    @bot.listen()
    async def on_command_completion(_: object) -> None:
        completed.append("command")

    @bot.listen()
    async def on_app_command_completion(*_: object) -> None:
        completed.append("app_command")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "both")
        row = await rig.only_row()
        assert (row.kind, row.command, row.outcome) == ("hybrid_slash", "both", "ok")
        assert row.response_s is not None
        await until(lambda: len(completed) == 2)


async def test_hybrid_as_prefix_makes_one_row(bot: commands.Bot) -> None:
    @bot.hybrid_command(name="both", description="b")
    async def both(ctx: commands.Context) -> None:
        await ctx.send("hi")

    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, "!both")
        await rig.discord.channel.next_message()
        row = await rig.only_row()
        assert (row.kind, row.command, row.outcome, row.response_s) == ("hybrid_prefix", "both", "ok", None)


@pytest.mark.parametrize("way", ["slash", "prefix"])
async def test_failing_hybrid_makes_one_row_either_way(bot: commands.Bot, way: str) -> None:
    called: list[str] = []

    @bot.hybrid_command(name="both", description="b")
    async def both(ctx: commands.Context) -> None:
        await ctx.send("before")
        raise ValueError("broken")

    @bot.listen()
    async def on_command_error(_: object, error: Exception) -> None:
        called.append("command_error")

    async with running(bot) as rig:
        if way == "slash":
            await rig.discord.user.slash(rig.discord.channel, "both")
        else:
            await rig.discord.user.send(rig.discord.channel, "!both")
            await rig.discord.channel.next_message()
        row = await rig.only_row()
        assert (row.kind, row.outcome, row.error_type) == (f"hybrid_{way}", "error", "ValueError")
        await until(lambda: bool(called))
        assert called == ["command_error"]


async def test_hybrid_check_that_fails_as_slash_without_a_word_is_unanswered(bot: commands.Bot) -> None:
    @bot.hybrid_command(name="both", description="b")
    @commands.has_permissions(administrator=True)
    async def both(ctx: commands.Context) -> None:
        raise AssertionError("unreachable")

    async with running(bot) as rig:
        await unanswered_slash(rig, "both")
        row = await rig.only_row()
        assert (row.kind, row.outcome, row.error_type) == ("hybrid_slash", "unanswered", "MissingPermissions")


async def test_prefix_command_group_is_recorded_with_its_full_path(bot: commands.Bot) -> None:
    @bot.group()
    async def music(ctx: commands.Context) -> None:
        pass

    @music.command()
    async def play(ctx: commands.Context, *, query: str) -> None:
        await ctx.send(query)

    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, "!music play a song")
        await rig.discord.channel.next_message()
        row = await rig.only_row()
        assert (row.kind, row.command, row.outcome, row.parameters) == ("prefix", "music play", "ok", '["query"]')


@pytest.mark.parametrize(
    ("text", "error_type"), [("!add one", "BadIntegerArgument"), ("!add", "MissingRequiredArgument")]
)
async def test_bad_argument_of_a_prefix_command_is_the_users_error(
    bot: commands.Bot, text: str, error_type: str
) -> None:
    @bot.command()
    async def add(ctx: commands.Context, number: int) -> None:
        raise AssertionError("unreachable")

    failed = asyncio.Event()

    @bot.listen()
    async def on_command_error(_: object, error: Exception) -> None:
        failed.set()

    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, text)
        await failed.wait()
        row = await rig.only_row()
        assert (row.outcome, row.error_type) == ("user_error", error_type.replace("BadInteger", "Bad"))
        assert "one" not in (row.error_message or "")


async def test_cancelled_prefix_command_is_cancelled_though_discord_py_calls_it_complete(bot: commands.Bot) -> None:
    done = asyncio.Event()

    @bot.command()
    async def stop(ctx: commands.Context) -> None:
        raise asyncio.CancelledError

    @bot.listen()
    async def on_command_completion(_: object) -> None:
        done.set()

    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, "!stop")
        await done.wait()
        assert (await rig.only_row()).outcome == "cancelled"


async def test_text_that_is_no_command_makes_no_row(bot: commands.Bot) -> None:
    failed = asyncio.Event()

    @bot.listen()
    async def on_command_error(_: object, error: Exception) -> None:
        failed.set()

    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, "!wow what a day")
        await failed.wait()
        assert await rig.rows() == []


async def test_edited_message_that_is_run_again_is_another_invocation(bot: commands.Bot) -> None:
    done: list[None] = []

    @bot.command()
    async def ping(ctx: commands.Context) -> None:
        done.append(None)

    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, "!ping")
        await until(lambda: len(done) == 1)
        message = bot.cached_messages[0]
        message._edited_timestamp = discord.utils.utcnow()
        await bot.process_commands(message)
        assert [row.command for row in await rig.rows()] == ["ping", "ping"]
