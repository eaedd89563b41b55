"""What is asked, in the SQL that both engines speak.

Values are bound by name, always; the functions below put in the rest, from the code. `{guild}` stands for one guild or
for all of them: an OR over a parameter would cost the index. `{source:table}` stands for the table within a run of
hours or days. Those of one guild are counted up and looked up one by one (`{with}`), because the keys of the roll-ups
begin with the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from botmon_cog.domain.models import FAULTS, Outcome
from botmon_cog.storage import tables

_OUTCOMES = [outcome.value for outcome in Outcome]
_FAULTS = ", ".join(f"'{outcome.value}'" for outcome in Outcome if outcome in FAULTS)
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

_SUMS = ", ".join(f"SUM({outcome})" for outcome in _OUTCOMES)
_COUNTS = ", ".join(f"COUNT(*) FILTER (WHERE outcome = '{outcome}')" for outcome in _OUTCOMES)
_BETWEEN = "timestamp >= :since AND timestamp < :until AND {guild}"

COMMAND_TOTALS = f"{{with}} SELECT command, SUM(n), {_SUMS} FROM {{source:command_hourly}} GROUP BY command"  # noqa: S608

COMMANDS_BETWEEN = f"""
SELECT action, COUNT(*), {_COUNTS} FROM audit_logs WHERE {_BETWEEN} AND action IS NOT NULL GROUP BY action
"""  # noqa: S608

HOURLY_TOTALS = """
{with} SELECT hour, SUM(n), SUM(error + late + unanswered) FROM {source:command_hourly} GROUP BY hour ORDER BY hour
"""

HOURS_BETWEEN = f"""
SELECT ({{epoch}} - :start_s) / 3600 AS position, COUNT(*), COUNT(*) FILTER (WHERE outcome IN ({_FAULTS}))
FROM audit_logs WHERE {_BETWEEN} AND action IS NOT NULL GROUP BY 1 ORDER BY 1
"""  # noqa: S608

LAST_USED = "SELECT command, MAX(last_hour) FROM command_seen WHERE {guild} GROUP BY command ORDER BY command"

FIRST_HOUR = "SELECT MIN(first_hour) FROM command_seen WHERE {guild}"

_SEEN = """
{with} SELECT %s FROM {source:active_users}
AND hours & CASE day WHEN :first_day THEN CAST(:first_mask AS INTEGER) ELSE 16777215 END
          & CASE day WHEN :last_day THEN CAST(:last_mask AS INTEGER) ELSE 16777215 END <> 0
