"""An invocation while it is open."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, ClassVar, Self

import discord
import msgspec
from discord import app_commands
from discord.ext import commands
from msgspec.structs import replace

from botmon_cog.clock import Timer
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.privacy import names_json, parameters_json, redact
from botmon_cog.domain.taken import LONGEST_NAME
from botmon_cog.monitors.observed import Told

AnyInteraction = discord.Interaction[Any]
AnyContext = commands.Context[Any]
AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | commands.Command[Any, ..., Any]
Options = Sequence[Mapping[str, Any]]

_DISCORD_EPOCH_S = 1_420_070_400
_OURS = f"{__name__.partition('.')[0]}.cog."
"""What the modules of our commands begin with."""
_SUB_COMMANDS = frozenset(
    {discord.AppCommandOptionType.subcommand.value, discord.AppCommandOptionType.subcommand_group.value}
)
_NAME = itemgetter("name")
_MENUS = {2: Kind.USER_MENU, 3: Kind.MESSAGE_MENU}
_UNNAMED = "?"


class OpenInvocation(msgspec.Struct, eq=False):
    """What both kinds know so far. A struct, because one is made for every command: it costs half of what a class does.

    Attributes:
        received_s: monotonic seconds.
        ended_s: monotonic seconds at which the command returned without having answered; None while it runs.
        is_open: nothing was recorded for it yet.
        told: what the host said of it.
    """

    started_at: datetime
    received_s: float
    ended_s: float | None = None
    is_open: bool = True
    told: Told | None = None


class OpenInteraction(OpenInvocation, kw_only=True):
    """A slash command or a context menu.

    Attributes:
        kind: that of a context menu is found when it is recorded.
        is_late: Discord refused a response because its 3 s were over.
        is_watched: we will see it end, however it does.
        response_s: seconds to the first response that Discord took.
        timer: runs out when Discord's 3 s are over, for a command that returned without an answer.
    """

    DEADLINE_S: ClassVar[float] = 3.0
    """Discord's own: an interaction must be answered within it."""
    LIFETIME_S: ClassVar[float] = 15 * 60.0
    """Of an interaction's token."""

    interaction: AnyInteraction
    kind: Kind = Kind.SLASH
    is_late: bool = False
    is_watched: bool = False
    response_s: float | None = None
    timer: Timer | None = None

    @property
    def command(self) -> str:
        """The full path, as Discord sent it: also of a command that the bot does not know."""
        data: Mapping[str, Any] = self.interaction.data or {}
        return _path(data.get("name", _UNNAMED), data.get("options"))[0]

    @property
    def who(self) -> tuple[str | None, str]:
        """The ids of its guild, None in a direct message, and of its user."""
        guild_id = self.interaction.guild_id
        return None if guild_id is None else str(guild_id), str(self.interaction.user.id)

    def typed(self) -> Iterable[object]:
        """The values that the user gave it."""
        data: Mapping[str, Any] = self.interaction.data or {}
        return _typed(_path("", data.get("options"))[1]).values()


