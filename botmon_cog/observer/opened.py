"""An invocation while it is open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, ClassVar

import msgspec
from discord.ext import commands
from msgspec.structs import replace

from botmon_cog.causes.causes import Cause
from botmon_cog.causes.redaction import redact
from botmon_cog.clock import Timer
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.privacy import names_json, parameters_json
from botmon_cog.monitors.observed import Told
from botmon_cog.observer.delays import LeastDelay
from botmon_cog.observer.ignoring import Filter
from botmon_cog.observer.known_commands import AnyInteraction, KnownCommand, Options

AnyContext = commands.Context[Any]

_DISCORD_EPOCH_S = 1_420_070_400
_NAME = itemgetter("name")
_NAMING = ("username", "global_name", "nick", "name", "filename", "url", "content")
"""Keys of what Discord sends of people, roles, channels, files and messages."""


class OpenInvocation(msgspec.Struct, eq=False):
    """What all kinds know so far. A struct, because one is made for every command: it costs half of what a class does.

    Attributes:
        started_s: `started_at` in seconds since 1970.
        received_s: monotonic seconds.
        ended_s: monotonic seconds at which its code returned; None while it runs.
        is_open: nothing was recorded for it yet.
        is_refused: our own command answered that it is not for this user.
        told: what the host said of it.
        slot: where the file of open invocations has it; negative: nowhere.
    """

    started_at: datetime
    started_s: float
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

    def is_left_out(self, is_ignored: Filter) -> bool:
        """Whether nothing is to be recorded of it."""
        return is_ignored(*self.subject)

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
        known: what is always the same of its command; None: it is a component.
        options: as Discord sent them, without the names of sub-commands.
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
    known: KnownCommand | None = None
    options: Options | None = None
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
        assert self.known is not None
        return self.known.name

    @property
    def subject(self) -> tuple[int, int | None, Any]:
        interaction = self.interaction
        return interaction.user.id, interaction.guild_id, interaction.command

    def is_left_out(self, is_ignored: Filter) -> bool:
        known, interaction = self.known, self.interaction
        if known is None:
            return is_ignored(*self.subject)
        if known.command() is not interaction.command:
            known = self.known = known.again(interaction)  # the host has put another one in its place
            self.kind = known.kind
        return known.is_ignored or (
            is_ignored.has_people and is_ignored(interaction.user.id, interaction.guild_id, None)
        )

    def typed(self) -> Iterable[object]:
        data: Mapping[str, Any] = self.interaction.data or {}
        return [*_typed(self.options or ()).values(), *names_in(data.get("resolved"))]

    def invocation(self, outcome: Outcome, ended_s: float | None) -> Invocation:
        return self.make(self, outcome, ended_s)


def failed(invocation: Invocation, cause: Cause, lacks: str | None) -> Invocation:
    """The invocation with what it failed with, and which permissions the bot lacked."""
    return replace(
        invocation,
        error_type=cause.error_type,
        error_message=cause.message,
        fingerprint=cause.fingerprint,
        lacks=lacks,
    )


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
    bot: commands.Bot, privacy: PrivacyConfig, delays: LeastDelay
) -> Callable[[OpenInteraction, Outcome, float | None], Invocation]:
    """Returns the `make` of a bot's application commands.

    A closure, and in it nothing looked up twice: it runs for every command. `delays` hears how long each was under way.
    """
    parameters_of = _names if privacy.log_parameters == "names" else partial(_parameters, privacy=privacy)
    note_delay = delays.note

    def record(opened: OpenInteraction, outcome: Outcome, ended_s: float | None) -> Invocation:
        interaction, known, options = opened.interaction, opened.known, opened.options
        assert known is not None
        guild_id, channel, shard_count = interaction.guild_id, interaction.channel, bot.shard_count
        user: Any = interaction.user  # a member in a guild: its own `guild` is the interaction's, and nearer
        delay_s = opened.started_s - (interaction.id >> 22) / 1000 - _DISCORD_EPOCH_S
        note_delay(delay_s)
        invocation = Invocation(  # with more than fifteen keywords a dict would be made of them
            kind=opened.kind,
            command=known.name,
            outcome=outcome,
            started_at=opened.started_at,
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
            parameters=parameters_of(options) if options else None,
        )
        if opened.told is not None:
            invocation = annotated(invocation, opened.told, opened.typed())
        return replace(invocation, is_own=True) if known.is_own else invocation

    return record


def names_in(resolved: Mapping[str, Any] | None) -> Iterable[object]:
    """What whoever or whatever somebody chose is called, of what Discord sent with their ids."""
    for kind in resolved or ():
        for chosen in (resolved or {})[kind].values():
            for key in _NAMING:
                if chosen.get(key):
                    yield chosen[key]


def _typed(options: Options) -> dict[str, Any]:
    """Option names and values."""
    return {option["name"]: option.get("value") for option in options}


def _names(options: Options) -> str:
    """As `_parameters` where only names are kept, which is the default: without looking at the values."""
    return names_json(tuple(map(_NAME, options)))


def _parameters(options: Options, privacy: PrivacyConfig) -> str | None:
    return parameters_json(_typed(options), privacy)
