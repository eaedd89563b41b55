"""The SQL of the SQLite engine. Values are bound, always; only column lists are put together here.

A batch arrives as one JSON array per table and is read by SQLite itself, so that a writer thread gives up the GIL once
per statement and not once per row. The roll-ups are then computed from the rows that this transaction inserted: what
was recorded before (the same event id) is neither stored nor counted again, and the same statements, run over the
whole table, build the roll-ups of an old database.
"""

from __future__ import annotations

import msgspec

from botmon_cog.domain.models import HealthRecord, Invocation, MetricSample, MusicEvent, Outcome


def _field(struct: type[msgspec.Struct], name: str) -> str:
    """A field of the array-like struct that stands in `value`."""
    return f"json_extract(value, '$[{struct.__struct_fields__.index(name)}]')"


def _insert(
    table: str, struct: type[msgspec.Struct], renamed: dict[str, str], extra: dict[str, str], kept: str = "true"
) -> str:
    """`INSERT` of a JSON array of array-like structs, one row each, skipping event ids that are there already."""
    columns = {renamed.get(name, name): _field(struct, name) for name in struct.__struct_fields__}
    columns["timestamp"] = f"strftime('%Y-%m-%d %H:%M:%f', {columns['timestamp']})"
    columns |= extra | {"instance": ":instance"}
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "  # noqa: S608 (names from the code)
        f"FROM json_each(:rows) WHERE {kept} ON CONFLICT (event_id) DO NOTHING"
    )


# JSON has no NaN and no infinity: both arrive as NULL. A measurement without a value is none, and a song lasted 0 s.
INSERT: dict[type[msgspec.Struct], str] = {
    Invocation: _insert(
        "audit_logs",
        Invocation,
        {"command": "action", "started_at": "timestamp", "duration_s": "duration"},
        {"success": f"{_field(Invocation, 'outcome')} = '{Outcome.OK}'"},
    ),
    MusicEvent: _insert(
        "music_events",
        MusicEvent,
        {"occurred_at": "timestamp"},
        {"duration_s": f"COALESCE({_field(MusicEvent, 'duration_s')}, 0)"},
    ),
    MetricSample: _insert(
        "custom_metrics",
        MetricSample,
        {"occurred_at": "timestamp"},
        {},
        kept=f"{_field(MetricSample, 'value')} IS NOT NULL",
    ),
    HealthRecord: _insert("health_checks", HealthRecord, {"occurred_at": "timestamp"}, {}),
}

LAST_ID: dict[type[msgspec.Struct], str] = {
    Invocation: "SELECT COALESCE(MAX(id), 0) FROM audit_logs",
    MusicEvent: "SELECT COALESCE(MAX(id), 0) FROM music_events",
}

_FRESH = """
WITH fresh AS (
    SELECT COALESCE(guild_id, '') AS guild_id, action AS command, user_id, outcome, duration, response_s,
           gateway_delay_s, CAST(strftime('%s', timestamp) AS INTEGER) / 3600 AS hour, date(timestamp) AS date
    FROM audit_logs
    WHERE id > :after AND action IS NOT NULL AND date(timestamp) IS NOT NULL
)
"""

_LATENCIES = """
    SELECT guild_id, hour, date, command, 'duration' AS metric, duration AS value FROM fresh
    UNION ALL SELECT guild_id, hour, date, command, 'response', response_s FROM fresh
    UNION ALL SELECT guild_id, hour, date, command, 'gateway', gateway_delay_s FROM fresh
"""

BUCKET = "CAST(ceil(ln(min(max(value, :smallest), :largest)) / :log_gamma) AS INTEGER)"

_OUTCOMES = [outcome.value for outcome in Outcome]

