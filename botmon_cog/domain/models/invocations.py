"""What people invoked: one by one, counted, completed, or answered by another process."""

from __future__ import annotations

from datetime import datetime

import msgspec

from botmon_cog.domain.models.fields import Durations, GuildName, Id, Label
from botmon_cog.domain.models.kinds import ErrorSource, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.report import Report


class Invocation(msgspec.Struct, frozen=True, array_like=True, gc=False):  # by position it is quicker to make
    """One command, invoked once. Exactly one of these exists per invocation."""

    kind: Kind
    command: Label
    """The qualified name, groups included: `stats weekly`."""
    outcome: Outcome
    started_at: datetime
    """When the bot received it."""
    duration_s: float | None = None
    """Received to finished. None where nobody measured it."""
    response_s: float | None = None
    """Received to the first response that Discord accepted. None for prefix commands and where none came."""
    gateway_delay_s: float | None = None
    """Made at Discord to received here, never negative (the two clocks may disagree)."""
    guild_id: Id | None = None
    """None in a DM."""
    guild_name: GuildName = None
    channel_id: Id | None = None
    user_id: Id | None = None
    username: str | None = None
    shard_id: int = 0
    discord_id: int | None = None
    """The interaction's or the message's. None for `Kind.LOGGED`."""
    parameters: str | None = None
    """JSON: a list of option names, or an object of names and scrubbed values, as `[privacy]` allows."""
    details: str | None = None
    """Free text from the host."""
    error_type: Label | None = None
    """The exception's class name."""
    error_message: str | None = None
    """The exception's text without argument values, tokens and URLs."""
    is_own: bool = False
    """One of this package's own commands: logged, but in no report."""
    fingerprint: int | None = None
    """Of the error group that it belongs to: see `ErrorGroup`. None unless it failed, or Discord refused it."""
    lacks: Label | None = None
    """The permissions that the server has not given the bot, as people know them: `Manage Messages`."""

    @property
    def source(self) -> ErrorSource:
        """In what it failed, if it did."""
        return ErrorSource.OWN if self.is_own else ErrorSource.of(self.kind)


class HistoryEntry(Report, frozen=True, kw_only=True):
    """An invocation as it is read from the log: the same fields, ids as text, and where the row is from."""

    id: int
    started_at: datetime
    instance: str
    command: str
    kind: Kind
    outcome: Outcome
    duration_s: float | None
    response_s: float | None
    gateway_delay_s: float | None
    guild_id: str | None
    guild_name: str | None
    channel_id: str | None
    user_id: str | None
    username: str | None
    shard_id: int
    discord_id: int | None
    parameters: str | None
    details: str | None
    error_type: str | None
    error_message: str | None
    is_own: bool
    fingerprint: int | None
    lacks: str | None

    @property
    def success(self) -> bool:
        return self.outcome is Outcome.OK


class CountedCommand(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A command that a host counted without logging it: a command executed and a person, but no row of the history."""

    occurred_at: datetime
    guild_id: Id
    user_id: Id | None = None
    shard_id: int = 0


class AutocompleteCalls(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """How often the options of one command were completed within a minute."""

    command: Label
    """The qualified name."""
    started_at: datetime
    """The minute."""
    n: int
    failed: int = 0
    """Those that raised, or that Discord refused."""
    durations: Durations = ()
    """Received to answered, of all."""


class AnsweredElsewhere(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An invocation that another process with the same token answered, as Discord told this one.

    It is kept aside until the other's row has come; if that never does, it becomes a row itself.
    """

    discord_id: int
    received_at: datetime
    invocation: Invocation
    """As it would be recorded, with the outcome that it has if nobody else's row comes."""
