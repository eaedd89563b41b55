"""Random sequences of invocations of all kinds, with loads, reloads and unloads between, against a model.

The model is one line per invocation: what was asked while the extension was loaded, and how it must have ended.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import discord
from discord import app_commands
from discord.ext import commands
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.store.history import History, HistoryFilter
from botmon_cog.store.sqlite.engine import SqliteEngine
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running

# What is asked -> (kind, command, outcome) of its row; None where it makes none.
EXPECTED: dict[str, tuple[str, str, str] | None] = {
    "slash ok": ("slash", "good", "ok"),
    "slash group": ("slash", "music list", "ok"),
    "slash deferred": ("slash", "deferred", "ok"),
    "slash error": ("slash", "bad", "error"),
    "slash check": ("slash", "forbidden", "user_error"),
    "slash cancelled": ("slash", "stop", "cancelled"),
    "slash silent": ("slash", "silent", "unanswered"),
    "slash handled": ("slash", "handled", "error"),
    "user menu": ("user_menu", "Who is", "ok"),
    "message menu error": ("message_menu", "Quote", "error"),
    "hybrid slash": ("hybrid_slash", "both", "ok"),
    "hybrid slash error": ("hybrid_slash", "broken", "error"),
    "hybrid prefix": ("hybrid_prefix", "both", "ok"),
    "hybrid prefix error": ("hybrid_prefix", "broken", "error"),
    "prefix ok": ("prefix", "plain", "ok"),
    "prefix argument": ("prefix", "number", "user_error"),
    "prefix unknown": None,
}
LIFECYCLE = ("load", "reload", "unload")

steps = st.lists(st.sampled_from([*EXPECTED, *EXPECTED, *LIFECYCLE]), min_size=1, max_size=14)


def full_bot(url: str) -> commands.Bot:  # noqa: C901 (a list of small commands)
    bot = make_bot()
    bot.botmon_config = make_config(url=url)
    music = app_commands.Group(name="music", description="m")

    @bot.tree.command(name="good", description="g")
    async def good(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("good")

    @music.command(name="list", description="l")
    async def listed(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("list")

    @bot.tree.command(name="deferred", description="d")
    async def deferred(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.followup.send("done")

    @bot.tree.command(name="bad", description="b")
    async def bad(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("before")
        raise ValueError

    @bot.tree.command(name="handled", description="h")
    async def handled(interaction: discord.Interaction) -> None:
        raise ValueError

    @handled.error
    async def on_handled(interaction: discord.Interaction, error: Exception) -> None:
        await interaction.response.send_message("sorry")

    @bot.tree.command(name="forbidden", description="f")
    @app_commands.check(lambda _: False)
    async def forbidden(interaction: discord.Interaction) -> None:
        """Unreachable."""

    @bot.tree.command(name="stop", description="s")
    async def stop(interaction: discord.Interaction) -> None:
        raise asyncio.CancelledError

    @bot.tree.command(name="silent", description="s")
    async def silent(interaction: discord.Interaction) -> None:
        """Answers nothing."""

    @bot.tree.context_menu(name="Who is")
    async def who(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(member.name)

    @bot.tree.context_menu(name="Quote")
    async def quote(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message("before")
        raise ValueError

    @bot.hybrid_command(name="both", description="b")
    async def both(ctx: commands.Context) -> None:
        await ctx.send("both")

    @bot.hybrid_command(name="broken", description="b")
    async def broken(ctx: commands.Context) -> None:
        await ctx.send("before")
        raise ValueError

    @bot.command()
    async def plain(ctx: commands.Context) -> None:
        """Nothing to say."""

    @bot.command()
    async def number(ctx: commands.Context, value: int) -> None:
        """Unreachable with a word."""

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        """Quiet."""

    @bot.listen()
    async def on_command_error(ctx: object, error: Exception) -> None:
        """Quiet."""

    bot.tree.add_command(music)
    return bot


@dataclass
class Session:
    rig: Rig
    message: object
    model: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def is_loaded(self) -> bool:
        return EXTENSION in self.rig.bot.extensions

    async def step(self, name: str) -> None:
        if name == "load" and not self.is_loaded:
            await self.rig.bot.load_extension(EXTENSION)
        elif name == "reload" and self.is_loaded:
            await self.rig.bot.reload_extension(EXTENSION)
        elif name == "unload" and self.is_loaded:
            await self.rig.bot.unload_extension(EXTENSION)
        elif name in EXPECTED:
            await self.ask(name)
            expected = EXPECTED[name]
            if self.is_loaded and expected is not None:
                self.model[expected] += 1

    async def ask(self, name: str) -> None:
        discord_, kind = self.rig.discord, name.split(maxsplit=1)[0]
        expected = EXPECTED[name]
        if "prefix" in name:
            text = {"prefix argument": "!number word", "prefix unknown": "!nothing of ours"}
            ended = "command_error" if "error" in name or name in text else "command_completion"
            done = asyncio.ensure_future(self.rig.bot.wait_for(ended))
            await discord_.user.send(discord_.channel, text.get(name) or f"!{expected[1] if expected else ''}")
            await done
            return
        assert expected is not None
        received = asyncio.ensure_future(self.rig.bot.wait_for("interaction"))
        if kind == "user":
            answer = await discord_.user.context_menu(discord_.channel, expected[1], discord_.admin, wait=False)
        elif kind == "message":
            answer = await discord_.user.context_menu(discord_.channel, expected[1], self.message, wait=False)
        else:
            answer = await discord_.user.slash(discord_.channel, expected[1], wait=False)
        await received
        await self.ended()
        if name in {"slash check", "slash cancelled", "slash silent"}:
            await self.rig.clock.advance(3.1)
        await answer.wait()

    async def ended(self) -> None:
        """Every command task of the bot is over: asked of the bot, so that it also holds while we are not loaded."""
        async with asyncio.timeout(10):
            while any(task.get_name() == "CommandTree-invoker" for task in asyncio.all_tasks()):
                await asyncio.sleep(0)
            while self.is_loaded and cog_of(self.rig.bot).observer.running:
                await asyncio.sleep(0)


async def play(names: list[str], folder: Path) -> tuple[Counter[tuple[str, str, str]], Counter[tuple[str, str, str]]]:
    """Run the steps; returns what the model expects and what the database holds."""
    bot = full_bot(str(folder / "bot.db"))
    async with running(bot, load=False) as rig:
        session = Session(rig, await rig.discord.user.send(rig.discord.channel, "to quote"))
        await session.step("load")
        await rig.bot.tree.sync()
        for name in names:
            await session.step(name)
        await session.ended()
        if session.is_loaded:
            await bot.unload_extension(EXTENSION)
    engine = SqliteEngine(str(folder / "bot.db"))
    rows = await History(engine).find(HistoryFilter(limit=10_000))
    await engine.close()
    return session.model, Counter((str(r.kind), str(r.command), str(r.outcome)) for r in rows)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_rows_equal_the_model_whatever_happens(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        expected, found = asyncio.run(play(names, Path(folder)))
    assert found == expected


def test_every_kind_of_invocation_once(tmp_path: Path) -> None:
    expected, found = asyncio.run(play(list(EXPECTED), tmp_path))
    assert found == expected
    assert expected.total() == len(EXPECTED) - 1
