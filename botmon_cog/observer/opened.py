"""An invocation while it is open."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, ClassVar

import discord
import msgspec
from discord import app_commands
from discord.ext import commands
from discord.ext.commands.hybrid import HybridAppCommand  # pyright: ignore[reportMissingTypeStubs] (it is typed)
from msgspec.structs import replace

from botmon_cog.clock import Timer
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.privacy import names_json, parameters_json, redact
from botmon_cog.domain.taken import LONGEST_NAME
from botmon_cog.monitors.observed import Told
from botmon_cog.observer.delays import LeastDelay

AnyInteraction = discord.Interaction[Any]
AnyContext = commands.Context[Any]
AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | commands.Command[Any, ..., Any]
Options = Sequence[Mapping[str, Any]]

_DISCORD_EPOCH_S = 1_420_070_400
_OURS = f"{__name__.partition('.')[0]}.cog."
"""What the modules of our commands begin with."""
SUB_COMMANDS = frozenset(
    {discord.AppCommandOptionType.subcommand.value, discord.AppCommandOptionType.subcommand_group.value}
)
_NAME = itemgetter("name")
MENUS = {2: Kind.USER_MENU, 3: Kind.MESSAGE_MENU}
_UNNAMED = "?"


class OpenInvocation(msgspec.Struct, eq=False):
    """What all kinds know so far. A struct, because one is made for every command: it costs half of what a class does.

    Attributes:
        received_s: monotonic seconds.
        ended_s: monotonic seconds at which its code returned; None while it runs.
        is_open: nothing was recorded for it yet.
        is_refused: our own command answered that it is not for this user.
        told: what the host said of it.
        slot: where the file of open invocations has it; negative: nowhere.
    """

    started_at: datetime
    received_s: float
    ended_s: float | None = None
    is_open: bool = True
    is_refused: bool = False
    told: Told | None = None
    slot: int = -1

    @property
    def who(self) -> tuple[str | None, str]:
        """The ids of its guild, None in a direct message, and of its user."""
        user_id, guild_id, _ = self.subject
        return None if guild_id is None else str(guild_id), str(user_id)

    @property
    def subject(self) -> tuple[int, int | None, Any]:
        """What tells whether it is left out: user id, guild id or None, discord.py's command or None."""
        raise NotImplementedError

    def typed(self) -> Iterable[object]:
        """The values that the user gave it."""
        raise NotImplementedError

    def invocation(self, outcome: Outcome, ended_s: float | None) -> Invocation:
        """What is recorded of it, without an error. `ended_s`: monotonic; None where nobody knows when it ended."""
        raise NotImplementedError


class OpenInteraction(OpenInvocation, kw_only=True):
    """A slash command or a context menu; components derive from it.

    Attributes:
        make: what `invocation` calls with itself and its arguments.
        kind: that of a context menu is found when it is recorded.
        is_watched: we will see its code end, however it does.
        response_s: seconds to the first response that Discord took.
        is_deferred: that response said "thinking...", and nothing has filled it yet.
        refusal: the outcome that a refused first response means, as long as none was taken.
        is_elsewhere: that refusal says that another process was faster.
        outcome: how its code ended; it stays open as long as it is not clear what the user saw.
        error: what it ended with.
        timer: runs out when that will be clear.
    """

    DEADLINE_S: ClassVar[float] = 3.0
    """Discord's own: an interaction must be answered within it."""
    LIFETIME_S: ClassVar[float] = 15 * 60.0
    """Of an interaction's token."""

    interaction: AnyInteraction
    make: Callable[[Any, Outcome, float | None], Invocation]
    kind: Kind = Kind.SLASH
    is_watched: bool = False
    response_s: float | None = None
    is_deferred: bool = False
    refusal: Outcome | None = None
    is_elsewhere: bool = False
    outcome: Outcome = Outcome.OK
    error: BaseException | None = None
    timer: Timer | None = None

    @property
    def command(self) -> str:
        """The full path, as Discord sent it: also of a command that the bot does not know."""
        data: Mapping[str, Any] = self.interaction.data or {}
        return _path(data.get("name", _UNNAMED), data.get("options"))[0]

    @property
    def subject(self) -> tuple[int, int | None, Any]:
        interaction = self.interaction
        return interaction.user.id, interaction.guild_id, interaction.command

    def typed(self) -> Iterable[object]:
        data: Mapping[str, Any] = self.interaction.data or {}
        return _typed(_path("", data.get("options"))[1]).values()

    def invocation(self, outcome: Outcome, ended_s: float | None) -> Invocation:
        return self.make(self, outcome, ended_s)


