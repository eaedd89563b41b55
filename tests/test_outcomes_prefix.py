"""How prefix commands end: each end is seen, also those of which discord.py tells nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.config import CommandsConfig
from tests.harness import EXTENSION, make_bot, make_config, running, until
from tests.prefix_helpers import Context, add_play, brief, crash, limited, rows_of, say
from tests.test_own_commands import recordings


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


# -- crashes outside the command's body --------------------------------------------------------------------------------


def _cog(**methods: Any) -> commands.Cog:
    """One with `play` in it, and with these of its special methods overridden."""

    class Music(commands.Cog):
        @commands.command()
        async def play(self, context: Context) -> None:
            await context.send("playing")

        @commands.command()
        async def fail(self, context: Context) -> None:
            raise ValueError

    for name, method in methods.items():
        setattr(Music, name, method)
    return Music()


def _dynamic_cooldown(bot: commands.Bot) -> None:
    def broken(_: Context) -> commands.Cooldown | None:
        raise RuntimeError("no")

    commands.dynamic_cooldown(broken, commands.BucketType.user)(add_play(bot))


CRASHES: dict[str, Callable[[commands.Bot], Any]] = {
    "a check of the bot's": lambda bot: (add_play(bot), bot.add_check(crash)),
    "a check of the bot's that runs once": lambda bot: (add_play(bot), bot.add_check(crash, call_once=True)),
    "a check of its own": lambda bot: add_play(bot).add_check(crash),
    "before_invoke of the bot's": lambda bot: (add_play(bot), bot.before_invoke(crash)),
    "before_invoke of its own": lambda bot: add_play(bot).before_invoke(crash),
    "after_invoke of the bot's": lambda bot: (add_play(bot), bot.after_invoke(crash)),
    "after_invoke of its own": lambda bot: add_play(bot).after_invoke(crash),
    "a dynamic cooldown": _dynamic_cooldown,
    "its own error handler, told of a check": lambda bot: (
        handled := add_play(bot),
        handled.add_check(lambda _: False),
        handled.error(crash),
    ),
}


@pytest.mark.parametrize("where", CRASHES)
async def test_crash_outside_the_body_is_an_error_at_once(bot: commands.Bot, where: str) -> None:
    CRASHES[where](bot)
    async with running(bot) as rig:
        assert await rows_of(rig, "!play") == [("play", "error", "RuntimeError")]
        assert ((await rig.only_row()).duration_s or 0) < 5


@pytest.mark.parametrize(
    "method", ["bot_check", "bot_check_once", "cog_check", "cog_before_invoke", "cog_after_invoke"]
)
async def test_crash_in_a_method_of_its_cog_is_an_error(bot: commands.Bot, method: str) -> None:
    await bot.add_cog(_cog(**{method: crash}))
    async with running(bot) as rig:
        assert await rows_of(rig, "!play") == [("play", "error", "RuntimeError")]


async def test_crash_in_its_cogs_error_handler_is_the_error_that_it_was_told_of(bot: commands.Bot) -> None:
    await bot.add_cog(_cog(cog_command_error=crash))
    async with running(bot) as rig:
        assert await rows_of(rig, "!fail") == [("fail", "error", "ValueError")]


async def test_handler_that_raises_again_what_it_was_told_of_changes_nothing(bot: commands.Bot) -> None:
    play = add_play(bot)
    play.add_check(lambda _: False)

    @play.error
    async def on_error(_: Context, error: commands.CommandError) -> None:
        raise error

    async with running(bot) as rig:
        assert await rows_of(rig, "!play") == [("play", "denied", "CheckFailure")]


async def test_handler_that_may_not_say_so_makes_no_fault_of_a_denial(bot: commands.Bot) -> None:
    play = add_play(bot)
    play.add_check(lambda _: False)

    @play.error
    async def on_error(context: Context, _: commands.CommandError) -> None:
        await context.send("not for you")

    async with running(bot) as rig:
        rig.discord.guild.set_bot_permissions(discord.Permissions(view_channel=True))
        await rig.discord.settled()
        assert await rows_of(rig, "!play") == [("play", "denied", "CheckFailure")]


async def test_a_check_that_is_cancelled_is_cancelled(bot: commands.Bot) -> None:
    async def cancelled(_: Context) -> bool:
        raise asyncio.CancelledError

    add_play(bot).add_check(cancelled)
    async with running(bot) as rig:
        assert [row[:2] for row in await rows_of(rig, "!play")] == [("play", "cancelled")]


async def test_our_own_command_that_is_not_for_them_is_denied() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(commands=CommandsConfig(prefix=True))
    async with running(bot) as rig:
        found = recordings(rig)
        await say(rig, "!health")
        await until(lambda: found)  # its handlers may end a turn of the event loop later
        assert [(row.command, row.outcome, row.is_own) for row in found] == [("health", "denied", True)]


# -- names and kinds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"), [("!tag", "tag get"), ("!tag add", "tag add"), ("!group", "group"), ("!group sub", "group sub")]
)
async def test_name_is_that_of_what_was_called(bot: commands.Bot, text: str, name: str) -> None:
    @bot.hybrid_group(name="tag", description="t", fallback="get")
    async def tag(_: Context) -> None:
        """The tag itself."""

    @tag.command(name="add", description="a")
    async def add(_: Context) -> None:
        """Another."""

    @bot.group(name="group")
    async def group(_: Context) -> None:
        """All of them."""

    @group.command(name="sub")
    async def sub(_: Context) -> None:
        """One of them."""

    async with running(bot) as rig:
        assert await rows_of(rig, text) == [(name, "ok", None)]


async def test_hybrid_that_fails_before_its_body_has_its_kind_and_name(bot: commands.Bot) -> None:
    @bot.hybrid_group(name="tag", description="t", fallback="get")
    async def tag(_: Context) -> None:
        """Unreachable."""

    bot.add_check(crash)
    async with running(bot) as rig:
        await say(rig, "!tag")
        row = await rig.only_row()
        assert (row.kind, row.command, row.outcome) == ("hybrid_prefix", "tag get", "error")


# -- hosts that invoke in a way of their own ---------------------------------------------------------------------------


class CallsDiscordPy(commands.Bot):
    async def invoke(self, context: Context, /) -> None:
        if context.author.name != "banned":
            await super().invoke(context)


class LeavesItOut(commands.Bot):
    async def invoke(self, context: Context, /) -> None:
        if context.command is not None:
            try:
                await context.command.invoke(context)
            except commands.CommandInvokeError:
                await context.send("sorry")


class GoesPastTheInstance(commands.Bot):
    async def process_commands(self, message: discord.Message, /) -> None:
        await super().invoke(await self.get_context(message))


@pytest.mark.parametrize("kind", [CallsDiscordPy, LeavesItOut, GoesPastTheInstance])
async def test_bot_with_an_invoke_of_its_own_is_seen(kind: type[commands.Bot]) -> None:
    bot = make_bot(kind)
    add_play(bot)

    @bot.command()
    async def fail(_: Context) -> None:
        raise ValueError

    @bot.command()
    @commands.check(crash)
    async def unchecked(_: Context) -> None:
        """Unreachable."""

    async with running(bot) as rig:
        found = await rows_of(rig, "!play", "!fail", "!unchecked", "!typo")
        assert [row[:2] for row in found] == [("play", "ok"), ("fail", "error"), ("unchecked", "error")]


@pytest.mark.parametrize("where", ["instance", "class"])
async def test_invoke_that_a_host_sets_later_is_called_and_seen(where: str) -> None:
    class Bot(commands.Bot):
        """Of this test alone."""

    bot = make_bot(Bot)
    play = add_play(bot)
    called: list[tuple[str, bool]] = []
    inherited = commands.Bot.invoke

    async def invoke_all(of: commands.Bot, context: Context) -> None:
        called.append((str(context.command), bool(context.valid)))
        await inherited(of, context)

    async def invoke(context: Context) -> None:  # without discord.py's events
        called.append((str(context.command), bool(context.valid)))
        await play.invoke(context)

    async with running(bot) as rig:
        if where == "class":
            Bot.invoke = invoke_all
        else:
            bot.invoke = invoke
        assert await rows_of(rig, "!play", "!play") == [("play", "ok", None)] * 2
        assert called == [("play", True)] * 2
        await bot.unload_extension(EXTENSION)
        assert vars(bot).get("invoke") is (None if where == "class" else invoke)


async def test_invoke_that_a_host_puts_on_and_takes_off_again_leaves_nothing(bot: commands.Bot) -> None:
    play = add_play(bot)
    async with running(bot) as rig:
        ours = bot.invoke
        for _ in range(5):
            before = bot.invoke

            async def invoke(context: Context, before: Any = before) -> None:
                await before(context)

            bot.invoke = invoke
            await say(rig, "!play")
            bot.invoke = before
            await say(rig, "!play")
        assert bot.invoke is ours
        assert brief(await rig.rows()) == [(play.name, "ok", None)] * 10
        await bot.unload_extension(EXTENSION)
        assert "invoke" not in vars(bot)


async def test_invoke_of_a_host_keeps_its_arguments_and_what_it_returns() -> None:
    class Bot(commands.Bot):
        async def invoke(self, context: Context, /, times: int = 1) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
            await super().invoke(context)
            return times

    bot = make_bot(Bot)
    add_play(bot)
    async with running(bot) as rig:
        message = await rig.discord.user.send(rig.discord.channel, "play")
        await rig.discord.settled()
        seen = discord.utils.get(bot.cached_messages, id=int(message.body["id"]))
        assert seen is not None
        seen.content = "!play"
        assert await bot.invoke(await bot.get_context(seen), times=3) == 3
        assert brief(await rig.rows()) == [("play", "ok", None)]


async def test_nothing_stays_after_unloading(bot: commands.Bot) -> None:
    limited(bot)
    before = vars(commands.Context)["reinvoke"]
    assert not hasattr(before, "__wrapped__")
    async with running(bot, load=False) as rig:
        listeners = {event: len(waiting) for event, waiting in bot._listeners.items()}
        for _ in range(3):
            await bot.load_extension(EXTENSION)
            await say(rig, "!play", "!play")
            await bot.unload_extension(EXTENSION)
        await rig.discord.settled()
        assert "invoke" not in vars(bot)
        assert vars(commands.Context)["reinvoke"] is before
        assert {event: len(waiting) for event, waiting in bot._listeners.items() if waiting} == listeners
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("botmon")]