"""
UNIQUE_USERS = _SEEN % "COUNT(DISTINCT user_id)"
USERS = _SEEN % "DISTINCT user_id"

USERS_BETWEEN = f"""
SELECT DISTINCT user_id FROM audit_logs WHERE {_BETWEEN} AND action IS NOT NULL AND user_id IS NOT NULL
"""  # noqa: S608

_MUSIC = "COALESCE(SUM(songs), 0), COALESCE(SUM(playtime_s), 0), COALESCE(SUM(skips), 0), COALESCE(SUM(pauses), 0)"

MUSIC_TOTALS = f"{{with}} SELECT {_MUSIC} FROM {{source:music_hourly}}"  # noqa: S608

# A day counts where its noon is in the period: of the hours of these counts nobody knows.
LEGACY_MUSIC = f"""
SELECT {_MUSIC} FROM legacy_stats WHERE day * 24 + 12 >= :first_hour AND day * 24 + 12 < :end_hour AND {{guild}}
"""  # noqa: S608

MUSIC_BETWEEN = f"SELECT type, duration_s FROM music_events WHERE {_BETWEEN}"  # noqa: S608

_METRICS = "AND metric >= :first_metric AND metric <= :last_metric"
_BUCKETS = "SELECT command, metric, bucket"
LATENCIES = {
    "hour": f"{_BUCKETS}, SUM(n) FROM {{source:latency_hourly}} {_METRICS} GROUP BY command, metric, bucket",
    "day": f"{{with}} {_BUCKETS}, n FROM {{source:latency_daily}} {_METRICS}",
}
"""Of all guilds by hour, of one by day; a bucket may come once per day: sorting all for `GROUP BY` takes longer."""

_OF_COMMAND = "AND command = :command AND metric = :metric"
LATENCIES_BY_DAY = {
    "hour": f"SELECT hour / 24 AS day, bucket, SUM(n) FROM {{source:latency_hourly}} {_OF_COMMAND} GROUP BY 1, bucket",  # noqa: S608
    "day": f"{{with}} SELECT day, bucket, SUM(n) FROM {{source:latency_daily}} {_OF_COMMAND} GROUP BY day, bucket",  # noqa: S608
}

OUTCOMES_BY_MINUTE = f"""
SELECT {{epoch}} / 60 AS minute, COUNT(*), COUNT(*) FILTER (WHERE outcome IN ({_FAULTS}))
FROM audit_logs WHERE {{guild}} AND timestamp >= :since AND outcome IS NOT NULL AND {{epoch}} IS NOT NULL
GROUP BY 1 ORDER BY 1
"""  # noqa: S608

HEALTH_HISTORY = """
SELECT timestamp, status, reason FROM health_checks
WHERE timestamp >= :since AND instance = :instance ORDER BY timestamp
"""

HEALTH_CHANGES = """
SELECT timestamp, status, reason FROM (
    SELECT timestamp, status, reason, LAG(status) OVER checks AS old_status, LAG(reason) OVER checks AS old_reason
    FROM health_checks WHERE instance = :instance AND timestamp >= COALESCE(
        (SELECT MAX(timestamp) FROM health_checks WHERE instance = :instance AND timestamp < :since), :since
    )
    WINDOW checks AS (ORDER BY timestamp, id)
) AS checked
WHERE timestamp >= :since
AND (old_status IS NULL OR old_status <> status OR COALESCE(old_reason, '') <> COALESCE(reason, ''))
ORDER BY timestamp
"""

LAST_TROUBLE = "SELECT MAX(timestamp) FROM health_checks WHERE instance = :instance AND status <> 'healthy'"

GUILD_NAME = "SELECT name FROM guild_names WHERE guild_id = :guild_id"

GUILDS = """
SELECT guild_id, SUM(commands_executed) FROM bot_stats WHERE guild_id IS NOT NULL AND commands_executed > 0
GROUP BY guild_id ORDER BY SUM(commands_executed) DESC, guild_id LIMIT :limit
"""

_ALERT_COLUMNS = ", ".join(tables.ALERTS.columns)
_ALERT_CHANGES = ", ".join(f"{column} = :{column}" for column in tables.ALERTS.columns if column != "version")
_SAME_ALERT = "WHERE scope = :scope AND key = :key AND version = :version"

ALERTS = f"SELECT {_ALERT_COLUMNS} FROM alerts WHERE scope IN (:instance, '') ORDER BY scope, key"  # noqa: S608

NEW_ALERT = tables.named_statement(tables.ALERTS, is_update=False)

CHANGE_ALERT = f"UPDATE alerts SET {_ALERT_CHANGES}, version = version + 1 {_SAME_ALERT}"  # noqa: S608

FORGET_ALERT = f"DELETE FROM alerts {_SAME_ALERT}"  # noqa: S608

MUTES = """
SELECT scope, key, until, by, made_at FROM alert_mutes
WHERE scope IN (:instance, '') AND until > :now ORDER BY scope, key
"""

PUT_MUTE = tables.named_statement(tables.ALERT_MUTES, is_update=True)

END_MUTE = "DELETE FROM alert_mutes WHERE scope = :scope AND key = :key"

_MESSAGES = f"SELECT {', '.join(tables.ALERT_MESSAGES.columns)} FROM alert_messages"  # noqa: S608
_CLAIMABLE = "state = 'due' AND (claimed_by IS NULL OR claimed_at < :claims_from)"

# What was sent while the database was away comes with its result, and may be there as due.
PUT_MESSAGE = f"""
{tables.named_statement(tables.ALERT_MESSAGES, is_update=True)}
WHERE alert_messages.state = 'due' AND excluded.state <> 'due'
"""

DUE_MESSAGES = f"{_MESSAGES} WHERE audience = :audience AND {_CLAIMABLE} ORDER BY made_at, message_id"

MESSAGE = f"{_MESSAGES} WHERE message_id = :message_id"

# PostgreSQL looks at the condition again once the process that was quicker has committed: one of them changes the row.
CLAIM_MESSAGE = f"""
UPDATE alert_messages SET is_repeat = is_repeat OR claimed_by IS NOT NULL, claimed_by = :by, claimed_at = :now,
       attempts = attempts + 1
