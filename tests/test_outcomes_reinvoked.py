"""Prefix commands that an error handler runs again, and those that take the extension away while they run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.observer.prefix import PATIENCE_S
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.history import HistoryFilter
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.prefix_helpers import Context, brief, limited, rows_of, say


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


# -- run again by an error handler -------------------------------------------------------------------------------------


def _reinvoking(kind: str, bot: commands.Bot, play: Any, *, after: asyncio.Event | None = None) -> None:
    """Let the bot run `play` again where its cooldown says no."""

    async def again(context: Context, _: object) -> None:
        if after is not None:
            await after.wait()
        if "invoke" in kind:
            play.reset_cooldown(context)
            await bot.invoke(context)
        else:
            await context.reinvoke()

    if "local" in kind:
        play.error(again)
    elif kind == "listener":
        bot.add_listener(again, "on_command_error")
    else:
        bot.on_command_error = again


@pytest.mark.parametrize("kind", ["local", "override", "listener", "invoke", "local invoke"])
async def test_command_that_an_error_handler_runs_again_ends_as_that_ended(bot: commands.Bot, kind: str) -> None:
    _reinvoking(kind, bot, limited(bot))
    async with running(bot) as rig:
        assert await rows_of(rig, "!play", "!play") == [("play", "ok", None)] * 2


@pytest.mark.parametrize("kind", ["local", "override", "listener", "invoke"])
async def test_run_again_that_fails_is_an_error(bot: commands.Bot, kind: str) -> None:
    ran: list[Context] = []

    @bot.command()
    @commands.cooldown(1, 3600, commands.BucketType.user)
    async def play(context: Context) -> None:
        ran.append(context)
        if len(ran) > 1:
            raise ValueError

    _reinvoking(kind, bot, play)
    async with running(bot) as rig:
        await say(rig, "!play")
        if kind == "invoke":
            bot.on_command_error, again = (lambda *_: asyncio.sleep(0)), bot.on_command_error
            bot.on_command_error = _only_once(again)
        assert await rows_of(rig, "!play") == [("play", "ok", None), ("play", "error", "ValueError")]


def _only_once(handler: Any) -> Any:
    calls: list[object] = []

    async def once(context: Context, error: object) -> None:
        calls.append(error)
        if len(calls) == 1:
            await handler(context, error)

    return once


@pytest.mark.parametrize("kind", ["override", "listener"])
async def test_run_again_a_while_later_counts_until_its_end(bot: commands.Bot, kind: str) -> None:
    later = asyncio.Event()
    _reinvoking(kind, bot, limited(bot), after=later)
    async with running(bot) as rig:
        await say(rig, "!play")
        await rig.discord.user.send(rig.discord.channel, "!play")
        await _until_it_failed(rig)
        assert cog_of(bot).observer.running == 0
        await rig.clock.advance(60)
        later.set()
        rows = await rig.rows()
        assert brief(rows) == [("play", "ok", None)] * 2
        assert [round(row.duration_s or 0) for row in rows] == [0, 60]


async def _until_it_failed(rig: Rig) -> None:
    opened = cog_of(rig.bot).observer.prefix.open
    await until(lambda: any(one.ended_s is not None for one in opened.values()))


async def test_handler_that_only_talks_changes_neither_outcome_nor_duration(bot: commands.Bot) -> None:
    talking = asyncio.Event()
    limited(bot)

    @bot.event
    async def on_command_error(*_: object) -> None:
        await talking.wait()

    async with running(bot) as rig:
        await say(rig, "!play")
        await rig.discord.user.send(rig.discord.channel, "!play")
        await _until_it_failed(rig)
        await rig.clock.advance(60)
        talking.set()
        rows = await rig.rows()
        assert brief(rows)[1] == ("play", "user_error", "CommandOnCooldown")
        assert round(rows[1].duration_s or 0) == 0


async def test_handler_that_never_ends_is_not_waited_for_for_ever(bot: commands.Bot) -> None:
    limited(bot)

    @bot.event
    async def on_command_error(*_: object) -> None:
        await asyncio.Event().wait()

    async with running(bot) as rig:
        await say(rig, "!play")
        await rig.discord.user.send(rig.discord.channel, "!play")
        await _until_it_failed(rig)
        await rig.clock.advance(PATIENCE_S - 1)
        assert cog_of(bot).observer.prefix.open
        await rig.clock.advance(2)
        assert not cog_of(bot).observer.prefix.open
        assert brief(await rig.rows())[1] == ("play", "user_error", "CommandOnCooldown")


async def test_fault_waits_for_no_handler(bot: commands.Bot) -> None:
    handling = asyncio.Event()

    @bot.command()
    async def fail(_: Context) -> None:
        raise ValueError

    @bot.event
    async def on_command_error(*_: object) -> None:
        await handling.wait()

    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, "!fail")
        await until(lambda: cog_of(bot).system.writer.pending.taken > 0)
        assert brief(await rig.rows()) == [("fail", "error", "ValueError")]
        handling.set()


async def test_run_again_is_seen_where_only_events_tell_of_the_command() -> None:
    class GoesPastTheInstance(commands.Bot):
        async def process_commands(self, message: discord.Message, /) -> None:
            await super().invoke(await self.get_context(message))

    bot = make_bot(GoesPastTheInstance)
    _reinvoking("listener", bot, limited(bot))
    async with running(bot) as rig:
        assert await rows_of(rig, "!play", "!play") == [("play", "ok", None)] * 2


# -- when the extension goes -------------------------------------------------------------------------------------------


async def stored(bot: commands.Bot) -> list[tuple[str, str, str | None]]:
    async with MonitoringSystem(bot.botmon_config) as system:
        return brief((await system.store.history.find(HistoryFilter()))[::-1])


@pytest.mark.parametrize("ends", ["ok", "error"])
@pytest.mark.parametrize("does", ["reload", "unload"])
async def test_command_that_takes_the_extension_away_ends_as_it_ends(tmp_path: Path, does: str, ends: str) -> None:
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "botmon.db"))

    @bot.command()
    async def change(_: Context) -> None:
        await (bot.reload_extension if does == "reload" else bot.unload_extension)(EXTENSION)
        if ends == "error":
            raise ValueError

    async with running(bot) as rig:
        await say(rig, "!change")
        await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "botmon-last-row"])
        if does == "unload":
            await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name().startswith("botmon")])
            assert not hasattr(vars(commands.Context)["reinvoke"], "__wrapped__")
        if does == "reload":
            await bot.unload_extension(EXTENSION)
    assert await stored(bot) == [("change", ends, "ValueError" if ends == "error" else None)]


async def test_unloading_keeps_how_what_waits_for_a_handler_has_ended(tmp_path: Path) -> None:
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "botmon.db"))
    limited(bot)

    @bot.command()
    async def long(_: Context) -> None:
        await bot.wait_for("never")

    @bot.event
    async def on_command_error(*_: object) -> None:
        await asyncio.Event().wait()

    async with running(bot) as rig:
        await say(rig, "!play")
        for text in ("!play", "!long"):
            await rig.discord.user.send(rig.discord.channel, text)
        await _until_it_failed(rig)
        await until(lambda: len(cog_of(bot).observer.prefix.open) == 2)
        await bot.unload_extension(EXTENSION)
    assert sorted(row[:2] for row in await stored(bot)) == [
        ("long", "cancelled"),
        ("play", "ok"),
        ("play", "user_error"),
    ]
