"""An invocation while it is open."""

from __future__ import annotations

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


class OpenInvocation:
    """What is known so far. `source` is the interaction, or the context of a prefix command.

    Attributes:
        received_s: monotonic seconds.
        response: the interaction's response object, kept so that its identity stays its own; None for prefix commands.
        response_s: seconds to the first response that Discord took.
        is_late: Discord refused a response because its 3 s were over.
        ended_s: monotonic seconds at which the command returned without having answered; None while it runs.
        is_watched: we will see it end, however it does.
        is_open: nothing was recorded for it yet.
        details: what the host told of it.
    """

    __slots__ = (
        "command", "context", "details", "ended_s", "gateway_delay_s", "is_late", "is_open", "is_watched", "kind",
        "received_s", "response", "response_s", "source", "started_at", "timer",
    )  # fmt: skip

    def __init__(
        self, source: AnyInteraction | AnyContext, kind: Kind, command: str, started_at: datetime, received_s: float
    ) -> None:
        self.source = source
        self.kind = kind
        self.command = command
        self.started_at = started_at
        self.received_s = received_s
        self.gateway_delay_s = max(started_at.timestamp() - snowflake_s(_origin_id(source)), 0.0)
        self.response: discord.InteractionResponse[Any] | None = None
        self.context: AnyContext | None = None
        self.response_s: float | None = None
        self.is_late = False
        self.ended_s: float | None = None
        self.is_watched = False
        self.is_open = True
        self.details: str | None = None
        self.timer: Timer | None = None

    def closed(
        self,
        outcome: Outcome,
        ended_s: float,
        error: BaseException | None,
        privacy: PrivacyConfig,
        shard_count: int | None,
    ) -> Invocation:
        """The record of it. Marks this as closed."""
        self.is_open = False
        source = self.source
        if isinstance(source, discord.Interaction):
            typed = _options(source)
            guild_id, channel_id, user, event_id = source.guild_id, source.channel_id, source.user, str(source.id)
        else:
            typed = _arguments(source)
            guild_id = None if source.guild is None else source.guild.id
            channel_id, user, event_id = source.channel.id, source.author, _message_event_id(source.message)
            if source.command is not None:
                self.command = source.command.qualified_name  # a group has become its sub-command by now
        guild = source.guild
        return Invocation(
            event_id=event_id,
            kind=self.kind,
            command=self.command,
            outcome=outcome,
            started_at=self.started_at,
            duration_s=ended_s - self.received_s,
            response_s=self.response_s,
            gateway_delay_s=self.gateway_delay_s,
            guild_id=None if guild_id is None else str(guild_id),
            guild_name=None if guild is None else guild.name,
            channel_id=None if channel_id is None else str(channel_id),
            user_id=str(user.id),
            username=user.name,
            shard_id=(guild_id >> 22) % shard_count if guild_id and shard_count else 0,
            parameters=parameters_json(typed, privacy) if typed else None,
            details=self.details,
            error_type=None if error is None else type(error).__name__,
            error_message=None if error is None else redact(str(error), _typed_values(source, typed)),
        )


def snowflake_s(snowflake: int) -> float:
    """When Discord made an id, in seconds since 1970."""
    return (snowflake >> 22) / 1000 + _DISCORD_EPOCH_S


def interaction_identity(interaction: AnyInteraction) -> tuple[Kind, str]:
    """The kind, and the full command path, as Discord sent it: also for commands that the bot does not know."""
    data: Mapping[str, Any] = interaction.data or {}  # pyright: ignore[reportAssignmentType] (a union of TypedDicts)
    path = [data.get("name", "?")]
    options: Sequence[Mapping[str, Any]] = data.get("options") or ()
    while options and options[0]["type"] in _SUB_COMMANDS:
        path.append(options[0]["name"])
        options = options[0].get("options") or ()
    return _KINDS.get(data.get("type", 1), Kind.SLASH), " ".join(path)


def _options(interaction: AnyInteraction) -> dict[str, Any]:
    """Option names and raw values (ids for users, channels, roles)."""
    data: Mapping[str, Any] = interaction.data or {}  # pyright: ignore[reportAssignmentType] (a union of TypedDicts)
    options: Sequence[Mapping[str, Any]] = data.get("options") or ()
    while options and options[0]["type"] in _SUB_COMMANDS:
        options = options[0].get("options") or ()
    return {option["name"]: option.get("value") for option in options}


def _arguments(context: AnyContext) -> dict[str, Any]:
    """Parameter names and converted values of a prefix command, as far as they were parsed."""
    if context.command is None:
        return {}
    positional = [a for a in context.args if a is not context and a is not context.command.cog]
    return dict(zip(context.command.clean_params, positional, strict=False)) | context.kwargs


def _typed_values(source: AnyInteraction | AnyContext, typed: Mapping[str, Any]) -> list[object]:
    """Everything that the user typed, which an error's text may repeat."""
    values: list[object] = [v for v in typed.values() if not isinstance(v, bool)]
    if isinstance(source, discord.Interaction):
        return values
    return [*values, *source.message.content.split()[1:]]


def _origin_id(source: AnyInteraction | AnyContext) -> int:
    return source.id if isinstance(source, discord.Interaction) else source.message.id


def _message_event_id(message: discord.Message) -> str:
    """A bot may run the commands of an edited message again: that is another invocation."""
    if message.edited_at is None:
        return str(message.id)
    return f"{message.id}:{int(message.edited_at.timestamp() * 1000)}"
