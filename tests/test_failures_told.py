"""Who is told of a failure: the host's listeners by the host alone, and whoever asked for it by `on_failure`."""

from __future__ import annotations

import asyncio

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.domain.models import Invocation
from tests.harness import EXTENSION, Rig, cog_of, make_bot, running, unanswered_slash, until

Interaction = discord.Interaction


@pytest.fixture
def bot() -> commands.Bot:
    bot = make_bot()

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        await interaction.response.send_message("before")
        raise ValueError("broken")

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: Interaction) -> None:
        await interaction.response.send_message("pong")

    @bot.tree.command(name="silent", description="s")
    async def silent(interaction: Interaction) -> None:
        """Answers nothing."""

    @bot.command()
    async def broken(ctx: commands.Context) -> None:
        await ctx.send("before")
        raise KeyError("key")

    @bot.tree.error
    async def on_error(interaction: Interaction, error: Exception) -> None:
        """Quiet."""

    @bot.listen()
    async def on_command_error(ctx: object, error: Exception) -> None:
        """Quiet."""

    return bot


class ErrorsCog(commands.Cog):
    """As it is copied from bot to bot: it takes the tree's errors, and dispatches an event of its own."""

    def __init__(self, bot: commands.Bot, arguments: int) -> None:
        self.bot = bot
        self.arguments = arguments
        self.heard: list[tuple[object, ...]] = []
        bot.tree.error(self.dispatch_it)

    async def dispatch_it(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        between = () if self.arguments == 2 else (interaction.command,)
        self.bot.dispatch("app_command_error", interaction, *between, error)

    @commands.Cog.listener()
    async def on_app_command_error(self, *event: object) -> None:
        self.heard.append(event)


@pytest.mark.parametrize("arguments", [2, 3])
@pytest.mark.parametrize("is_first", [True, False])
async def test_event_of_the_host_is_heard_once_by_everybody(bot: commands.Bot, arguments: int, is_first: bool) -> None:
    async with running(bot, load=False) as rig:
        errors = ErrorsCog(bot, arguments)
        if is_first:
            await bot.add_cog(errors)
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        if not is_first:
            await bot.add_cog(errors)
        await rig.discord.user.slash(rig.discord.channel, "boom")
        row = await rig.only_row()
        assert (row.outcome, row.error_type) == ("error", "ValueError")
        await until(lambda: bool(errors.heard))
        assert len(errors.heard) == 1
        assert len(errors.heard[0]) == arguments


@pytest.mark.parametrize("arguments", [2, 3])
async def test_failure_that_only_the_event_of_the_host_tells_is_an_error(bot: commands.Bot, arguments: int) -> None:
    @bot.tree.command(name="caught", description="c")
    async def caught(interaction: Interaction) -> None:
        between = () if arguments == 2 else (interaction.command,)
        bot.dispatch("app_command_error", interaction, *between, LookupError("nothing there"))
        await interaction.response.send_message("sorry")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "caught")
        row = await rig.only_row()
        assert (row.outcome, row.error_type, row.error_message) == ("error", "LookupError", "nothing there")


async def test_events_that_tell_of_no_failure_change_nothing(bot: commands.Bot) -> None:
    @bot.tree.command(name="odd", description="o")
    async def odd(interaction: Interaction) -> None:
        for event in ((), (interaction,), (ValueError(),), ("text", 1, None)):
            bot.dispatch("app_command_error", *event)
        await interaction.response.send_message("fine")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "odd")
        assert (await rig.only_row()).outcome == "ok"
        assert cog_of(bot).system.failures.n == 0


async def test_listeners_of_the_cog_see_how_commands_end_with_public_names_alone(bot, monkeypatch) -> None:
    monkeypatch.setattr("botmon_cog.observer.app_commands.wrap_call", lambda *_: None)
    monkeypatch.setattr("botmon_cog.observer.app_commands.wrap_receive", lambda *_: None)
    async with running(bot) as rig:
        events = {name for name, _ in cog_of(bot).get_listeners()}
        assert events == {"on_app_command_completion", "on_app_command_error"}
        await rig.discord.user.slash(rig.discord.channel, "ping")
        await rig.discord.user.slash(rig.discord.channel, "boom")
        assert [(row.command, row.outcome) for row in await rig.rows()] == [("ping", "ok"), ("boom", "error")]


# -- on_failure --------------------------------------------------------------------------------------------------------


