"""Random sequences of invocations of all kinds, with loads, reloads and unloads between, against a model.

The model is one line per invocation: what was asked while the extension was loaded, and how it must have ended.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.history import HistoryFilter
from botmon_cog.testing.messages import SeenMessage
from tests.faults import full
from tests.harness import EXTENSION, Rig, make_bot, make_config, running

Row = tuple[str, str, str]
"""(kind, command, outcome)"""

EXPECTED: dict[str, tuple[Row, ...]] = {
    "slash ok": (("slash", "good", "ok"),),
    "slash group": (("slash", "music list", "ok"),),
    "slash deferred": (("slash", "deferred", "ok"),),
    "slash never filled": (("slash", "thinking", "unanswered"),),
    "slash filled by a worker": (("slash", "thinking", "ok"),),
    "slash answered elsewhere": (("slash", "shared", "ok"),),
    "slash error": (("slash", "bad", "error"),),
    "slash check": (("slash", "forbidden", "unanswered"),),
    "slash cancelled": (("slash", "stop", "cancelled"),),
    "slash silent": (("slash", "silent", "unanswered"),),
    "slash handled": (("slash", "handled", "error"),),
    "slash reloads": (("slash", "again", "ok"),),
    "user menu": (("user_menu", "Who is", "ok"),),
    "message menu error": (("message_menu", "Quote", "error"),),
    "hybrid slash": (("hybrid_slash", "both", "ok"),),
    "hybrid slash error": (("hybrid_slash", "broken", "error"),),
    "hybrid prefix": (("hybrid_prefix", "both", "ok"),),
    "hybrid prefix error": (("hybrid_prefix", "broken", "error"),),
    "prefix ok": (("prefix", "plain", "ok"),),
    "prefix argument": (("prefix", "number", "user_error"),),
    "prefix crashing check": (("prefix", "unchecked", "error"),),
    "prefix two": (("prefix", "sudo", "ok"), ("prefix", "plain", "ok")),
    "prefix unknown": (),
    "button ok": (("button", "Panel.fine", "ok"),),
    "button error": (("button", "Panel.broken", "error"),),
    "select ok": (("select", "Panel.choice", "ok"),),
}
"""What is asked -> its rows."""

MESSAGES = {
    "hybrid prefix": "!both",
    "hybrid prefix error": "!broken",
    "prefix ok": "!plain",
    "prefix argument": "!number word",
    "prefix crashing check": "!unchecked",
    "prefix two": "!sudo",
    "prefix unknown": "!nothing of ours",
}
LIFECYCLE = ("load", "reload", "unload")

steps = st.lists(st.sampled_from([*EXPECTED, *EXPECTED, *LIFECYCLE]), min_size=1, max_size=14)


def full_bot(url: str) -> commands.Bot:  # noqa: C901, PLR0915 (a list of small commands)
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

    @bot.tree.command(name="thinking", description="t")
    async def thinking(interaction: discord.Interaction) -> None:
        await interaction.response.defer()

    @bot.tree.command(name="shared", description="s")
    async def shared(interaction: discord.Interaction) -> None:
        await answered_by_another(bot, interaction)
        await interaction.response.send_message("second")

    @bot.tree.command(name="again", description="a")
    async def again(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("once more")
        if EXTENSION in bot.extensions:
            await bot.reload_extension(EXTENSION)

    async def crashing(_: object) -> bool:
        raise LookupError

    @bot.command()
    @commands.check(crashing)
    async def unchecked(ctx: commands.Context) -> None:
        """Unreachable."""

    @bot.command()
    async def sudo(ctx: commands.Context) -> None:
        inner = await bot.get_context(ctx.message)
        inner.command = plain
        await bot.invoke(inner)

    bot.tree.add_command(music)
    return bot


async def answered_by_another(bot: commands.Bot, interaction: discord.Interaction) -> None:
    """Another process with the same token is faster."""
    url = f"{bot.base_url}/interactions/{interaction.id}/{interaction.token}/callback"
    async with aiohttp.ClientSession() as other:
        reply = await other.post(url, json={"type": 4, "data": {"content": "first"}})
        assert reply.status < 300


class Panel(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Fine", custom_id="fine")
    async def fine(self, interaction: discord.Interaction, _: object) -> None:
        await interaction.response.send_message("fine")

    @discord.ui.button(label="Broken", custom_id="broken")
    async def broken(self, interaction: discord.Interaction, _: object) -> None:
        raise ValueError

    @discord.ui.select(custom_id="choice", options=[discord.SelectOption(label="One")])
    async def choice(self, interaction: discord.Interaction, _: object) -> None:
        await interaction.response.defer()

    async def on_error(self, interaction: discord.Interaction, error: Exception, item: object, /) -> None:
        await interaction.response.send_message("sorry")


@dataclass
class Session:
    rig: Rig
    message: SeenMessage
    panel: SeenMessage
    model: Counter[Row] = field(default_factory=Counter)

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
            if self.is_loaded:
                self.model.update(EXPECTED[name])

    async def ask(self, name: str) -> None:
        """Do it, and let the time pass that it takes until all is clear."""
        discord_, clock = self.rig.discord, self.rig.clock
        user, channel = discord_.user, discord_.channel
        if name in MESSAGES:
            await user.send(channel, MESSAGES[name])
            await discord_.settled()
            return
        kind, command, _ = EXPECTED[name][0]
        if kind == "user_menu":
            await user.context_menu(channel, command, discord_.admin, wait=False)
        elif kind == "message_menu":
            await user.context_menu(channel, command, self.message, wait=False)
        elif kind == "button":
            await user.click(self.panel, command.rpartition(".")[2], wait=False)
        elif kind == "select":
            await user.select(self.panel, "choice", "One", wait=False)
        else:
            await user.slash(channel, command, wait=False)
        await discord_.settled()
        if name in {"slash check", "slash cancelled", "slash silent"}:
            await clock.advance(3.1)
        elif name == "slash filled by a worker":
            interaction = list(discord_.world.interactions.values())[-1]
            url = f"{discord_.base_url}/webhooks/{discord_.bot_user.id}/{interaction.token}/messages/@original"
            async with aiohttp.ClientSession() as worker:
                reply = await worker.patch(url, json={"content": "done"})
                assert reply.status == 200
        if name in {"slash never filled", "slash filled by a worker"}:
            await clock.advance(14.1 * 60)
            await discord_.settled()


async def play(names: list[str], folder: Path) -> tuple[Counter[Row], Counter[Row]]:
    """Run the steps; returns what the model expects and what the database holds."""
    bot = full_bot(str(folder / "bot.db"))
    async with running(bot, load=False) as rig:
        channel = bot.get_channel(rig.discord.channel.id)
        await channel.send("Panel", view=Panel())  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        panel = await rig.discord.channel.next_message()
        bot.base_url = rig.discord.base_url
        session = Session(rig, await rig.discord.user.send(rig.discord.channel, "to quote"), panel)
        await session.step("load")
        await rig.bot.tree.sync()
        for name in names:
            await session.step(name)
        if session.is_loaded:
            await bot.unload_extension(EXTENSION)
    async with MonitoringSystem(bot.botmon_config) as system:
        await system.store.elsewhere.settle(datetime.max.replace(tzinfo=UTC))
        await system.catch_up()
        rows = await system.store.history.find(HistoryFilter(limit=10_000))
    return session.model, Counter((str(r.kind), str(r.command), str(r.outcome)) for r in rows)


@settings(max_examples=full(15, 8), deadline=None)
@given(steps)
def test_rows_equal_the_model_whatever_happens(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        expected, found = asyncio.run(play(names, Path(folder)))
    assert found == expected


def test_every_kind_of_invocation_once(tmp_path: Path) -> None:
    expected, found = asyncio.run(play(list(EXPECTED), tmp_path))
    assert found == expected
    assert expected == Counter(row for rows in EXPECTED.values() for row in rows)
