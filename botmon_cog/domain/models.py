"""What happened, as values. Times are aware UTC, durations are seconds.

The fields of an event are the columns of its log table, in their order: `store.schema` derives table, row and reader
from the annotations here.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.report import Report

Id = int | str
"""A Discord id as a number, or whatever text a host uses in its place. `"123"` and `123` are the same id."""
Label = Annotated[str, msgspec.Meta(extra={"store": "label"})]
"""A text that comes again and again, such as a command's name: stored once, referred to by number."""
GuildName = Annotated[str | None, msgspec.Meta(extra={"store": "guild_name"})]
"""Kept once per guild, not in each row."""
Durations = Annotated[tuple[tuple[int, int], ...], msgspec.Meta(extra={"store": "durations"})]
"""(bucket of `domain.histogram`, n), in any order."""


class Kind(StrEnum):
    """How an invocation reached the bot."""

    SLASH = "slash"
    USER_MENU = "user_menu"
    MESSAGE_MENU = "message_menu"
    HYBRID_SLASH = "hybrid_slash"
    HYBRID_PREFIX = "hybrid_prefix"
    PREFIX = "prefix"
    LOGGED = "logged"
    """Told by the host through `CommandLog.record` and its kin, not observed."""
    BUTTON = "button"
    SELECT = "select"
    MODAL = "modal"

    @property
    def is_component(self) -> bool:
        """A button, a select menu or a modal: an invocation, but no command."""
        return self in _COMPONENTS

    @property
    def is_interaction(self) -> bool:
        """It came with a token of Discord's, which dies after 15 min."""
        return self not in _WITHOUT_TOKEN


_COMPONENTS = frozenset({Kind.BUTTON, Kind.SELECT, Kind.MODAL})
_WITHOUT_TOKEN = frozenset({Kind.HYBRID_PREFIX, Kind.PREFIX, Kind.LOGGED})


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


class MusicEventType(StrEnum):
    SONG_PLAYED = "song_played"
    SKIP = "skip"
    PAUSE = "pause"
    PLAYTIME = "playtime"
    """A song that was counted when it began went on playing, or ended."""


class EndReason(StrEnum):
    """Why a song ended."""

    FINISHED = "finished"
    SKIPPED = "skipped"
    """It was stopped, and soon the next one began."""
    STOPPED = "stopped"
    """It was stopped, and nothing followed, or the bot left the channel."""
    FAILED = "failed"
    REPLACED = "replaced"
    """Another one was put in its place; it counts as a skip."""


class MusicEvent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Something that happened to a player."""

    type: MusicEventType
    occurred_at: datetime
    guild_id: Id
    user_id: Id | None = None
    duration_s: float = 0.0
    """How long the song played, as far as this event tells; 0 for skips and pauses."""
    shard_id: int = 0
    end_reason: EndReason | None = None
    """Of `playtime` that ended a song; None while it plays on, and where nobody saw how it ended."""
    title: str | None = None
    """Of a song that began, if `[privacy] song_titles` is on."""


class CountedCommand(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A command that a host counted without logging it: a command executed and a person, but no row of the history."""

    occurred_at: datetime
    guild_id: Id
    user_id: Id | None = None
    shard_id: int = 0


