"""What can befall an invocation, each as a small bot, and the rows that are to come of it.

`test_invocation_cases.py` runs them, and holds the table in docs/invocations.md against what came.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from tests.harness import Rig

Interaction = discord.Interaction
Context = commands.Context[commands.Bot]
Act = Callable[[Rig], Awaitable[None]]
Row = tuple[str, str, str]
"""(kind, command, outcome)"""


@dataclass(frozen=True)
class Case:
    """One thing that can happen.

    Attributes:
        build: makes the bot's commands, and returns what somebody then does.
        rows: what is to be recorded, in order.
        passes: how much time is to pass afterwards.
        how: where the process ends: what `crash_children.die_within` does, or `unload`.
    """

    group: str
    title: str
    build: Callable[[commands.Bot], Act] | None
    rows: tuple[Row, ...]
    passes: timedelta = timedelta(0)
    how: str = ""


CASES: list[Case] = []
SLASH, HYBRID, PREFIX = "Slash commands and menus", "Hybrid commands", "Prefix commands"
COMPONENTS, AUTOCOMPLETE = "Buttons, selects, modals", "Autocomplete"

Build = Callable[[commands.Bot], Act]


def case(group: str, title: str, *rows: Row, passes: timedelta = timedelta(seconds=3.1)) -> Callable[[Build], Build]:
    def add(build: Build) -> Build:
        CASES.append(Case(group, title, build, rows, passes))
        return build

    return add


def uses(name: str, **options: Any) -> Act:
    """Somebody uses a slash command, and does not wait for the answer."""

    async def act(rig: Rig) -> None:
        received = asyncio.ensure_future(rig.bot.wait_for("interaction"))
        await rig.discord.user.slash(rig.discord.channel, name, wait=False, **options)
        await received

    return act


def writes(*contents: str) -> Act:
    """Somebody writes messages."""

    async def act(rig: Rig) -> None:
        for content in contents:
            received = asyncio.ensure_future(rig.bot.wait_for("message"))
            await rig.discord.user.send(rig.discord.channel, content)
            await received

    return act


def slash(
    bot: commands.Bot, body: Callable[[Interaction], Awaitable[None]], name: str = "play"
) -> app_commands.Command:
    command: app_commands.Command = app_commands.Command(name=name, description="d", callback=_taking(body))
    bot.tree.add_command(command)
    return command


def _taking(body: Callable[[Interaction], Awaitable[None]]) -> Any:
    async def callback(interaction: Interaction) -> None:
        await body(interaction)

    return callback


async def answer(interaction: Interaction) -> None:
    await interaction.response.send_message("done")


async def crash(*_: object) -> None:
    raise RuntimeError("no")


# -- slash commands and menus ------------------------------------------------------------------------------------------


@case(SLASH, "It answers", ("slash", "play", "ok"))
def _(bot: commands.Bot) -> Act:
    slash(bot, answer)
    return uses("play")


@case(SLASH, "It raises", ("slash", "play", "error"))
def _(bot: commands.Bot) -> Act:
    slash(bot, crash)
    return uses("play")


@case(SLASH, "It raises, and its own error handler raises, too", ("slash", "play", "error"))
def _(bot: commands.Bot) -> Act:
    slash(bot, crash).error(crash)
    return uses("play")


@case(SLASH, "It returns without an answer", ("slash", "play", "unanswered"))
def _(bot: commands.Bot) -> Act:
    async def nothing(_: Interaction) -> None:
        pass

    slash(bot, nothing)
    return uses("play")


@case(SLASH, "It defers, and nothing ever fills that", ("slash", "play", "unanswered"), passes=timedelta(minutes=14.1))
def _(bot: commands.Bot) -> Act:
    async def defer(interaction: Interaction) -> None:
        await interaction.response.defer()

    slash(bot, defer)
    return uses("play")


@case(SLASH, "It answers after Discord's 3 s, and catches the refusal", ("slash", "play", "late"))
def _(bot: commands.Bot) -> Act:
    woken = asyncio.Event()

    async def dawdle(interaction: Interaction) -> None:
        await woken.wait()
        with contextlib.suppress(discord.NotFound):
            await interaction.response.send_message("done")

    slash(bot, dawdle)

    async def act(rig: Rig) -> None:
        await uses("play")(rig)
        await rig.clock.advance(3.5)
        woken.set()

    return act


@case(SLASH, "Its check says no, and a handler tells the user", ("slash", "play", "denied"))
def _(bot: commands.Bot) -> Act:
    slash(bot, answer).add_check(lambda _: False)

    @bot.tree.error
    async def on_error(interaction: Interaction, _: app_commands.AppCommandError) -> None:
        await interaction.response.send_message("no")

    return uses("play")


@case(SLASH, "The tree's `interaction_check` says no without a word", ("slash", "play", "unanswered"))
def _(bot: commands.Bot) -> Act:
    async def check(_: Interaction) -> bool:
        return False

    slash(bot, answer)
    bot.tree.interaction_check = check
    return uses("play")


@case(SLASH, "A permission is missing where it wants to write", ("slash", "play", "refused"))
def _(bot: commands.Bot) -> Act:
    async def shout(interaction: Interaction) -> None:
        channel: Any = interaction.channel
        await channel.send("hello")

    slash(bot, shout)

    async def act(rig: Rig) -> None:
        rig.discord.guild.set_bot_permissions(discord.Permissions(view_channel=True))
        await uses("play")(rig)

    return act


@case(SLASH, "A context menu answers", ("user_menu", "Greet", "ok"))
def _(bot: commands.Bot) -> Act:
    @bot.tree.context_menu(name="Greet")
    async def greet(interaction: Interaction, user: discord.User) -> None:
        await answer(interaction)

    async def act(rig: Rig) -> None:
        await rig.discord.user.context_menu(rig.discord.channel, "Greet", rig.discord.owner)

    return act


# -- hybrid commands ---------------------------------------------------------------------------------------------------


def hybrid(bot: commands.Bot, body: Callable[[Context], Awaitable[Any]]) -> Any:
    @bot.hybrid_command(name="play", description="p")
    async def play(context: Context) -> None:
        await body(context)

    return play


async def reply(context: Context) -> None:
    await context.send("done")


@case(HYBRID, "As a slash command, it answers", ("hybrid_slash", "play", "ok"))
def _(bot: commands.Bot) -> Act:
    hybrid(bot, reply)
    return uses("play")


@case(HYBRID, "As a message, it answers", ("hybrid_prefix", "play", "ok"))
def _(bot: commands.Bot) -> Act:
    hybrid(bot, reply)
    return writes("!play")


@case(HYBRID, "As a slash command, it raises", ("hybrid_slash", "play", "error"))
def _(bot: commands.Bot) -> Act:
    hybrid(bot, crash)
    return uses("play")


@case(HYBRID, "As a message, it raises", ("hybrid_prefix", "play", "error"))
def _(bot: commands.Bot) -> Act:
    hybrid(bot, crash)
    return writes("!play")


@case(HYBRID, "As a slash command, the bot's check crashes", ("hybrid_slash", "play", "error"))
def _(bot: commands.Bot) -> Act:
    hybrid(bot, reply).add_check(crash)
    return uses("play")


@case(HYBRID, "As a slash command, the tree says no before it even begins", ("hybrid_slash", "play", "denied"))
def _(bot: commands.Bot) -> Act:
    async def check(interaction: Interaction) -> bool:
        await interaction.response.send_message("no")
        return False

    hybrid(bot, reply)
    bot.tree.interaction_check = check
    return uses("play")


def tags(bot: commands.Bot) -> None:
    @bot.hybrid_group(name="tag", description="t", fallback="get")
    async def tag(context: Context) -> None:
        await reply(context)


@case(HYBRID, "A group's fallback, as a slash command", ("hybrid_slash", "tag get", "ok"))
def _(bot: commands.Bot) -> Act:
    tags(bot)
    return uses("tag get")


@case(HYBRID, "The same group, as a message", ("hybrid_prefix", "tag get", "ok"))
def _(bot: commands.Bot) -> Act:
    tags(bot)
    return writes("!tag")


# -- prefix commands ---------------------------------------------------------------------------------------------------


def prefix(bot: commands.Bot, body: Callable[[Context], Awaitable[Any]], **options: Any) -> Any:
    @bot.command(name="play", **options)
    async def play(context: Context) -> None:
        await body(context)

    return play


@case(PREFIX, "A check of the bot's crashes", ("prefix", "play", "error"))
def _(bot: commands.Bot) -> Act:
    prefix(bot, reply)
    bot.add_check(crash)
    return writes("!play")


@case(PREFIX, "A check of its own crashes", ("prefix", "play", "error"))
def _(bot: commands.Bot) -> Act:
    prefix(bot, reply).add_check(crash)
    return writes("!play")


@case(PREFIX, "`before_invoke` crashes", ("prefix", "play", "error"))
def _(bot: commands.Bot) -> Act:
    prefix(bot, reply)
    bot.before_invoke(crash)
    return writes("!play")


@case(PREFIX, "`after_invoke` crashes", ("prefix", "play", "error"))
def _(bot: commands.Bot) -> Act:
    prefix(bot, reply)
    bot.after_invoke(crash)
    return writes("!play")


@case(PREFIX, "A dynamic cooldown crashes", ("prefix", "play", "error"))
def _(bot: commands.Bot) -> Act:
    def broken(_: Context) -> commands.Cooldown | None:
        raise RuntimeError("no")

    commands.dynamic_cooldown(broken, commands.BucketType.user)(prefix(bot, reply))
    return writes("!play")


@case(PREFIX, "Its own error handler crashes", ("prefix", "play", "error"))
def _(bot: commands.Bot) -> Act:
    prefix(bot, crash).error(crash)
    return writes("!play")


@case(PREFIX, "The bot overrides `invoke`, and leaves out discord.py's", ("prefix", "play", "ok"))
def _(bot: commands.Bot) -> Act:
    async def invoke(context: Context) -> None:
        if context.command is not None:
            await context.command.invoke(context)

    prefix(bot, reply)
    bot.invoke = invoke
    return writes("!play")


@case(PREFIX, "One message runs two commands", ("prefix", "play", "ok"), ("prefix", "play", "error"))
def _(bot: commands.Bot) -> Act:
    calls: list[Context] = []

    async def body(context: Context) -> None:
        calls.append(context)
        if len(calls) == 2:
            raise RuntimeError("no")
        await context.send("done")

    prefix(bot, body)

    @bot.listen("on_message")
    async def both(message: discord.Message) -> None:
        if message.content == "?play && play":
            for _ in range(2):
                copied = message
                copied.content = "!play"
                await bot.invoke(await bot.get_context(copied))

    return writes("?play && play")


@case(
    PREFIX,
    "A cooldown, and a handler that lets its user in all the same",
    ("prefix", "play", "ok"),
    ("prefix", "play", "ok"),
)
def _(bot: commands.Bot) -> Act:
    prefix(bot, reply, cooldown=commands.CooldownMapping.from_cooldown(1, 3600, commands.BucketType.user))

    @bot.event
    async def on_command_error(context: Context, error: commands.CommandError) -> None:
        if isinstance(error, commands.CommandOnCooldown):
            await asyncio.sleep(0)
            await context.reinvoke()

    return writes("!play", "!play")


# -- buttons, selects, modals ------------------------------------------------------------------------------------------


class Player(discord.ui.View):
    """A view as a music bot has it."""

    def __init__(self, body: Callable[[Interaction], Awaitable[None]], *, may: bool = True) -> None:
        super().__init__(timeout=None)
        self._body = body
        self._may = may

    async def interaction_check(self, interaction: Interaction) -> bool:
        if not self._may:
            await interaction.response.send_message("not yours")
        return self._may

    @discord.ui.button(label="Skip", custom_id="skip")
    async def skip(self, interaction: Interaction, _: discord.ui.Button[Player]) -> None:
        await self._body(interaction)

    @discord.ui.select(custom_id="song", options=[discord.SelectOption(label="Song 2")])
    async def song(self, interaction: Interaction, _: discord.ui.Select[Player]) -> None:
        await self._body(interaction)


class Quiet(Player):
    async def on_error(self, interaction: Interaction, error: Exception, item: object, /) -> None:
        """The host's own: it keeps errors to itself."""