def failed(invocation: Invocation, error: BaseException, typed: Iterable[object]) -> Invocation:
    """The invocation with what it failed with, but without what its user typed. `error` is the root cause."""
    name = type(error).__name__[:LONGEST_NAME]
    return replace(invocation, error_type=name, error_message=redact(str(error), typed))


def annotated(invocation: Invocation, told: Told, typed: Iterable[object]) -> Invocation:
    """The invocation with what the host said of it: a failure that it caught by itself is one."""
    if told.success or invocation.outcome is not Outcome.OK:
        return replace(invocation, details=told.details)
    return replace(
        invocation,
        details=told.details,
        outcome=Outcome.ERROR,
        error_type=told.error_type,
        error_message=None if told.error_message is None else redact(told.error_message, typed),
    )


def make_record(
    bot: commands.Bot, privacy: PrivacyConfig, own_names: Container[str], delays: LeastDelay
) -> Callable[[OpenInteraction, Outcome, float | None], Invocation]:
    """Returns the `make` of a bot's application commands.

    A closure, and in it nothing looked up twice: it runs for every command. `own_names` are those that our commands may
    have; `delays` hears how long each was on its way.
    """
    parameters_of = _names if privacy.log_parameters == "names" else partial(_parameters, privacy=privacy)

    note_delay = delays.note

    def record(opened: OpenInteraction, outcome: Outcome, ended_s: float | None) -> Invocation:
        interaction, started_at = opened.interaction, opened.started_at
        data: Any = interaction.data
        try:
            command = name = data["name"]
        except (KeyError, TypeError):  # not as Discord sends it
            data = data or {}
            command = name = _UNNAMED
        kind, options, parameters = opened.kind, data.get("options"), None
        if options:
            if options[0]["type"] in SUB_COMMANDS:
                command, options = _path(name, options)
            parameters = parameters_of(options)
        elif "target_id" in data:
            kind = MENUS.get(data.get("type"), kind)
        guild_id, channel, shard_count = interaction.guild_id, interaction.channel, bot.shard_count
        user: Any = interaction.user  # a member in a guild: its own `guild` is the interaction's, and nearer
        delay_s = started_at.timestamp() - (interaction.id >> 22) / 1000 - _DISCORD_EPOCH_S
        note_delay(delay_s)
        invocation = Invocation(  # with more than fifteen keywords a dict would be made of them
            kind=kind,
            command=command,
            outcome=outcome,
            started_at=started_at,
            duration_s=None if ended_s is None else ended_s - opened.received_s,
            response_s=opened.response_s,
            gateway_delay_s=delay_s if delay_s > 0 else 0.0,
            guild_id=guild_id,
            guild_name=None if guild_id is None else user.guild.name or None,  # of one that the bot is not in
            channel_id=None if channel is None else channel.id,
            user_id=user.id,
            username=user.name,
            shard_id=(guild_id >> 22) % shard_count if shard_count and guild_id else 0,
            discord_id=interaction.id,
            parameters=parameters,
        )
        if outcome is not Outcome.OK and isinstance(interaction.command, HybridAppCommand):
            invocation = replace(invocation, kind=Kind.HYBRID_SLASH)  # also where its context was never made
        if opened.told is not None:
            invocation = annotated(invocation, opened.told, opened.typed())
        if name in own_names and is_own(interaction.command):
            invocation = replace(invocation, is_own=True)
        return invocation

    return record


def _path(name: str, options: Options | None) -> tuple[str, Options]:
    """The full path of a command and its own options, of what Discord sent under its first name."""
    while options and options[0]["type"] in SUB_COMMANDS:
        name = f"{name} {options[0]['name']}"
        options = options[0].get("options")
    return name, options or ()


def is_own(command: AnyCommand | None) -> bool:
    """Whether it is one of this package's; not that of a host which has the same name."""
    return command is not None and (command.module or "").startswith(_OURS)


def _typed(options: Options) -> dict[str, Any]:
    """Option names and values."""
    return {option["name"]: option.get("value") for option in options}


def _names(options: Options) -> str | None:
    """As `_parameters` where only names are kept, which is the default: without looking at the values."""
    return names_json(tuple(map(_NAME, options))) if options else None


def _parameters(options: Options, privacy: PrivacyConfig) -> str | None:
    return parameters_json(_typed(options), privacy)