WHERE message_id = :message_id AND {_CLAIMABLE}
"""  # noqa: S608

_FINISH = """
UPDATE alert_messages SET state = :state, result = :result, {more}
WHERE message_id = :message_id AND state = 'due' AND claimed_by = :by
"""
FINISH_MESSAGE = _FINISH.replace("{more}", "finished_at = :now")
GIVE_BACK_MESSAGE = _FINISH.replace("{more}", "claimed_by = NULL, claimed_at = NULL")

ALERT_HISTORY = f"{_MESSAGES} WHERE made_at >= :since ORDER BY made_at DESC, message_id DESC LIMIT :limit"

PUT_RUN = tables.named_statement(tables.RUNS, is_update=True)

RUNS = """
SELECT started_at, seen_at, ended_at, ending FROM runs
WHERE instance = :instance AND (seen_at >= :since OR started_at = (
    SELECT started_at FROM runs WHERE instance = :instance AND seen_at < :since ORDER BY seen_at DESC LIMIT 1
))
ORDER BY started_at
"""

PUT_GATEWAY_LOSS = tables.named_statement(tables.GATEWAY_LOSSES, is_update=True)

GATEWAY_LOSSES = """
SELECT shard_id, began_at, ended_at, share FROM gateway_losses
WHERE instance = :instance AND ended_at >= :since ORDER BY began_at, shard_id
"""

GET_MARK = "SELECT value FROM marks WHERE name = :name"

PUT_MARK = """
INSERT INTO marks (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""

DELETE_MARK = "DELETE FROM marks WHERE name = :name"


_MOST_COUNTED = 2_000
"""Hours or days: beyond, reading all of the time is cheaper than looking each of them up."""
_SOURCE = re.compile(r"\{source:(\w+)\}")


def scoped(query: str, guild_id: str | None) -> str:
    """The query for one guild, or for all of them where `guild_id` is None."""
    return query.replace("{guild}", "true" if guild_id is None else "guild_id = :guild_id")


def over_hours(query: str, guild_id: str | None, n: int) -> str:
    """The query over the `n` hours from `:first_hour` up to, not including, `:end_hour`."""
    return _over(query, guild_id, n, "hour", ":first_hour", ":end_hour - 1")


def over_days(query: str, guild_id: str | None, n: int) -> str:
    """The query over the `n` days from `:first_day` up to and including `:last_day`."""
    return _over(query, guild_id, n, "day", ":first_day", ":last_day")


def _over(query: str, guild_id: str | None, n: int, unit: str, first: str, last: str) -> str:
    table = _SOURCE.findall(query)[0]
    if guild_id is None or n > _MOST_COUNTED:
        counted = ""
        source = f"{table} WHERE {unit} >= {first} AND {unit} <= {last} AND {{guild}}"
    else:
        counted = (
            f"WITH RECURSIVE times ({unit}) AS (SELECT CAST({first} AS INTEGER) WHERE {first} <= {last} "  # noqa: S608
            f"UNION ALL SELECT {unit} + 1 FROM times WHERE {unit} < {last})"
        )
        # The bounds once more: PostgreSQL does not know how few times are counted, and would read all of a guild's.
        source = (
            f"times JOIN {table} USING ({unit}) "
            f"WHERE {table}.{unit} >= {first} AND {table}.{unit} <= {last} AND {{guild}}"
        )
    return scoped(_SOURCE.sub(source, query).replace("{with}", counted), guild_id)


def history(filters: Iterable[str]) -> str:
    """The history query with the named filters (keys of `HISTORY_FILTERS`)."""
    return HISTORY.replace("{filters}", " AND ".join(HISTORY_FILTERS[name] for name in filters) or "true")