class Feedback(discord.ui.Modal, title="Feedback"):
    words: discord.ui.TextInput[Feedback] = discord.ui.TextInput(label="Words", custom_id="words")

    async def on_submit(self, interaction: Interaction) -> None:
        await interaction.response.send_message("thank you")


def shows(view: discord.ui.View, use: Callable[[Rig, Any], Awaitable[Any]]) -> Act:
    """The bot shows a view, and somebody uses it."""

    async def act(rig: Rig) -> None:
        channel: Any = rig.bot.get_channel(rig.discord.channel.id)
        await channel.send("Player", view=view)
        await use(rig, await rig.discord.channel.next_message())

    return act


async def press(rig: Rig, message: Any) -> None:
    received = asyncio.ensure_future(rig.bot.wait_for("interaction"))
    await rig.discord.user.click(message, "Skip", wait=False)
    await received


@case(COMPONENTS, "A button's callback answers", ("button", "Player.skip", "ok"))
def _(_: commands.Bot) -> Act:
    return shows(Player(answer), press)


@case(COMPONENTS, "It raises, and the view's `on_error` says nothing of it", ("button", "Quiet.skip", "error"))
def _(_: commands.Bot) -> Act:
    return shows(Quiet(crash), press)


@case(COMPONENTS, "The view's `interaction_check` says no", ("button", "Player.skip", "denied"))
def _(_: commands.Bot) -> Act:
    return shows(Player(answer, may=False), press)


