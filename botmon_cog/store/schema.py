"""The tables of a store, the same on both engines.

A log table is what its event in `domain.models` declares: a column per field, in the order of the fields. The
migrations create them; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from botmon_cog.domain.alerts import Alert, AlertMessage, Mute
from botmon_cog.domain.models import (
    AnsweredElsewhere,
    AutocompleteCalls,
    BackgroundFailures,
    CountedCommand,
    ErrorGroup,
    ErrorMark,
    Event,
    GuildMembership,
    HealthRecord,
    Invocation,
    MetricPoint,
    MetricSample,
    MusicEvent,
)
from botmon_cog.domain.uptime import GatewayLoss
from botmon_cog.store.columns import LogTable, Table, Type, log_table, record_table, table_of

_INTEGER, _SMALL, _REAL, _TEXT, _BLOB = Type.INTEGER, Type.SMALL, Type.REAL, Type.TEXT, Type.BLOB

# -- the log -----------------------------------------------------------------------------------------------------------

INVOCATIONS = log_table("invocations", Invocation)
MUSIC_EVENTS = log_table("music_events", MusicEvent)
COUNTED_COMMANDS = log_table("counted_commands", CountedCommand)
SAMPLES = log_table("samples", MetricSample)
METRIC_POINTS = log_table("metric_points", MetricPoint)
HEALTH_CHECKS = log_table("health_checks", HealthRecord)
AUTOCOMPLETE_CALLS = log_table("autocomplete_calls", AutocompleteCalls)
BACKGROUND_FAILURES = log_table("background_failures", BackgroundFailures)
ERROR_GROUPS = log_table("error_groups", ErrorGroup, "fingerprint")
GUILD_MEMBERSHIPS = log_table("guild_memberships", GuildMembership)
ANSWERED_ELSEWHERE = log_table("answered_elsewhere", AnsweredElsewhere)
"""What is in it goes once it is decided. All other log tables only grow, but for what is too old."""
LOG_TABLES: Mapping[type[Event], LogTable] = {
    Invocation: INVOCATIONS,
    MusicEvent: MUSIC_EVENTS,
    CountedCommand: COUNTED_COMMANDS,
    MetricSample: SAMPLES,
    MetricPoint: METRIC_POINTS,
    HealthRecord: HEALTH_CHECKS,
    AutocompleteCalls: AUTOCOMPLETE_CALLS,
    BackgroundFailures: BACKGROUND_FAILURES,
    ErrorGroup: ERROR_GROUPS,
    GuildMembership: GUILD_MEMBERSHIPS,
    AnsweredElsewhere: ANSWERED_ELSEWHERE,
}
"""In the order in which a transaction writes them."""

RUNS = table_of(
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
    version=_TEXT,
    python_version=_TEXT,
    discord_version=_TEXT,
    botmon_version=_TEXT,
    servers=_TEXT,
    commands=_TEXT,
)
LABELS = table_of("labels", "text", text=_TEXT)
LABEL_TEXTS = table_of("labels", "id", id=_INTEGER, text=_TEXT)
"""The same table, by its ids, which the database gives."""
GUILDS = table_of("guilds", "guild_id", guild_id=_INTEGER, name=_TEXT)

# -- what is counted from it -------------------------------------------------------------------------------------------

ROLLUPS = table_of(
    "rollups", "day", "scope", "name_id", day=_INTEGER, scope=_INTEGER, name_id=_INTEGER, n=_INTEGER, data=_BLOB
)
PEOPLE = table_of(
    "people", "day", "guild_id", "user_id", day=_INTEGER, guild_id=_INTEGER, user_id=_INTEGER, hours=_INTEGER
)
GUILD_HOURLY = table_of(
    "guild_hourly",
    "hour",
    "guild_id",
    **dict.fromkeys(("hour", "guild_id", "songs", "playtime_s", "skips", "pauses", "logged", "counted"), _INTEGER),
)
SONG_TITLES = table_of(
    "song_titles", "day", "guild_id", "title", day=_INTEGER, guild_id=_INTEGER, title=_TEXT, n=_INTEGER
)
METRIC_DAYS = table_of(
    "metric_days",
    *("day", "name_id", "labels_id", "kind", "unit_id"),
    day=_INTEGER,
    name_id=_INTEGER,
    labels_id=_INTEGER,
    kind=_SMALL,
    unit_id=_INTEGER,
    data=_BLOB,
)
ROLLUP_TABLES = (ROLLUPS, PEOPLE, GUILD_HOURLY, SONG_TITLES, METRIC_DAYS)

# -- what a host counted itself ----------------------------------------------------------------------------------------

HOST_DAYS = table_of(
    "host_days",
    "source_id",
    "day",
    "guild_id",
    **dict.fromkeys(
        ("source_id", "day", "guild_id", "songs", "playtime_s", "skips", "pauses", "users", "commands"), _INTEGER
    ),
)

# -- the host's database -----------------------------------------------------------------------------------------------

HOST_SOURCES = table_of(
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
HOST_WAITING = table_of("host_waiting", "source_id", "row_id", source_id=_INTEGER, row_id=_INTEGER, invocation=_TEXT)
HOST_MATCHES = table_of(
    "host_matches",
    "source_id",
    "run_id",
    "seq",
    **dict.fromkeys(("source_id", "run_id", "seq", "ended_ms"), _INTEGER),
)
HOST_MIRRORED = table_of(
    "host_mirrored",
    "source_id",
    "token",
    "is_observed",
    source_id=_INTEGER,
    token=_INTEGER,
    is_observed=_SMALL,
    upto_seq=_INTEGER,
)
HOST_INTENTS = table_of(
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
HOST_ROWS = table_of(
    "host_rows", "source_id", "first_id", **dict.fromkeys(("source_id", "first_id", "last_id"), _INTEGER)
)
HOST_LEDGER = table_of(
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

ALERTS = record_table("alerts", Alert, "scope", "key")
ALERT_MESSAGES = record_table("alert_messages", AlertMessage, "message_id")
ALERT_MUTES = record_table("alert_mutes", Mute, "scope", "key")
ERROR_MARKS = record_table("error_marks", ErrorMark, "fingerprint")
GATEWAY_LOSSES = record_table("gateway_losses", GatewayLoss, "instance", "shard_id", "began_ms", instance=_TEXT)
MARKS = table_of("marks", "name", name=_TEXT, value=_TEXT)
SETTINGS = table_of("settings", "scope", scope=_INTEGER, data=_TEXT, by=_TEXT, changed_ms=_INTEGER)
POSTS = table_of(
    "posts",
    "kind",
    "scope",
    "due_ms",
    kind=_TEXT,
    scope=_INTEGER,
    due_ms=_INTEGER,
    state=_TEXT,
    claimed_by=_TEXT,
    claimed_ms=_INTEGER,
    attempts=_INTEGER,
    result=_TEXT,
)
DEPARTURES = table_of("departures", "guild_id", guild_id=_INTEGER, left_ms=_INTEGER, purged_ms=_INTEGER)
ERASURES = table_of("erasures", "user_id", **dict.fromkeys(("user_id", "before_ms", "passes_left", "due_ms"), _INTEGER))
UNRECORDED = table_of("unrecorded", "user_id", user_id=_INTEGER, since_ms=_INTEGER)

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
    ERROR_MARKS,
    GATEWAY_LOSSES,
    MARKS,
    SETTINGS,
    POSTS,
    DEPARTURES,
    ERASURES,
    UNRECORDED,
)
VIEWS = ("audit_logs", "bot_stats")
"""Read-only, in the shape that older bots know."""
