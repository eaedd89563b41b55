"""The tables of a store, the same on both engines.

A log table is what its event in `domain.models` declares: a column per field, in the order of the fields. The
migrations create them; a test holds the two against each other.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from botmon_cog.domain.alerts import Alert, AlertMessage, Mute
from botmon_cog.domain.models import CountedCommand, Event, HealthRecord, Id, Invocation, MetricSample, MusicEvent
from botmon_cog.domain.uptime import GatewayLoss


class Type(Enum):
    """What a column holds, as an engine sees it."""

    INTEGER = "integer"
    SMALL = "small"
    REAL = "real"
    TEXT = "text"
    BLOB = "blob"


class Form(Enum):
    """How a field of an event becomes the value of a column."""

    PLAIN = "plain"
    CODE = "code"
    """A member of an enum, as its position."""
    MOMENT = "moment"
    """Milliseconds since 1970."""
    SECONDS = "seconds"
    """Whole microseconds."""
    LABEL = "label"
    """The id of a text in `labels`."""
    ID = "id"
    """A Discord id; for any other text, minus the id of its label."""
    GUILD_NAME = "guild_name"
    """No column: kept in `guilds`."""
    JSON = "json"
    """A value within the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a log table, and the field that it holds."""

    name: str
    field: str
    type: Type
    form: Form
    of: Any = None
    """The enum of a code, the struct of JSON."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """One table.

    Attributes:
        columns: those that are written, in the order of the rows.
        key: those that identify a row.
    """

    name: str
    columns: Mapping[str, Type]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordTable(Table):
    """A table of values of one kind.

    Attributes:
        of: what becomes of each field of the value, in their order; behind what else there is in `columns`.
    """

    of: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogTable(RecordTable):
    """A table to which events of one kind are appended, behind `run_id` and `seq`. Its rows never change.

    Attributes:
        moment: the column that holds when it happened.
    """

    moment: str


_PLAIN = {str: Type.TEXT, int: Type.INTEGER, bool: Type.SMALL, float: Type.REAL}


def _column(field: str, annotation: Any) -> Column:  # noqa: PLR0911 (a case for each form)
    """The column of a field, by the field's type."""
    options, marked = _resolved(annotation)
    if marked is Form.GUILD_NAME:
        return Column(name=field, field=field, type=Type.TEXT, form=marked)
    if marked is Form.LABEL:
        return Column(name=f"{field}_id", field=field, type=Type.INTEGER, form=marked)
    if options == set(get_args(Id)):
        return Column(name=field, field=field, type=Type.INTEGER, form=Form.ID)
    (of,) = options
    if of is datetime:
        return Column(name=f"{field.removesuffix('_at')}_ms", field=field, type=Type.INTEGER, form=Form.MOMENT)
    if of is float and field.endswith("_s"):
        return Column(name=f"{field.removesuffix('_s')}_us", field=field, type=Type.INTEGER, form=Form.SECONDS)
    if issubclass(of, msgspec.Struct):
        return Column(name=field, field=field, type=Type.TEXT, form=Form.JSON, of=of)
    if issubclass(of, StrEnum):
        return Column(name=field, field=field, type=Type.SMALL, form=Form.CODE, of=of)
    return Column(name=field, field=field, type=_PLAIN[of], form=Form.PLAIN)


def _resolved(annotation: Any) -> tuple[set[Any], Form | None]:
    """What a field may hold besides None, and the form that its annotation names."""
    if get_origin(annotation) is Annotated:
        annotation, meta = get_args(annotation)
        return _resolved(annotation)[0], Form(meta.extra["store"])
    if get_origin(annotation) is Literal:
        return {str}, None
    if get_origin(annotation) not in {Union, types.UnionType}:
        return {annotation}, None
    options: set[Any] = set()
    marked: Form | None = None
    for option in get_args(annotation):
        if option is not type(None):
            found, form = _resolved(option)
            options |= found
            marked = marked or form
    return options, marked


def _columns_of(kind: type[msgspec.Struct]) -> tuple[Column, ...]:
    return tuple(_column(field.name, field.type) for field in msgspec.structs.fields(kind))


def _stored(of: tuple[Column, ...]) -> dict[str, Type]:
    return {column.name: column.type for column in of if column.form is not Form.GUILD_NAME}


def _log(name: str, kind: type[msgspec.Struct]) -> LogTable:
    of = _columns_of(kind)
    return LogTable(
        name=name,
        columns={"run_id": Type.INTEGER, "seq": Type.INTEGER, **_stored(of)},
        key=("run_id", "seq"),
        of=of,
        moment=next(column.name for column in of if column.form is Form.MOMENT),
    )


def _record(name: str, kind: type[msgspec.Struct], /, *key: str, **before: Type) -> RecordTable:
    of = _columns_of(kind)
    return RecordTable(name=name, columns={**before, **_stored(of)}, key=key, of=of)


def _table(name: str, /, *key: str, **columns: Type) -> Table:
    return Table(name=name, columns=columns, key=key)


_INTEGER, _SMALL, _REAL, _TEXT, _BLOB = Type.INTEGER, Type.SMALL, Type.REAL, Type.TEXT, Type.BLOB

# -- the log -----------------------------------------------------------------------------------------------------------

