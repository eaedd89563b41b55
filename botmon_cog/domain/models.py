"""What happened, as values. Times are aware UTC, durations are seconds, ids are strings."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """How an invocation reached the bot."""

    SLASH = "slash"
    USER_MENU = "user_menu"
    MESSAGE_MENU = "message_menu"
    HYBRID_SLASH = "hybrid_slash"
    HYBRID_PREFIX = "hybrid_prefix"
    PREFIX = "prefix"
    LOGGED = "logged"
    """Told by the host through `CommandLogger.log_command` and its kin, not observed."""


class Outcome(StrEnum):
    """How an invocation ended. Only `ok` is a success, and only `FAULTS` count against the bot."""

    OK = "ok"
    USER_ERROR = "user_error"
    """A bad argument, a cooldown, a failed check, a missing permission."""
    DENIED = "denied"
    """The tree's `interaction_check` said no."""
    ERROR = "error"
    """The bot's fault: an exception, or a command that Discord knows and the bot does not."""
    LATE = "late"
    """Answered after Discord's 3 s (error 10062)."""
    UNANSWERED = "unanswered"
    """Ended without ever having answered the interaction."""
    CANCELLED = "cancelled"
    """Cancelled, or still running when the monitor was unloaded."""


FAULTS = frozenset({Outcome.ERROR, Outcome.LATE, Outcome.UNANSWERED})
"""The outcomes that are the bot's fault; the error rate counts these and no others."""


class Invocation(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One command, invoked once. Exactly one of these exists per invocation."""

    event_id: str
    """Unique for ever: the interaction's or the message's id, or a random one for `Kind.LOGGED`."""
    kind: Kind
    command: str
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
    guild_id: str | None = None
    """None in a DM."""
    guild_name: str | None = None
    channel_id: str | None = None
    user_id: str | None = None
    username: str | None = None
    shard_id: int = 0
    parameters: str | None = None
    """JSON: a list of option names, or an object of names and scrubbed values, as `[privacy]` allows."""
    details: str | None = None
    """Free text from the host."""
    error_type: str | None = None
    """The exception's class name."""
    error_message: str | None = None
    """The exception's text without argument values, tokens and URLs."""


class MusicEventType(StrEnum):
    SONG_PLAYED = "song_played"
    SKIP = "skip"
    PAUSE = "pause"


class MusicEvent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Something that happened to a player."""

    event_id: str
    type: MusicEventType
    occurred_at: datetime
    guild_id: str
    user_id: str | None = None
    duration_s: float = 0.0
    """How long the song played; 0 for skips and pauses."""
    shard_id: int = 0


class MetricSample(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One measured value of a named operation, such as a voice connect."""

    event_id: str
    name: str
    occurred_at: datetime
    value: float
    unit: str = "s"
    success: bool = True
    guild_id: str | None = None
    user_id: str | None = None
    shard_id: int = 0


class HealthRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One run of the health checker, as it is kept."""

    event_id: str
    occurred_at: datetime
    status: str
    """`healthy`, `degraded`, `unhealthy` or `unknown`."""
    reason: str | None = None
    rss_bytes: int | None = None
    cpu_percent: float | None = None
    database_s: float | None = None
    error_rate: float | None = None
    """0..1 over the last hour; None below the minimum sample."""


Event = Invocation | MusicEvent | MetricSample | HealthRecord
"""Everything that can be recorded."""
