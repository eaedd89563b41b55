"""An invocation while it is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Self

import discord
import msgspec
from discord.ext import commands
from msgspec.structs import replace

from botmon_cog.clock import Timer
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.models import Invocation, Kind, Outcome
from botmon_cog.domain.privacy import names_json, parameters_json, redact

AnyInteraction = discord.Interaction[Any]
AnyContext = commands.Context[Any]

_DISCORD_EPOCH_S = 1_420_070_400
_SUB_COMMANDS = frozenset(
    {discord.AppCommandOptionType.subcommand.value, discord.AppCommandOptionType.subcommand_group.value}
)
_NAME = itemgetter("name")
_SLASH, _HYBRID_SLASH = Kind.SLASH, Kind.HYBRID_SLASH  # looking a member of an enum up takes longer than a call
_KINDS = {1: _SLASH, 2: Kind.USER_MENU, 3: Kind.MESSAGE_MENU}


class OpenInvocation(msgspec.Struct, eq=False):
    """What both kinds know so far. A struct, because one is made for every command: it costs half of what a class does.

    Attributes:
        received_s: monotonic seconds.
        ended_s: monotonic seconds at which the command returned without having answered; None while it runs.
        is_open: nothing was recorded for it yet.
        details: what the host told of it.
    """

    started_at: datetime
    received_s: float
    ended_s: float | None = None
    is_open: bool = True
    details: str | None = None


class OpenInteraction(OpenInvocation, kw_only=True):
    """A slash command or a context menu.

    Attributes:
        is_hybrid: a command of `commands.hybrid_command`.
        is_late: Discord refused a response because its 3 s were over.
        is_watched: we will see it end, however it does.
        response_s: seconds to the first response that Discord took.
        timer: runs out when Discord's 3 s are over, for a command that returned without an answer.
    """

    interaction: AnyInteraction
    is_hybrid: bool = False
    is_late: bool = False
    is_watched: bool = False
    response_s: float | None = None
    timer: Timer | None = None

    @property
    def command(self) -> str:
        """The full path, as Discord sent it: also of a command that the bot does not know."""
        return _path(self.interaction.data or {})[0]

    def record(
        self,
        outcome: Outcome,
        ended_s: float,
        error: BaseException | None,
        privacy: PrivacyConfig,
        shard_count: int | None,
    ) -> Invocation:
        """What is kept of it. `error` is the root cause; `ended_s` is monotonic."""
        interaction = self.interaction
        data: Mapping[str, Any] = interaction.data or {}
        command, options = _path(data)
        guild_id, guild, channel, user = interaction.guild_id, interaction.guild, interaction.channel, interaction.user
        delay_s = self.started_at.timestamp() - (interaction.id >> 22) / 1000 - _DISCORD_EPOCH_S
        # Up to fifteen keywords are passed without making a dict of them, and an f-string is cheaper than str().
        invocation = Invocation(
            event_id=f"{interaction.id}",
            kind=_HYBRID_SLASH if self.is_hybrid else _KINDS.get(data.get("type", 1), _SLASH),
            command=command,
            outcome=outcome,
            started_at=self.started_at,
            duration_s=ended_s - self.received_s,
            response_s=self.response_s,
            gateway_delay_s=max(delay_s, 0.0),
            guild_id=None if guild_id is None else f"{guild_id}",
            guild_name=None if guild is None else guild.name,
            channel_id=None if channel is None else f"{channel.id}",
            user_id=f"{user.id}",
            username=user.name,
            shard_id=(guild_id >> 22) % shard_count if guild_id and shard_count else 0,
            parameters=_parameters(options, privacy) if options else None,
        )
        if error is not None:
            invocation = _failed(invocation, error, _typed(options).values())
        return invocation if self.details is None else replace(invocation, details=self.details)


class OpenMessage(OpenInvocation, kw_only=True):
    """A prefix command.

    Attributes:
        command: its name when it began; a group becomes its sub-command.
    """

    context: AnyContext
    kind: Kind
    command: str

    @classmethod
    def of(cls, context: AnyContext, started_at: datetime, received_s: float) -> Self:
        is_hybrid = isinstance(context.command, commands.HybridCommand | commands.HybridGroup)
        kind = Kind.HYBRID_PREFIX if is_hybrid else Kind.PREFIX
        return cls(started_at, received_s, context=context, kind=kind, command=_qualified_name(context))

    def record(
        self,
        outcome: Outcome,
        ended_s: float,
        error: BaseException | None,
        privacy: PrivacyConfig,
        shard_count: int | None,
    ) -> Invocation:
        """What is kept of it. `error` is the root cause; `ended_s` is monotonic."""
        context, message = self.context, self.context.message
        guild, author, typed = context.guild, context.author, _arguments(context)
        invocation = Invocation(
            event_id=_event_id(message),
            kind=self.kind,
            command=_qualified_name(context),
            outcome=outcome,
            started_at=self.started_at,
            duration_s=ended_s - self.received_s,
            gateway_delay_s=max(self.started_at.timestamp() - (message.id >> 22) / 1000 - _DISCORD_EPOCH_S, 0.0),
            guild_id=None if guild is None else str(guild.id),
            guild_name=None if guild is None else guild.name,
            channel_id=str(context.channel.id),
            user_id=str(author.id),
            username=author.name,
            shard_id=(guild.id >> 22) % shard_count if guild is not None and shard_count else 0,
            parameters=parameters_json(typed, privacy) if typed else None,
        )
        if error is not None:
            invocation = _failed(invocation, error, [*typed.values(), *message.content.split()[1:]])
        return invocation if self.details is None else replace(invocation, details=self.details)


def _path(data: Mapping[str, Any]) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The full path of a command and its options, as Discord sent them."""
    command: str = data.get("name", "?")
    options: Sequence[Mapping[str, Any]] = data.get("options") or ()
    while options and options[0]["type"] in _SUB_COMMANDS:
        command = f"{command} {options[0]['name']}"
        options = options[0].get("options") or ()
    return command, options


def _typed(options: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Option names and values."""
    return {option["name"]: option.get("value") for option in options}


def _parameters(options: Sequence[Mapping[str, Any]], privacy: PrivacyConfig) -> str | None:
    if privacy.log_parameters == "names":  # the default: without looking at the values
        return names_json(tuple(map(_NAME, options)))
    return parameters_json(_typed(options), privacy)


def _failed(invocation: Invocation, error: BaseException, typed: Iterable[object]) -> Invocation:
    return replace(invocation, error_type=type(error).__name__, error_message=redact(str(error), typed))


def _qualified_name(context: AnyContext) -> str:
    return "" if context.command is None else context.command.qualified_name


def _arguments(context: AnyContext) -> dict[str, Any]:
    """Parameter names and converted values of a prefix command, as far as they were parsed."""
    if context.command is None:
        return {}
    positional = [a for a in context.args if a is not context and a is not context.command.cog]
    return dict(zip(context.command.clean_params, positional, strict=False)) | context.kwargs


def _event_id(message: discord.Message) -> str:
    """A bot may run the commands of an edited message again: that is another invocation."""
    if message.edited_at is None:
        return str(message.id)
    return f"{message.id}:{int(message.edited_at.timestamp() * 1000)}"
