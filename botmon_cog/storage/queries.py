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

LAST_TROUBLE = "SELECT MAX(timestamp) FROM health_checks WHERE instance = :instance AND status <> 'healthy'"

GUILD_NAME = "SELECT name FROM guild_names WHERE guild_id = :guild_id"

GUILDS = """
SELECT guild_id, SUM(commands_executed) FROM bot_stats WHERE guild_id IS NOT NULL AND commands_executed > 0
GROUP BY guild_id ORDER BY SUM(commands_executed) DESC, guild_id LIMIT :limit
"""

GET_ALERT = "SELECT state, since, reason FROM alerts WHERE instance = :instance AND key = :key"

PUT_ALERT = """
INSERT INTO alerts (instance, key, state, since, reason) VALUES (:instance, :key, :state, :since, :reason)
ON CONFLICT (instance, key) DO UPDATE SET state = excluded.state, since = excluded.since, reason = excluded.reason
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