async def test_on_failure_is_called_once_for_each_command_that_fails(bot: commands.Bot) -> None:
    called: list[tuple[str, str, BaseException | None]] = []

    def note(invocation: Invocation, error: BaseException | None) -> None:
        called.append((invocation.command, invocation.outcome, error))

    async with running(bot) as rig:
        cog_of(bot).system.on_failure(note)
        await rig.discord.user.slash(rig.discord.channel, "ping")
        await rig.discord.user.slash(rig.discord.channel, "boom")
        await rig.discord.user.send(rig.discord.channel, "!broken")
        await until(lambda: len(called) == 2)
        await unanswered_slash(rig, "silent")
        await until(lambda: len(called) == 3)
        assert [(command, outcome, type(error)) for command, outcome, error in called] == [
            ("boom", "error", ValueError),
            ("broken", "error", KeyError),
            ("silent", "unanswered", type(None)),
        ]
        assert len(await rig.rows()) == 4


async def test_on_failure_takes_coroutine_functions_and_waits_for_them_when_unloaded(bot: commands.Bot) -> None:
    go, begun, ended = asyncio.Event(), [], []

    async def post(invocation: Invocation, error: BaseException | None) -> None:
        begun.append(invocation.command)
        await go.wait()
        ended.append(invocation.command)

    async with running(bot) as rig:
        cog_of(bot).system.on_failure(post)
        await rig.discord.user.slash(rig.discord.channel, "boom")
        await until(lambda: begun == ["boom"])
        assert ended == []
        unloading = asyncio.ensure_future(bot.unload_extension(EXTENSION))
        await asyncio.sleep(0)
        go.set()
        await unloading
        assert ended == ["boom"]


async def _raising(invocation: Invocation, error: BaseException | None) -> None:
    raise RuntimeError("their service is away")


def _raising_at_once(invocation: Invocation, error: BaseException | None) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("callback", [_raising, _raising_at_once])
async def test_on_failure_that_raises_is_noted_and_reaches_no_command(bot: commands.Bot, callback: object) -> None:
    called: list[str] = []
    async with running(bot) as rig:
        system = cog_of(bot).system
        system.on_failure(callback)
        system.on_failure(lambda invocation, _: called.append(invocation.command))
        await rig.discord.user.slash(rig.discord.channel, "boom")
        await until(lambda: system.failures.n == 1)
        assert "on_failure" in system.failures.last
        assert called == ["boom"]
        row = await rig.only_row()
        assert (row.outcome, row.error_type) == ("error", "ValueError")


async def test_on_failure_ends_when_it_is_taken_away(bot: commands.Bot) -> None:
    called: list[str] = []

    def note(invocation: Invocation, error: BaseException | None) -> None:
        called.append(invocation.command)

    async with running(bot) as rig:
        system = cog_of(bot).system
        first, second = system.on_failure(note), system.on_failure(note)
        for take_away, n in ((first, 2), (first, 3), (second, 4), (second, 4)):
            await rig.discord.user.slash(rig.discord.channel, "boom")
            await rig.rows()
            assert len(called) == n
            take_away()
        assert len(await rig.rows()) == 4


async def test_on_failure_hears_of_what_the_host_told_by_itself(bot: commands.Bot) -> None:
    called: list[tuple[str, BaseException | None]] = []

    @bot.tree.command(name="told", description="t")
    async def told(interaction: Interaction) -> None:
        await cog_of(bot).system.command_log.record(
            interaction.guild_id, interaction.user.id, "told", success=False, error_message="no voice"
        )
        await interaction.response.send_message("sorry")

    async with running(bot) as rig:
        cog_of(bot).system.on_failure(lambda invocation, error: called.append((invocation.error_message, error)))
        await rig.discord.user.slash(rig.discord.channel, "told")
        assert (await rig.only_row()).outcome == "error"
        assert called == [("no voice", None)]


async def test_what_a_callback_logs_is_not_added_to_the_command_that_failed(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await _log_a_command_from_a_callback(rig)
        assert sorted((row.kind, row.command) for row in await rig.rows()) == [("logged", "boom"), ("slash", "boom")]


async def _log_a_command_from_a_callback(rig: Rig) -> None:
    system = cog_of(rig.bot).system
    logged = asyncio.Event()

    async def log(invocation: Invocation, error: BaseException | None) -> None:
        await system.command_log.record(rig.discord.guild.id, rig.discord.user.id, invocation.command)
        logged.set()

    system.on_failure(log)
    await rig.discord.user.slash(rig.discord.channel, "boom")
    async with asyncio.timeout(10):
        await logged.wait()