@case(COMPONENTS, "A select menu's callback answers", ("select", "Player.song", "ok"))
def _(_: commands.Bot) -> Act:
    async def choose(rig: Rig, message: Any) -> None:
        await rig.discord.user.select(message, "song", "Song 2")

    return shows(Player(answer), choose)


@case(COMPONENTS, "A modal is sent, and filled in", ("slash", "play", "ok"), ("modal", "Feedback", "ok"))
def _(bot: commands.Bot) -> Act:
    async def ask(interaction: Interaction) -> None:
        await interaction.response.send_modal(Feedback())

    slash(bot, ask)

    async def act(rig: Rig) -> None:
        asked = await rig.discord.user.slash(rig.discord.channel, "play")
        await rig.discord.user.submit(asked, words="more songs")

    return act


# -- autocomplete: counted, without a row ------------------------------------------------------------------------------


def completes(bot: commands.Bot, body: Callable[[Interaction, str], Awaitable[list[app_commands.Choice[str]]]]) -> Act:
    @bot.tree.command(name="play", description="p")
    async def play(interaction: Interaction, song: str) -> None:
        await answer(interaction)

    play.autocomplete("song")(body)

    async def act(rig: Rig) -> None:
        with contextlib.suppress(AssertionError, TimeoutError):
            await rig.discord.user.autocomplete(rig.discord.channel, "play", focused="song", value="s", timeout_s=0.2)

    return act


