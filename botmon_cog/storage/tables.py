"""The tables that both engines have, and the statements that follow from their columns.

Raw rows are written once: an event id that is there already is skipped. Roll-ups are rows that add up: what is
written to a key that is there already is merged into it, whoever writes what in which order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache

from botmon_cog.domain.models import HealthRecord, Invocation, MetricSample, MusicEvent, Outcome


class Type(Enum):
    """What a column holds; each engine has its own word for it."""

    INTEGER = "integer"
    REAL = "real"
    TEXT = "text"
    BOOLEAN = "boolean"
    MOMENT = "moment"


class Merge(Enum):
    """What becomes of a value whose key is there already."""

    ADD = "COALESCE({old}, 0) + {new}"
    UNITE = "{old} | {new}"
    EARLIEST = "CASE WHEN {new} < {old} THEN {new} ELSE {old} END"
    LATEST = "CASE WHEN {new} > {old} THEN {new} ELSE {old} END"
    REPLACE = "{new}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """One table.

    Attributes:
        columns: those that are written, in the order of the rows.
        key: those that identify a row.
        merges: how the others are merged; empty for raw tables, whose rows never change.
        ends: what holds its rows' age, `hour`, `day`, `date` or a moment; None where rows have none.
    """

    name: str
    columns: Mapping[str, Type]
    key: tuple[str, ...]
    merges: Mapping[str, Merge]
    ends: str | None


def _raw(name: str, /, **columns: Type) -> Table:
    return Table(
        name=name,
        columns={"event_id": Type.TEXT, "timestamp": Type.MOMENT, **columns, "instance": Type.TEXT},
        key=("event_id",),
        merges={},
        ends="timestamp",
    )


def _rollup(name: str, key: Mapping[str, Type], ends: str | None, **values: Merge) -> Table:
    columns = {**key, **dict.fromkeys(values, Type.INTEGER)}
    return Table(name=name, columns=columns, key=tuple(key), merges=values, ends=ends)


_INTEGER, _REAL, _TEXT, _BOOLEAN, _MOMENT = Type.INTEGER, Type.REAL, Type.TEXT, Type.BOOLEAN, Type.MOMENT

AUDIT_LOGS = _raw(
    "audit_logs",
    action=_TEXT,
    kind=_TEXT,
    outcome=_TEXT,
    success=_BOOLEAN,
    duration=_REAL,
    response_s=_REAL,
    gateway_delay_s=_REAL,
    guild_id=_TEXT,
    guild_name=_TEXT,
    channel_id=_TEXT,
    user_id=_TEXT,
    username=_TEXT,
    shard_id=_INTEGER,
    parameters=_TEXT,
    details=_TEXT,
    error_type=_TEXT,
    error_message=_TEXT,
)
MUSIC_EVENTS = _raw(
    "music_events", type=_TEXT, guild_id=_TEXT, user_id=_TEXT, duration_s=_REAL, shard_id=_INTEGER
)  # fmt: skip
CUSTOM_METRICS = _raw(
    "custom_metrics",
    name=_TEXT,
    value=_REAL,
    unit=_TEXT,
    success=_BOOLEAN,
    guild_id=_TEXT,
    user_id=_TEXT,
    shard_id=_INTEGER,
)
HEALTH_CHECKS = _raw(
    "health_checks",
    status=_TEXT,
    reason=_TEXT,
    rss_bytes=_INTEGER,
    cpu_percent=_REAL,
    database_s=_REAL,
    error_rate=_REAL,
)
RAW_TABLES: Mapping[type, Table] = {
    Invocation: AUDIT_LOGS,
    MusicEvent: MUSIC_EVENTS,
    MetricSample: CUSTOM_METRICS,
    HealthRecord: HEALTH_CHECKS,
}

COMMAND_HOURLY = _rollup(
    "command_hourly",
    {"hour": _INTEGER, "guild_id": _TEXT, "command": _TEXT},
    "hour",
    n=Merge.ADD,
    **dict.fromkeys([outcome.value for outcome in Outcome], Merge.ADD),
)
COMMAND_SEEN = _rollup(
    "command_seen",
    {"guild_id": _TEXT, "command": _TEXT},
    None,
    first_hour=Merge.EARLIEST,
    last_hour=Merge.LATEST,
)
ACTIVE_USERS = _rollup(
    "active_users", {"day": _INTEGER, "guild_id": _TEXT, "user_id": _TEXT}, "day", hours=Merge.UNITE
)  # fmt: skip
LATENCY_HOURLY = _rollup(
    "latency_hourly",
    {"hour": _INTEGER, "command": _TEXT, "metric": _INTEGER, "bucket": _INTEGER},
    "hour",
    n=Merge.ADD,
)
LATENCY_DAILY = _rollup(
    "latency_daily",
    {"day": _INTEGER, "guild_id": _TEXT, "command": _TEXT, "metric": _INTEGER, "bucket": _INTEGER},
    "day",
    n=Merge.ADD,
)
MUSIC_HOURLY = _rollup(
    "music_hourly",
    {"hour": _INTEGER, "guild_id": _TEXT},
    "hour",
    songs=Merge.ADD,
    playtime_s=Merge.ADD,
    skips=Merge.ADD,
    pauses=Merge.ADD,
)
BOT_STATS = _rollup(
    "bot_stats",
    {"guild_id": _TEXT, "date": _TEXT},
    "date",
    total_songs_played=Merge.ADD,
    total_playtime=Merge.ADD,
    total_skips=Merge.ADD,
    total_pauses=Merge.ADD,
    commands_executed=Merge.ADD,
    unique_users=Merge.ADD,
)
GUILDS = Table(
    name="guild_names",
    columns={"guild_id": _TEXT, "name": _TEXT},
    key=("guild_id",),
    merges={"name": Merge.REPLACE},
    ends=None,
)
LEGACY_STATS = Table(
    name="legacy_stats",
    columns={
        "day": _INTEGER,
        "guild_id": _TEXT,
        **dict.fromkeys(("songs", "playtime_s", "skips", "pauses", "commands", "users"), _INTEGER),
    },
    key=("day", "guild_id"),
    merges={},
    ends=None,
)
ALERTS = Table(
    name="alerts",
    columns={
        **dict.fromkeys(("scope", "key", "state", "severity", "reason", "remedy"), _TEXT),
        **dict.fromkeys(("since", "fired_at", "good_since", "ended_at"), _MOMENT),
        "relapses": _INTEGER,
        "told": _TEXT,
        "told_at": _MOMENT,
        "critical_since": _MOMENT,
        "held_back": _TEXT,
        "version": _INTEGER,
    },
    key=("scope", "key"),
    merges={},
    ends=None,
)
ALERT_MESSAGES = Table(
    name="alert_messages",
    columns={
        **dict.fromkeys(("message_id", "instance", "audience", "news"), _TEXT),
        "made_at": _MOMENT,
        "state": _TEXT,
        "claimed_by": _TEXT,
        "claimed_at": _MOMENT,
        "attempts": _INTEGER,
        "is_repeat": _BOOLEAN,
        "finished_at": _MOMENT,
        "result": _TEXT,
    },
    key=("message_id",),
    merges={},
    ends="made_at",
)
ALERT_MUTES = Table(
    name="alert_mutes",
    columns={"scope": _TEXT, "key": _TEXT, "until": _MOMENT, "by": _TEXT, "made_at": _MOMENT},
    key=("scope", "key"),
    merges={},
    ends="until",
)
RUNS = Table(
    name="runs",
    columns={
        "instance": _TEXT,
        **dict.fromkeys(("started_at", "seen_at", "ended_at"), _MOMENT),
        "ending": _TEXT,
    },
    key=("instance", "started_at"),
    merges={},
    ends="seen_at",
)
GATEWAY_LOSSES = Table(
    name="gateway_losses",
    columns={"instance": _TEXT, "shard_id": _INTEGER, "began_at": _MOMENT, "ended_at": _MOMENT, "share": _REAL},
    key=("instance", "shard_id", "began_at"),
    merges={},
    ends="ended_at",
)
MARKS = Table(name="marks", columns={"name": _TEXT, "value": _TEXT}, key=("name",), merges={}, ends=None)
ROLLUP_TABLES = (
    COMMAND_HOURLY,
    COMMAND_SEEN,
    ACTIVE_USERS,
    BOT_STATS,
    LATENCY_HOURLY,
    LATENCY_DAILY,
    MUSIC_HOURLY,
    GUILDS,
)
"""In the order in which a transaction writes them: the same for all, so that no two wait for each other."""


ALERT_TABLES = (ALERTS, ALERT_MESSAGES, ALERT_MUTES)
UPTIME_TABLES = (RUNS, GATEWAY_LOSSES)
ALL_TABLES = (*RAW_TABLES.values(), *ROLLUP_TABLES, LEGACY_STATS, *ALERT_TABLES, *UPTIME_TABLES, MARKS)


def insert_statement(table: Table, source: str) -> str:
    """`INSERT` of rows from `source` (a `VALUES` list or a `SELECT`), merging into what is there."""
    columns = ", ".join(table.columns)
    conflict = f"ON CONFLICT ({', '.join(table.key)}) DO"
    if not table.merges:
        return f"INSERT INTO {table.name} ({columns}) {source} {conflict} NOTHING"
    merged = {
        column: merge.value.format(old=f"{table.name}.{column}", new=f"excluded.{column}")
        for column, merge in table.merges.items()
    }
    changes = ", ".join(f"{column} = {value}" for column, value in merged.items())
    # What adds always changes; what does not change is not written, which spares the page that it is on.
    if Merge.ADD not in table.merges.values():
        differs = " OR ".join(f"{table.name}.{column} <> {value}" for column, value in merged.items())
        changes += f" WHERE {differs}"
    return f"INSERT INTO {table.name} ({columns}) {source} {conflict} UPDATE SET {changes}"


@cache
def named_statement(table: Table, *, is_update: bool) -> str:
    """`INSERT` of a row with `:name` for each column; `is_update` says whether it replaces what has its key."""
    columns = ", ".join(table.columns)
    values = ", ".join(f":{column}" for column in table.columns)
    replaced = ", ".join(f"{column} = excluded.{column}" for column in table.columns if column not in table.key)
    action = f"UPDATE SET {replaced}" if is_update else "NOTHING"
    return f"INSERT INTO {table.name} ({columns}) VALUES ({values}) ON CONFLICT ({', '.join(table.key)}) DO {action}"  # noqa: S608 (names from the code)


@cache
def values_statement(table: Table, n: int) -> str:
    """`insert_statement` of `n` rows with question marks."""
    row = f"({', '.join('?' * len(table.columns))})"
    return insert_statement(table, f"VALUES {', '.join([row] * n)}")
