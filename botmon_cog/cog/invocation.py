"""An invocation while it is open."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import discord
from discord.ext import commands

from botmon_cog.clock import Timer
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.models import Invocation, Kind, Outcome
from botmon_cog.domain.privacy import parameters_json, redact

AnyInteraction = discord.Interaction[Any]
AnyContext = commands.Context[Any]

_DISCORD_EPOCH_S = 1_420_070_400
_SUB_COMMANDS = frozenset(
    {discord.AppCommandOptionType.subcommand.value, discord.AppCommandOptionType.subcommand_group.value}
)
_KINDS = {1: Kind.SLASH, 2: Kind.USER_MENU, 3: Kind.MESSAGE_MENU}


class OpenInvocation(ABC):
    """What both kinds know so far.

    Attributes:
        received_s: monotonic seconds.
        ended_s: monotonic seconds at which the command returned without having answered; None while it runs.
        is_open: nothing was recorded for it yet.
        details: what the host told of it.
    """

    __slots__ = ("command", "details", "ended_s", "gateway_delay_s", "is_open", "kind", "received_s", "started_at")

    def __init__(self, kind: Kind, command: str, origin_id: int, started_at: datetime, received_s: float) -> None:
        """`origin_id`: the interaction's or the message's, which tells when Discord made it."""
        self.kind = kind
        self.command = command
        self.started_at = started_at
        self.received_s = received_s
        self.gateway_delay_s = max(started_at.timestamp() - (origin_id >> 22) / 1000 - _DISCORD_EPOCH_S, 0.0)
        self.ended_s: float | None = None
        self.is_open = True
        self.details: str | None = None

    @abstractmethod
    def record(
        self,
        outcome: Outcome,
        ended_s: float,
        error: BaseException | None,
        privacy: PrivacyConfig,
        shard_count: int | None,
    ) -> Invocation:
        """What is kept of it. `error` is the root cause; `ended_s` is monotonic."""


class OpenInteraction(OpenInvocation):
    """A slash command or a context menu.

    Attributes:
        response: kept, so that its identity stays its own.
        response_s: seconds to the first response that Discord took.
        is_late: Discord refused a response because its 3 s were over.
        is_watched: we will see it end, however it does.
        timer: runs out when Discord's 3 s are over, for a command that returned without an answer.
    """

    __slots__ = ("interaction", "is_late", "is_watched", "options", "response", "response_s", "timer")

    def __init__(self, interaction: AnyInteraction, started_at: datetime, received_s: float) -> None:
        kind, command, self.options = _identity(interaction)
        super().__init__(kind, command, interaction.id, started_at, received_s)
        self.interaction = interaction
        self.response = interaction.response
        self.response_s: float | None = None
        self.is_late = False
        self.is_watched = False
        self.timer: Timer | None = None

    def record(
        self,
        outcome: Outcome,
        ended_s: float,
        error: BaseException | None,
        privacy: PrivacyConfig,
        shard_count: int | None,
    ) -> Invocation:
        interaction, user = self.interaction, self.interaction.user
        guild_id, guild = interaction.guild_id, interaction.guild
        typed = {option["name"]: option.get("value") for option in self.options}
        return Invocation(
            event_id=str(interaction.id),
            kind=self.kind,
            command=self.command,
            outcome=outcome,
            started_at=self.started_at,
            duration_s=ended_s - self.received_s,
            response_s=self.response_s,
            gateway_delay_s=self.gateway_delay_s,
            guild_id=None if guild_id is None else str(guild_id),
            guild_name=None if guild is None else guild.name,
            channel_id=None if interaction.channel_id is None else str(interaction.channel_id),
            user_id=str(user.id),
            username=user.name,
            shard_id=(guild_id >> 22) % shard_count if guild_id and shard_count else 0,
            parameters=parameters_json(typed, privacy) if typed else None,
            details=self.details,
            error_type=None if error is None else type(error).__name__,
            error_message=None if error is None else redact(str(error), _shown(typed)),
        )


class OpenMessage(OpenInvocation):
    """A prefix command."""

    __slots__ = ("context",)

    def __init__(self, context: AnyContext, started_at: datetime, received_s: float) -> None:
        is_hybrid = isinstance(context.command, commands.HybridCommand | commands.HybridGroup)
        kind = Kind.HYBRID_PREFIX if is_hybrid else Kind.PREFIX
        super().__init__(kind, _qualified_name(context), context.message.id, started_at, received_s)
        self.context = context

    def record(
        self,
        outcome: Outcome,
        ended_s: float,
        error: BaseException | None,
        privacy: PrivacyConfig,
        shard_count: int | None,
    ) -> Invocation:
        context, guild, message = self.context, self.context.guild, self.context.message
        typed = _arguments(context)
        return Invocation(
            event_id=_event_id(message),
            kind=self.kind,
            command=_qualified_name(context),  # a group has become its sub-command by now
            outcome=outcome,
            started_at=self.started_at,
            duration_s=ended_s - self.received_s,
            gateway_delay_s=self.gateway_delay_s,
            guild_id=None if guild is None else str(guild.id),
            guild_name=None if guild is None else guild.name,
            channel_id=str(context.channel.id),
            user_id=str(context.author.id),
            username=context.author.name,
            shard_id=(guild.id >> 22) % shard_count if guild and shard_count else 0,
            parameters=parameters_json(typed, privacy) if typed else None,
            details=self.details,
            error_type=None if error is None else type(error).__name__,
            error_message=None if error is None else redact(str(error), [*_shown(typed), *message.content.split()[1:]]),
        )


def _identity(interaction: AnyInteraction) -> tuple[Kind, str, Sequence[Mapping[str, Any]]]:
    """(kind, full path, options), as Discord sent it: also for commands that the bot does not know."""
    data: Mapping[str, Any] = interaction.data or {}  # pyright: ignore[reportAssignmentType] (a union of TypedDicts)
    command: str = data.get("name", "?")
    options: Sequence[Mapping[str, Any]] = data.get("options") or ()
    while options and options[0]["type"] in _SUB_COMMANDS:
        command = f"{command} {options[0]['name']}"
        options = options[0].get("options") or ()
    return _KINDS.get(data.get("type", 1), Kind.SLASH), command, options


def _qualified_name(context: AnyContext) -> str:
    return "" if context.command is None else context.command.qualified_name


def _arguments(context: AnyContext) -> dict[str, Any]:
    """Parameter names and converted values of a prefix command, as far as they were parsed."""
    if context.command is None:
        return {}
    positional = [a for a in context.args if a is not context and a is not context.command.cog]
    return dict(zip(context.command.clean_params, positional, strict=False)) | context.kwargs


def _shown(typed: Mapping[str, Any]) -> list[object]:
    """The values that an error's text may repeat and that must not be kept."""
    return [value for value in typed.values() if not isinstance(value, bool)]


def _event_id(message: discord.Message) -> str:
    """A bot may run the commands of an edited message again: that is another invocation."""
    if message.edited_at is None:
        return str(message.id)
    return f"{message.id}:{int(message.edited_at.timestamp() * 1000)}"