@case(AUTOCOMPLETE, "It suggests something")
def _(bot: commands.Bot) -> Act:
    async def suggest(_: Interaction, __: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name="Song 2", value="2")]

    return completes(bot, suggest)


@case(AUTOCOMPLETE, "It raises, of which discord.py tells nobody but the log")
def _(bot: commands.Bot) -> Act:
    async def suggest(_: Interaction, __: str) -> list[app_commands.Choice[str]]:
        raise RuntimeError("no")

    return completes(bot, suggest)


@case(AUTOCOMPLETE, "It suggests more than Discord takes")
def _(bot: commands.Bot) -> Act:
    async def suggest(_: Interaction, __: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"Song {n}", value=str(n)) for n in range(26)]

    return completes(bot, suggest)


# -- the end of the process --------------------------------------------------------------------------------------------

ENDS = "The end of the process"
CASES += [
    Case(
        ENDS,
        "SIGKILL, or no memory left, while a slash command runs",
        None,
        (("slash", "hang", "crashed"),),
        how="hang",
    ),
    Case(ENDS, "`os._exit` in a command that has answered", None, (("slash", "leave", "crashed"),), how="leave"),
    Case(
        ENDS,
        "SIGKILL while a prefix command runs",
        None,
        (("prefix", "music play", "crashed"),),
        how="!music play song",
    ),
    Case(
        ENDS,
        "SIGKILL while a button's callback runs",
        None,
        (("slash", "panel", "ok"), ("button", "Panel.press", "crashed")),
        how="press",
    ),
    Case(ENDS, "The bot is stopped while it runs", None, (("slash", "play", "cancelled"),), how="stop"),
]