class OpenMessage(OpenInvocation, kw_only=True):
    """A prefix command.

    Attributes:
        command: its name when it began; a group becomes its sub-command.
    """

    LIFETIME_S: ClassVar[float] = 24 * 3600.0
    """No prefix command runs for longer."""

    context: AnyContext
    kind: Kind
    command: str

    @classmethod
    def of(cls, context: AnyContext, started_at: datetime, received_s: float) -> Self:
        is_hybrid = isinstance(context.command, commands.HybridCommand | commands.HybridGroup)
        kind = Kind.HYBRID_PREFIX if is_hybrid else Kind.PREFIX
        return cls(started_at, received_s, context=context, kind=kind, command=_qualified_name(context))

    def record(self, outcome: Outcome, ended_s: float, privacy: PrivacyConfig, shard_count: int | None) -> Invocation:
        """As `make_record`'s does for an interaction."""
        context, message = self.context, self.context.message
        guild, author, typed = context.guild, context.author, _arguments(context)
        invocation = Invocation(
            kind=self.kind,
            command=_qualified_name(context)[:LONGEST_NAME],
            outcome=outcome,
            started_at=self.started_at,
            duration_s=ended_s - self.received_s,
            gateway_delay_s=max(self.started_at.timestamp() - (message.id >> 22) / 1000 - _DISCORD_EPOCH_S, 0.0),
            guild_id=None if guild is None else guild.id,
            guild_name=None if guild is None else guild.name,
            channel_id=context.channel.id,
            user_id=author.id,
            username=author.name,
            shard_id=(guild.id >> 22) % shard_count if guild is not None and shard_count else 0,
            discord_id=message.id,
            parameters=parameters_json(typed, privacy) if typed else None,
        )
        if self.told is not None:
            invocation = annotated(invocation, self.told, self.typed())
        return replace(invocation, is_own=True) if _is_own(context.command) else invocation

    @property
    def who(self) -> tuple[str | None, str]:
        """As `OpenInteraction.who`."""
        guild = self.context.guild
        return None if guild is None else str(guild.id), str(self.context.author.id)

    def typed(self) -> Iterable[object]:
        """The values that the user gave it."""
        return [*_arguments(self.context).values(), *self.context.message.content.split()[1:]]


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
    bot: commands.Bot, privacy: PrivacyConfig, own_names: Container[str]
) -> Callable[[OpenInteraction, Outcome, float], Invocation]:
    """Returns `record(opened, outcome, ended_s)`, which makes what is kept of a bot's interactions that did not fail.

    A closure, and in it nothing looked up twice: it runs for every command. `own_names` are those that our commands may
    have; `ended_s` is monotonic.
    """
    parameters_of = _names if privacy.log_parameters == "names" else partial(_parameters, privacy=privacy)

    def record(opened: OpenInteraction, outcome: Outcome, ended_s: float) -> Invocation:
        interaction, started_at = opened.interaction, opened.started_at
        data: Any = interaction.data
        try:
            command = name = data["name"]
        except (KeyError, TypeError):  # not as Discord sends it
            data = data or {}
            command = name = _UNNAMED
        kind, options, parameters = opened.kind, data.get("options"), None
        if options:
            if options[0]["type"] in _SUB_COMMANDS:
                command, options = _path(name, options)
            parameters = parameters_of(options)
        elif "target_id" in data:
            kind = _MENUS.get(data.get("type"), kind)
        guild_id, channel, shard_count = interaction.guild_id, interaction.channel, bot.shard_count
        user: Any = interaction.user  # a member in a guild: its own `guild` is the interaction's, and nearer
        delay_s = started_at.timestamp() - (interaction.id >> 22) / 1000 - _DISCORD_EPOCH_S
        invocation = Invocation(  # with more than fifteen keywords a dict would be made of them
            kind=kind,
            command=command,
            outcome=outcome,
            started_at=started_at,
            duration_s=ended_s - opened.received_s,
            response_s=opened.response_s,
            gateway_delay_s=delay_s if delay_s > 0 else 0.0,
            guild_id=guild_id,
            guild_name=None if guild_id is None else user.guild.name,
            channel_id=None if channel is None else channel.id,
            user_id=user.id,
            username=user.name,
            shard_id=(guild_id >> 22) % shard_count if shard_count and guild_id else 0,
            discord_id=interaction.id,
            parameters=parameters,
        )
        if opened.told is not None:
            invocation = annotated(invocation, opened.told, opened.typed())
        if name in own_names and _is_own(interaction.command):
            invocation = replace(invocation, is_own=True)
        return invocation

    return record


def _path(name: str, options: Options | None) -> tuple[str, Options]:
    """The full path of a command and its own options, of what Discord sent under its first name."""
    while options and options[0]["type"] in _SUB_COMMANDS:
        name = f"{name} {options[0]['name']}"
        options = options[0].get("options")
    return name, options or ()


def _is_own(command: AnyCommand | None) -> bool:
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


def _qualified_name(context: AnyContext) -> str:
    return "" if context.command is None else context.command.qualified_name


def _arguments(context: AnyContext) -> dict[str, Any]:
    """Parameter names and converted values of a prefix command, as far as they were parsed."""
    if context.command is None:
        return {}
    positional = [a for a in context.args if a is not context and a is not context.command.cog]
    return dict(zip(context.command.clean_params, positional, strict=False)) | context.kwargs