INVOCATIONS = _log("invocations", Invocation)
MUSIC_EVENTS = _log("music_events", MusicEvent)
COUNTED_COMMANDS = _log("counted_commands", CountedCommand)
SAMPLES = _log("samples", MetricSample)
HEALTH_CHECKS = _log("health_checks", HealthRecord)
LOG_TABLES: Mapping[type[Event], LogTable] = {
    Invocation: INVOCATIONS,
    MusicEvent: MUSIC_EVENTS,
    CountedCommand: COUNTED_COMMANDS,
    MetricSample: SAMPLES,
    HealthRecord: HEALTH_CHECKS,
}
"""In the order in which a transaction writes them."""

RUNS = _table(
    "runs",
    "id",
    id=_INTEGER,
    token=_INTEGER,
    instance=_TEXT,
    started_ms=_INTEGER,
    seen_ms=_INTEGER,
    ended_ms=_INTEGER,
    ending=_TEXT,
    last_seq=_INTEGER,
    rolled_up_seq=_INTEGER,
    recount_seq=_INTEGER,
)
LABELS = _table("labels", "text", text=_TEXT)
LABEL_TEXTS = _table("labels", "id", id=_INTEGER, text=_TEXT)
"""The same table, by its ids, which the database gives."""
GUILDS = _table("guilds", "guild_id", guild_id=_INTEGER, name=_TEXT)

# -- what is counted from it -------------------------------------------------------------------------------------------

ROLLUPS = _table(
    "rollups", "day", "scope", "name_id", day=_INTEGER, scope=_INTEGER, name_id=_INTEGER, n=_INTEGER, data=_BLOB
)
PEOPLE = _table(
    "people", "day", "guild_id", "user_id", day=_INTEGER, guild_id=_INTEGER, user_id=_INTEGER, hours=_INTEGER
)
GUILD_HOURLY = _table(
    "guild_hourly",
    "hour",
    "guild_id",
    **dict.fromkeys(("hour", "guild_id", "songs", "playtime_s", "skips", "pauses", "logged", "counted"), _INTEGER),
)
ROLLUP_TABLES = (ROLLUPS, PEOPLE, GUILD_HOURLY)

# -- what a host counted itself ----------------------------------------------------------------------------------------

HOST_DAYS = _table(
    "host_days",
    "source_id",
    "day",
    "guild_id",
    **dict.fromkeys(
        ("source_id", "day", "guild_id", "songs", "playtime_s", "skips", "pauses", "users", "commands"), _INTEGER
    ),
)

# -- the host's database -----------------------------------------------------------------------------------------------

HOST_SOURCES = _table(
    "host_sources",
    "source_id",
    source_id=_INTEGER,
    place=_TEXT,
    instance=_TEXT,
    started_ms=_INTEGER,
    last_seq=_INTEGER,
    read_id=_INTEGER,
    doubted_id=_INTEGER,
    doubted_seq=_INTEGER,
    samples=_TEXT,
    version=_INTEGER,
)
HOST_WAITING = _table("host_waiting", "source_id", "row_id", source_id=_INTEGER, row_id=_INTEGER, invocation=_TEXT)
HOST_MATCHES = _table(
    "host_matches",
    "source_id",
    "run_id",
    "seq",
    **dict.fromkeys(("source_id", "run_id", "seq", "ended_ms"), _INTEGER),
)
HOST_MIRRORED = _table(
    "host_mirrored",
    "source_id",
    "token",
    "is_observed",
    source_id=_INTEGER,
    token=_INTEGER,
    is_observed=_SMALL,
    upto_seq=_INTEGER,
)
HOST_INTENTS = _table(
    "host_intents",
    "source_id",
    source_id=_INTEGER,
    owner=_TEXT,
    made_ms=_INTEGER,
    token=_INTEGER,
    is_observed=_SMALL,
    after_seq=_INTEGER,
    upto_seq=_INTEGER,
    seqs=_TEXT,
    last_id=_INTEGER,
    stats_id=_INTEGER,
)
HOST_ROWS = _table(
    "host_rows", "source_id", "first_id", **dict.fromkeys(("source_id", "first_id", "last_id"), _INTEGER)
)
HOST_LEDGER = _table(
    "host_ledger",
    "source_id",
    "day",
    "guild_id",
    **dict.fromkeys(
        ("source_id", "day", "guild_id", "row_id", "songs", "playtime_s", "skips", "pauses", "users", "commands"),
        _INTEGER,
    ),
)
HOST_TABLES = (HOST_SOURCES, HOST_WAITING, HOST_MATCHES, HOST_MIRRORED, HOST_INTENTS, HOST_ROWS, HOST_LEDGER)

# -- what is remembered ------------------------------------------------------------------------------------------------

ALERTS = _record("alerts", Alert, "scope", "key")
ALERT_MESSAGES = _record("alert_messages", AlertMessage, "message_id")
ALERT_MUTES = _record("alert_mutes", Mute, "scope", "key")
GATEWAY_LOSSES = _record("gateway_losses", GatewayLoss, "instance", "shard_id", "began_ms", instance=_TEXT)
MARKS = _table("marks", "name", name=_TEXT, value=_TEXT)

ALL_TABLES: tuple[Table, ...] = (
    RUNS,
    LABELS,
    GUILDS,
    *LOG_TABLES.values(),
    *ROLLUP_TABLES,
    HOST_DAYS,
    *HOST_TABLES,
    ALERTS,
    ALERT_MESSAGES,
    ALERT_MUTES,
    GATEWAY_LOSSES,
    MARKS,
)
VIEWS = ("audit_logs", "bot_stats")
"""Read-only, in the shape that older bots know."""
