"""An invocation while it is open."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

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


class Origin(NamedTuple):
    """Where an invocation came from, as it is known when it ends."""

    event_id: str
    command: str
    guild_id: int | None
    guild: discord.Guild | None
    channel_id: int | None
    user: discord.User | discord.Member
    typed: Mapping[str, Any]
    """Option names and values."""


class OpenInvocation(ABC):
    """What both kinds know so far.

    Attributes:
        received_s: monotonic seconds.
        response_s: seconds to the first response that Discord took.
        ended_s: monotonic seconds at which the command returned without having answered; None while it runs.
        is_open: nothing was recorded for it yet.
        details: what the host told of it.
    """

    __slots__ = (
        "command", "details", "ended_s", "gateway_delay_s", "is_open", "kind", "received_s", "response_s", "started_at",
    )  # fmt: skip

    def __init__(self, kind: Kind, command: str, origin_id: int, started_at: datetime, received_s: float) -> None:
        """`origin_id`: the interaction's or the message's, which tells when Discord made it."""
        self.kind = kind
        self.command = command
        self.started_at = started_at
        self.received_s = received_s
        self.gateway_delay_s = max(started_at.timestamp() - (origin_id >> 22) / 1000 - _DISCORD_EPOCH_S, 0.0)
        self.response_s: float | None = None
        self.ended_s: float | None = None
        self.is_open = True
        self.details: str | None = None

    @abstractmethod
    def origin(self) -> Origin: ...

    def words(self) -> Sequence[str]:
        """What the user typed beside the values of `Origin.typed`."""
        return ()

    def record(
        self,
        outcome: Outcome,
        ended_s: float,
        error: BaseException | None,
        privacy: PrivacyConfig,
        shard_count: int | None,
    ) -> Invocation:
        """What is kept of it. `error` is the root cause; `ended_s` is monotonic."""
        event_id, command, guild_id, guild, channel_id, user, typed = self.origin()
        return Invocation(
            event_id=event_id,
            kind=self.kind,
            command=command,
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
            error_message=None if error is None else redact(str(error), [*typed.values(), *self.words()]),
        )


class OpenInteraction(OpenInvocation):
    """A slash command or a context menu.

    Attributes:
        response: kept, so that its identity stays its own.
        is_late: Discord refused a response because its 3 s were over.
        is_watched: we will see it end, however it does.
        timer: runs out when Discord's 3 s are over, for a command that returned without an answer.
    """

    __slots__ = ("interaction", "is_late", "is_watched", "options", "response", "timer")

    def __init__(self, interaction: AnyInteraction, started_at: datetime, received_s: float) -> None:
        kind, command, self.options = _identity(interaction)
        super().__init__(kind, command, interaction.id, started_at, received_s)
        self.interaction = interaction
        self.response = interaction.response
        self.is_late = False
        self.is_watched = False
        self.timer: Timer | None = None

    def origin(self) -> Origin:
        interaction = self.interaction
        return Origin(
            str(interaction.id),
            self.command,
            interaction.guild_id,
            interaction.guild,
            interaction.channel_id,
            interaction.user,
            {option["name"]: option.get("value") for option in self.options},
        )


class OpenMessage(OpenInvocation):
    """A prefix command."""

    __slots__ = ("context",)

    def __init__(self, context: AnyContext, started_at: datetime, received_s: float) -> None:
        is_hybrid = isinstance(context.command, commands.HybridCommand | commands.HybridGroup)
        kind = Kind.HYBRID_PREFIX if is_hybrid else Kind.PREFIX
        super().__init__(kind, _qualified_name(context), context.message.id, started_at, received_s)
        self.context = context

    def origin(self) -> Origin:
        context, guild = self.context, self.context.guild
        return Origin(
            _event_id(context.message),
            _qualified_name(context),  # a group has become its sub-command by now
            None if guild is None else guild.id,
            guild,
            context.channel.id,
            context.author,
            _arguments(context),
        )

    def words(self) -> Sequence[str]:
        return self.context.message.content.split()[1:]


def _identity(interaction: AnyInteraction) -> tuple[Kind, str, Sequence[Mapping[str, Any]]]:
    """(kind, full path, options), as Discord sent it: also for commands that the bot does not know."""
    data: Mapping[str, Any] = interaction.data or {}
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


def _event_id(message: discord.Message) -> str:
    """A bot may run the commands of an edited message again: that is another invocation."""
    if message.edited_at is None:
        return str(message.id)
    return f"{message.id}:{int(message.edited_at.timestamp() * 1000)}"
