"""A bot whose code blocks the event loop: the right one is named, with the right line."""

# ruff: noqa: ASYNC251 (code that blocks the loop is what is tested)

from __future__ import annotations

import asyncio
import inspect
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import discord
import psutil
import pytest
from discord import app_commands
from discord.ext import commands, tasks

from botmon_cog.config import LoopConfig
from botmon_cog.domain.samples import Block
from botmon_cog.testing import Answer
from tests.harness import Rig, cog_of, make_bot, make_config, running, until

BLOCK_S = 0.35
"""Much longer than what counts: time in which a busy machine runs nothing of ours is taken off."""
WATCHED = LoopConfig(blocked_ms=50)


def blocking(seconds: float = BLOCK_S) -> None:
    time.sleep(seconds)  # in a function of the bot's own, below the command


@asynccontextmanager
async def watched(bot: commands.Bot) -> AsyncIterator[Rig]:
    bot.botmon_config = make_config(loop=WATCHED)
    async with running(bot) as rig:
        yield rig


def line_of(function: Any, text: str) -> int:
    lines, first = inspect.getsourcelines(getattr(function, "callback", function))
    (offset,) = (i for i, line in enumerate(lines) if text in line)
    return first + offset


async def block_of(bot: commands.Bot, who: str, act: Callable[[], Awaitable[object]]) -> Block:
    """The block of somebody who acts, once the watchdog has told it.

    On a machine too busy to let the watchdog look, it is done again; others may have been slow there, too.
    """

    def found() -> list[Block]:
        return [block for block in cog_of(bot).loop_watch.sample().blocks if block.who == who]

    for _ in range(5):
        await act()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await until(lambda: bool(found()))
            break
    return max(found(), key=lambda block: block.longest_s)


def assert_at(block: Block, function: Any, text: str, *, least_s: float = 0.05) -> None:
    name = getattr(function, "callback", function).__name__
    assert block.where == f"tests/test_blocked_loop.py:{line_of(function, text)} in {name}"
    assert block.longest_s >= least_s
    assert block.n >= 1


async def test_slash_command_that_sleeps_is_named_with_its_line() -> None:
    bot = make_bot()

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("…")
        time.sleep(1)

    async with watched(bot) as rig:
        block = await block_of(bot, "/play", lambda: rig.discord.user.slash(rig.discord.channel, "play"))
        assert_at(block, play, "time.sleep(1)", least_s=0.3)
        assert block.inside is None
        sample = cog_of(bot).loop_watch.sample()
        assert sample.blocked_s >= 0.3
        assert sample.max_s >= 0.3
        assert block.last_at == rig.clock.now()


def computes() -> None:
    sum(n * n for n in range(6_000_000))


def computes_in_c() -> None:
    sum(range(30_000_000))


def runs_a_program() -> None:
    subprocess.run([sys.executable, "-c", f"import time; time.sleep({BLOCK_S})"], check=True)


def queries() -> None:
    db = sqlite3.connect(":memory:")
    db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000) SELECT MAX(i) FROM n")
    db.close()


def asks_a_package() -> None:
    psutil.cpu_percent(interval=BLOCK_S)


@pytest.mark.parametrize(
    ("work", "text", "inside"),
    [
        (blocking, "time.sleep", None),
        (computes, "sum(", None),
        (computes_in_c, "sum(", None),
        (runs_a_program, "subprocess.run", "subprocess.run"),
        (queries, "db.execute", None),
        (asks_a_package, "psutil.cpu_percent", "psutil.cpu_percent"),
    ],
)
async def test_blocking_work_below_a_command_is_named_with_the_bots_own_line(
    work: Callable[[], None], text: str, inside: str | None
) -> None:
    bot = make_bot()

    @bot.tree.command(name="work", description="w")
    async def command(interaction: discord.Interaction) -> None:
        work()
        await interaction.response.send_message("done")

    async with watched(bot) as rig:
        block = await block_of(bot, "/work", lambda: rig.discord.user.slash(rig.discord.channel, "work"))
        assert_at(block, work, text)
        assert block.inside == inside