class MetricSample(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One measured value of a named operation, such as a voice connect."""

    name: Label
    occurred_at: datetime
    value: float
    unit: Label = "s"
    success: bool = True
    guild_id: Id | None = None
    user_id: Id | None = None
    shard_id: int = 0


class MetricKind(StrEnum):
    """What a metric of the host's own is, and what becomes of it where several processes have one of that name."""

    COUNTER = "counter"
    """Only grows. What the processes counted adds up."""
    GAUGE = "gauge"
    """Goes up and down. What the processes have adds up: each has its share."""
    GAUGE_MAX = "gauge_max"
    """A gauge of which the largest counts."""
    GAUGE_MEAN = "gauge_mean"
    """A gauge of which the mean counts."""
    HISTOGRAM = "histogram"
    """Observed values, with their distribution."""
    TIMER = "timer"
    """A histogram of seconds."""

    @property
    def is_gauge(self) -> bool:
        return self in _GAUGES

    @property
    def has_values(self) -> bool:
        """Single values are observed, and their distribution is kept."""
        return self in _DISTRIBUTIONS


_GAUGES = frozenset({MetricKind.GAUGE, MetricKind.GAUGE_MAX, MetricKind.GAUGE_MEAN})
_DISTRIBUTIONS = frozenset({MetricKind.HISTOGRAM, MetricKind.TIMER})


class MetricPoint(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What happened to one series of a metric since its point before: within a minute, where anything did.

    Of a gauge: one for each minute in which it changed, and one for all the others of an hour.
    """

    name: Label
    """As the host named it."""
    labels: Label
    """`region=eu,state=on`; empty without any."""
    kind: MetricKind
    unit: Label
    """As the host wrote it; empty for plain numbers."""
    occurred_at: datetime
    """When it was taken down, in the hour in which it counts."""
    n: int
    """How often it was added to, or a value observed; of a gauge, how often it was looked at, once a minute."""
    total: float
    """The sum of what was added or observed; of a gauge, of what it was at each look."""
    last: float | None = None
    """None of a counter."""
    lowest: float | None = None
    """Of all values, those between two looks included. None of a counter."""
    highest: float | None = None
    """Likewise."""
    minutes: int = 0
    """Of a gauge: a bit for each minute of the hour in which it was looked at (bit 0: the first)."""
    buckets: Durations = ()
    """Of a histogram or timer: the observed values."""


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


class BackgroundKind(StrEnum):
    LISTENER = "listener"
    LOOP = "loop"
    """A `tasks.loop`."""
    TASK = "task"
    AUTOCOMPLETE = "autocomplete"
    """What completes a command's options; how often that was called, `AutocompleteCalls` say."""
    OWN = "own"
    """This package's own code."""


class BackgroundFailures(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """How often one thing raised that runs without being invoked, within a minute."""

    kind: BackgroundKind
    place: Label
    """What raised: `Music.on_message`, `Music.refresh`, a task's coroutine."""
    started_at: datetime
    """The minute."""
    n: int = 1
    error_type: Label | None = None
    """Of the last."""
    error_message: str | None = None
    """Likewise, without tokens and URLs."""
    fingerprint: int | None = None
    """Of the error group that all of them belong to."""


class ErrorSource(StrEnum):
    """In what something failed."""

    COMMAND = "command"
    COMPONENT = "component"
    AUTOCOMPLETE = "autocomplete"
    LISTENER = "listener"
    LOOP = "loop"
    TASK = "task"
    OWN = "own"

    @classmethod
    def of(cls, kind: Kind | BackgroundKind) -> ErrorSource:
        if isinstance(kind, BackgroundKind):
            return cls(kind.value)
        return cls.COMPONENT if kind.is_component else cls.COMMAND


class ErrorGroup(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What all failures of one cause have in common. Stored once, with the first of them.

    Its failures are the invocations and the `BackgroundFailures` with its fingerprint.
    """

    fingerprint: int
    """Positive, 40 bits: of the exception's type, the line it came from, and what failed."""
    first_at: datetime
    source: ErrorSource
    what: str
    """What failed: a command's or component's name, the place of a listener, a loop or a task."""
    outcome: Outcome
    error_type: str | None = None
    """The exception's class name. None where there was none: it was answered too late, or never, or the bot died."""
    error_message: str | None = None
    """Of the first, without what people typed, and without secrets."""
    file: str | None = None
    """Where it was raised, of the host's own files the innermost: `cogs/lyrics.py`."""
    line: int | None = None
    function: str | None = None
    """`Lyrics.fetch`."""
    traceback: str | None = None
    """Of the first: the host's lines whole, those of libraries in short, and no values."""
    version: str | None = None
    """The host's version in which it was first seen."""


class ErrorMark(msgspec.Struct, frozen=True, kw_only=True):
    """What the owners said of an error group."""

    fingerprint: int
    resolved_at: datetime | None = None
    """What comes later has returned."""
    muted_until: datetime | None = None
    """Until then it counts in no verdict, and so raises no alert."""
    by: str = ""
    """The id of the owner who said it last."""


class MembershipChange(StrEnum):
    JOINED = "joined"
    LEFT = "left"


class GuildMembership(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The bot joined a server, or left it; an outage of Discord's is neither."""

    change: MembershipChange
    occurred_at: datetime
    guild_id: Id
    guild_name: GuildName = None
    member_count: int | None = None
    locale: Label | None = None
    """As Discord writes it: `en-US`."""


class AnsweredElsewhere(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An invocation that another process with the same token answered, as Discord told this one.

    It is kept aside until the other's row has come; if that never does, it becomes a row itself.
    """

    discord_id: int
    received_at: datetime
    invocation: Invocation
    """As it would be recorded, with the outcome that it has if nobody else's row comes."""


class HealthRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One run of the health checker, as it is kept."""

    occurred_at: datetime
    status: Label
    """`healthy`, `degraded`, `unhealthy` or `unknown`."""
    reason: Reason | None = None
    rss_bytes: int | None = None
    cpu_percent: float | None = None
    database_s: float | None = None
    error_rate: float | None = None
    """0..1 over the last hour; None below the minimum sample."""


Event = (
    Invocation
    | MusicEvent
    | CountedCommand
    | MetricSample
    | MetricPoint
    | HealthRecord
    | AutocompleteCalls
    | BackgroundFailures
    | ErrorGroup
    | GuildMembership
    | AnsweredElsewhere
)
"""Everything that can be recorded."""