COMMAND_ROLLUPS: tuple[str, ...] = (
    f"""{_FRESH}
    INSERT INTO command_hourly (hour, guild_id, command, n, {", ".join(_OUTCOMES)})
    SELECT hour, guild_id, command, COUNT(*), {", ".join(f"COUNT(*) FILTER (WHERE outcome = '{o}')" for o in _OUTCOMES)}
    FROM fresh WHERE true GROUP BY hour, guild_id, command
    ON CONFLICT (hour, guild_id, command) DO UPDATE SET n = n + excluded.n,
    {", ".join(f"{o} = {o} + excluded.{o}" for o in _OUTCOMES)}
    """,  # noqa: S608 (names from the code)
    # Before active_users: a user is new to a day as long as that table does not hold them.
    f"""{_FRESH}
    INSERT INTO bot_stats (guild_id, date, commands_executed, unique_users)
    SELECT guild_id, date, SUM(n), SUM(is_new) FROM (
        SELECT guild_id, date, COUNT(*) AS n, user_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM active_users AS known
            WHERE known.guild_id = fresh.guild_id AND known.date = fresh.date AND known.user_id = fresh.user_id
        ) AS is_new
        FROM fresh WHERE guild_id <> '' GROUP BY guild_id, date, user_id
    ) WHERE true GROUP BY guild_id, date
    ON CONFLICT (guild_id, date) DO UPDATE SET
        commands_executed = COALESCE(commands_executed, 0) + excluded.commands_executed,
        unique_users = COALESCE(unique_users, 0) + excluded.unique_users
    """,  # noqa: S608
    # Distinct powers of two add up to their bitwise OR.
    f"""{_FRESH}
    INSERT INTO active_users (date, guild_id, user_id, hours)
    SELECT date, guild_id, user_id, SUM(DISTINCT 1 << (hour % 24))
    FROM fresh WHERE user_id IS NOT NULL GROUP BY date, guild_id, user_id
    ON CONFLICT (date, guild_id, user_id) DO UPDATE SET hours = hours | excluded.hours
    """,  # noqa: S608
    f"""{_FRESH}
    INSERT INTO latency_hourly (hour, command, metric, bucket, n)
    SELECT hour, command, metric, {BUCKET} AS bucket, COUNT(*)
    FROM ({_LATENCIES}) WHERE typeof(value) IN ('real', 'integer') GROUP BY hour, command, metric, bucket
    ON CONFLICT (hour, command, metric, bucket) DO UPDATE SET n = n + excluded.n
    """,  # noqa: S608
    f"""{_FRESH}
    INSERT INTO latency_daily (date, guild_id, command, metric, bucket, n)
    SELECT date, guild_id, command, metric, {BUCKET} AS bucket, COUNT(*)
    FROM ({_LATENCIES}) WHERE typeof(value) IN ('real', 'integer') GROUP BY date, guild_id, command, metric, bucket
    ON CONFLICT (date, guild_id, command, metric, bucket) DO UPDATE SET n = n + excluded.n
    """,  # noqa: S608
)

# Each song is rounded by itself, so that the sum does not depend on what was written together.
MUSIC_ROLLUP = """
INSERT INTO bot_stats (guild_id, date, total_songs_played, total_playtime, total_skips, total_pauses)
SELECT guild_id, date(timestamp), COUNT(*) FILTER (WHERE type = 'song_played'),
       SUM(CAST(ROUND(min(max(duration_s, 0), :largest)) AS INTEGER)), COUNT(*) FILTER (WHERE type = 'skip'),
       COUNT(*) FILTER (WHERE type = 'pause')
FROM music_events WHERE id > :after GROUP BY guild_id, date(timestamp)
ON CONFLICT (guild_id, date) DO UPDATE SET
    total_songs_played = COALESCE(total_songs_played, 0) + excluded.total_songs_played,
    total_playtime = COALESCE(total_playtime, 0) + excluded.total_playtime,
    total_skips = COALESCE(total_skips, 0) + excluded.total_skips,
    total_pauses = COALESCE(total_pauses, 0) + excluded.total_pauses
"""

HISTORY = """
SELECT id, timestamp, action, kind, outcome, success, duration, response_s, gateway_delay_s, guild_id, guild_name,
       channel_id, user_id, username, shard_id, instance, parameters, details, error_type, error_message
FROM audit_logs WHERE {filters} ORDER BY timestamp DESC, id DESC LIMIT :limit OFFSET :offset
"""

HISTORY_FILTERS: dict[str, str] = {
    "guild_id": "guild_id = :guild_id",
    "user_id": "user_id = :user_id",
    "command": "action = :command",
    "success": "success = :success",
    "since": "timestamp >= :since",
    "until": "timestamp < :until",
}

# In the queries below {guild} stands for one guild or for all of them: an OR over a parameter would cost the index.
# Days are listed and not bounded, so that a guild's are found one by one in a key that begins with the date.

COMMAND_TOTALS = f"""
SELECT command, SUM(n), {", ".join(f"SUM({o})" for o in _OUTCOMES)} FROM command_hourly
WHERE {{guild}} AND hour >= :first_hour AND hour < :end_hour
GROUP BY command ORDER BY SUM(n) DESC, command
"""  # noqa: S608 (names from the code)