class Music(commands.Cog):
    queue = app_commands.Group(name="queue", description="q")

    @queue.command(description="a")
    async def add(self, interaction: discord.Interaction) -> None:
        time.sleep(BLOCK_S)
        await interaction.response.send_message("added")

    @commands.command()
    async def skip(self, ctx: commands.Context) -> None:
        time.sleep(BLOCK_S)

    @commands.group()
    async def songs(self, ctx: commands.Context) -> None:
        pass

    @songs.command()
    async def show(self, ctx: commands.Context) -> None:
        time.sleep(BLOCK_S)

    @commands.hybrid_command(description="v")
    async def volume(self, ctx: commands.Context) -> None:
        time.sleep(BLOCK_S)
        await ctx.send("louder")

    @commands.Cog.listener("on_message")
    async def greet(self, message: discord.Message) -> None:
        if message.content == "hello":
            time.sleep(BLOCK_S)

    @tasks.loop(count=1)
    async def sync_songs(self) -> None:
        time.sleep(BLOCK_S)

    @app_commands.command(description="f")
    async def find(self, interaction: discord.Interaction, song: str) -> None:
        pass

    @find.autocomplete("song")
    async def suggest(self, interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        time.sleep(BLOCK_S)
        return [app_commands.Choice(name="one", value="one")]


class Confirm(discord.ui.View):
    @discord.ui.button(label="Sure", custom_id="sure:42")
    async def sure(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        time.sleep(BLOCK_S)
        await interaction.response.send_modal(Feedback())


class Feedback(discord.ui.Modal, title="Feedback"):
    text = discord.ui.TextInput(label="Text")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        time.sleep(BLOCK_S)
        await interaction.response.send_message("thanks")


async def add_music(rig: Rig) -> Music:
    cog = Music()
    await rig.bot.add_cog(cog)
    await rig.bot.tree.sync()
    return cog


async def grouped(rig: Rig) -> None:
    await rig.discord.user.slash(rig.discord.channel, "queue add")


async def hybrid(rig: Rig) -> None:
    await rig.discord.user.slash(rig.discord.channel, "volume")


async def autocompleted(rig: Rig) -> None:
    await rig.discord.user.autocomplete(rig.discord.channel, "find", focused="song", value="o")


def said(text: str) -> Callable[[Rig], Any]:
    async def say(rig: Rig) -> None:
        await rig.discord.user.send(rig.discord.channel, text)

    return say


async def looped(rig: Rig) -> None:
    loop = rig.bot.get_cog("Music").sync_songs
    await until(lambda: not loop.is_running())
    loop.start()


@pytest.mark.parametrize(
    ("act", "who", "function"),
    [
        (grouped, "/queue add", Music.add),
        (hybrid, "/volume", Music.volume),
        (said("!volume"), "volume (prefix command)", Music.volume),
        (said("!skip"), "skip (prefix command)", Music.skip),
        (said("!songs show"), "songs show (prefix command)", Music.show),
        (said("hello"), "listener on_message of Music", Music.greet),
        (looped, "task sync_songs of Music", Music.sync_songs.coro),
        (autocompleted, "autocomplete of /find", Music.suggest),
    ],
)
async def test_what_a_cog_blocks_with_is_named(act: Callable[[Rig], Any], who: str, function: Any) -> None:
    bot = make_bot()
    async with watched(bot) as rig:
        await add_music(rig)
        assert_at(await block_of(bot, who, lambda: act(rig)), function, "time.sleep")


async def test_buttons_and_modals_are_named_by_their_functions_and_not_by_what_they_show() -> None:
    bot = make_bot()

    @bot.tree.command(name="ask", description="a")
    async def ask(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Sure?", view=Confirm())

    async with watched(bot) as rig:
        user = rig.discord.user
        asked = await user.slash(rig.discord.channel, "ask")

        async def click() -> Answer:
            return await user.click(asked.message, "sure:42")

        async def submit() -> None:
            await user.submit(await click(), Text="fine")

        assert_at(await block_of(bot, "button sure of Confirm", click), Confirm.sure, "time.sleep")
        assert_at(await block_of(bot, "modal Feedback", submit), Feedback.on_submit, "time.sleep")


async def test_context_menu_and_the_trees_check_are_named() -> None:
    bot = make_bot()
    slow: set[str] = set()

    @bot.tree.context_menu(name="Play this")
    async def play_this(interaction: discord.Interaction, user: discord.Member) -> None:
        time.sleep(BLOCK_S)
        await interaction.response.send_message("…")

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    async def check(interaction: discord.Interaction) -> bool:
        if interaction.data["name"] in slow:
            time.sleep(BLOCK_S)
        return True

    bot.tree.interaction_check = check
    async with watched(bot) as rig:
        user, channel = rig.discord.user, rig.discord.channel
        block = await block_of(bot, "context menu Play this", lambda: user.context_menu(channel, "Play this", user))
        assert_at(block, play_this, "time.sleep")
        slow.add("ping")
        block = await block_of(bot, "check before /ping", lambda: user.slash(channel, "ping"))
        assert_at(block, check, "time.sleep")


async def test_tasks_and_callbacks_of_the_bots_own_are_named_by_their_functions() -> None:
    bot = make_bot()

    async def fill_the_cache() -> None:
        time.sleep(BLOCK_S)

    def refresh() -> None:
        time.sleep(BLOCK_S)

    async with watched(bot):

        async def make_task() -> None:
            await asyncio.create_task(fill_the_cache(), name="cache of guild 1234")

        async def make_callback() -> None:
            asyncio.get_running_loop().call_soon(refresh)

        assert_at(await block_of(bot, "task fill_the_cache", make_task), fill_the_cache, "time.sleep")
        assert_at(await block_of(bot, "callback refresh", make_callback), refresh, "time.sleep")


async def test_the_same_line_is_counted_and_not_listed_twice() -> None:
    bot = make_bot()

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        blocking()
        await interaction.response.send_message("…")

    async with watched(bot) as rig:

        async def play_twice() -> None:
            for _ in range(2):
                await rig.discord.user.slash(rig.discord.channel, "play")

        block = await block_of(bot, "/play", play_twice)
        while block.n == 1:
            block = await block_of(bot, "/play", play_twice)
        assert_at(block, blocking, "time.sleep")
        assert block.total_s > block.longest_s
        assert [block.where for block in cog_of(bot).loop_watch.sample().blocks].count(block.where) == 1


async def test_nobody_watches_where_it_is_switched_off() -> None:
    bot = make_bot()
    async with running(bot):
        assert cog_of(bot).loop_watch.sample() is None