HOURLY_TOTALS = """
SELECT hour, SUM(n), SUM(error + late + unanswered) FROM command_hourly
WHERE {guild} AND hour >= :first_hour AND hour < :end_hour
GROUP BY hour ORDER BY hour
"""

LAST_USED = "SELECT command, MAX(hour) FROM command_hourly WHERE {guild} GROUP BY command ORDER BY command"

UNIQUE_USERS = """
SELECT COUNT(DISTINCT user_id) FROM active_users
WHERE date IN (SELECT value FROM json_each(:dates)) AND {guild}
  AND hours & CASE date WHEN :first_date THEN :first_mask ELSE -1 END
            & CASE date WHEN :last_date THEN :last_mask ELSE -1 END
"""

MUSIC_TOTALS = """
SELECT COALESCE(SUM(total_songs_played), 0), COALESCE(SUM(total_playtime), 0), COALESCE(SUM(total_skips), 0),
       COALESCE(SUM(total_pauses), 0)
FROM bot_stats WHERE {guild} AND date IN (SELECT value FROM json_each(:dates))
"""

LATENCY_OF_ALL = """
SELECT command, metric, bucket, SUM(n) FROM latency_hourly
WHERE hour >= :first_hour AND hour < :end_hour GROUP BY command, metric, bucket
"""

LATENCY_OF_GUILD = """
SELECT command, metric, bucket, SUM(n) FROM latency_daily
WHERE date IN (SELECT value FROM json_each(:dates)) AND guild_id = :guild_id GROUP BY command, metric, bucket
"""

LATENCY_BY_DAY_OF_ALL = """
SELECT date(hour * 3600, 'unixepoch') AS date, bucket, SUM(n) FROM latency_hourly
WHERE hour >= :first_hour AND hour < :end_hour AND command = :command AND metric = :metric GROUP BY date, bucket
"""

LATENCY_BY_DAY_OF_GUILD = """
SELECT date, bucket, SUM(n) FROM latency_daily
WHERE date IN (SELECT value FROM json_each(:dates)) AND guild_id = :guild_id AND command = :command AND metric = :metric
GROUP BY date, bucket
"""

METRIC_VALUES = """
SELECT name, unit, value, success FROM custom_metrics
WHERE timestamp >= :since AND timestamp < :until AND {guild} ORDER BY id DESC LIMIT :limit
"""

OUTCOMES_BY_MINUTE = """
SELECT CAST(strftime('%s', timestamp) AS INTEGER) / 60 AS minute, COUNT(*),
       COUNT(*) FILTER (WHERE outcome IN ('error', 'late', 'unanswered'))
FROM audit_logs WHERE {guild} AND timestamp >= :since AND outcome IS NOT NULL GROUP BY minute ORDER BY minute
"""

HEALTH_HISTORY = """
SELECT timestamp, status, reason FROM health_checks
WHERE timestamp >= :since AND instance = :instance ORDER BY timestamp
"""

LAST_TROUBLE = "SELECT MAX(timestamp) FROM health_checks WHERE instance = :instance AND status <> 'healthy'"

GUILD_NAME = """
SELECT guild_name FROM audit_logs
WHERE guild_id = :guild_id AND guild_name IS NOT NULL ORDER BY timestamp DESC LIMIT 1
"""

GUILDS = """
SELECT guild_id, SUM(n) FROM command_hourly WHERE guild_id <> '' GROUP BY guild_id ORDER BY SUM(n) DESC LIMIT :limit
"""

FIRST_HOUR = "SELECT MIN(hour) FROM command_hourly WHERE {guild}"

GET_ALERT = "SELECT state, since, reason FROM alerts WHERE instance = :instance AND key = :key"

PUT_ALERT = """
INSERT INTO alerts (instance, key, state, since, reason) VALUES (:instance, :key, :state, :since, :reason)
ON CONFLICT (instance, key) DO UPDATE SET state = excluded.state, since = excluded.since, reason = excluded.reason
"""

SIZE_BYTES = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"


def scoped(query: str, guild_id: str | None) -> str:
    """The query for one guild, or for all of them where `guild_id` is None."""
    return query.replace("{guild}", "true" if guild_id is None else "guild_id = :guild_id")


def history(filters: list[str]) -> str:
    """The history query with the named filters (keys of `HISTORY_FILTERS`)."""
    return HISTORY.replace("{filters}", " AND ".join(HISTORY_FILTERS[name] for name in filters) or "true")
