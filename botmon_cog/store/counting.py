"""Reading the roll-ups of a period. Whatever is asked, `RollUps.catch_up` comes first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from botmon_cog.domain.reports import Period
from botmon_cog.domain.rollup import (
    COMMANDS,
    COMPLETIONS,
    COMPONENTS,
    EXECUTED_CELLS,
    HOURS_PER_DAY,
    WHOLE_BOT,
    hour_of,
)
from botmon_cog.store.conditions import IS_COMMAND, IS_COMPONENT
from botmon_cog.store.counted import Counted, DayOfName
from botmon_cog.store.hours import days_of, edges_of, is_whole, next_hour, whole_hours
from botmon_cog.store.labels import stored_id, texts_of
from botmon_cog.store.packed import parts_of
from botmon_cog.store.records import milliseconds
from botmon_cog.store.script import Query, Row, Script


def every(unit: str) -> str:
    """All days or hours from the first to the last."""
    return f"""
WITH RECURSIVE every ({unit}) AS (
    SELECT CAST(:first_{unit} AS BIGINT) WHERE :first_{unit} <= :last_{unit}
    UNION ALL SELECT {unit} + 1 FROM every WHERE {unit} < :last_{unit}
)
"""  # noqa: S608 (names from the code)


def one_by_one(what: str, table: str, unit: str = "day") -> str:
    """What rows of a table of days or hours hold; more conditions may follow.

    Days and hours are counted up and looked up one by one: the keys begin with them, and a range would read what all
    other guilds did. The bounds come once more, because PostgreSQL does not know how few are counted; SQLite takes a
    CROSS JOIN in the order in which it is written.
    """
    return f"""
{every(unit)} SELECT {what} FROM every CROSS JOIN @{table} AS r
WHERE r.{unit} = every.{unit} AND r.{unit} >= :first_{unit} AND r.{unit} <= :last_{unit}
"""  # noqa: S608 (names from the code)


GROUPS = f"{one_by_one('r.day, r.name_id, r.data', 'rollups')} AND r.scope = :scope"
# Two queries: asked for both ends at once, SQLite reads the whole table.
KNOWN_DAYS = "SELECT (SELECT MIN(day) FROM @rollups), (SELECT MAX(day) FROM @rollups)"

# Parts of hours, for periods of zones whose hours are not UTC's: from the log itself.
_WITHIN = "started_ms >= :since AND started_ms < :until"
BETWEEN = f"{_WITHIN} AND is_own = 0 AND {IS_COMMAND} {{guild}}"
"""Commands between two moments, as a condition on `invocations`."""
_COMMANDS_BETWEEN = f"SELECT command_id, outcome, COUNT(*) FROM @invocations WHERE {BETWEEN} GROUP BY 1, 2"  # noqa: S608
_COMPONENTS_BETWEEN = f"""
SELECT command_id, outcome, COUNT(*) FROM @invocations WHERE {_WITHIN} AND is_own = 0 AND {IS_COMPONENT} {{guild}}
GROUP BY 1, 2
"""  # noqa: S608 (codes)
_COMPLETIONS_BETWEEN = f"""
SELECT command_id, 0, SUM(n - failed) FROM @autocomplete_calls WHERE {_WITHIN} GROUP BY 1
UNION ALL SELECT command_id, 1, SUM(failed) FROM @autocomplete_calls WHERE {_WITHIN} GROUP BY 1
"""  # noqa: S608 (text of ours)
_HOURS_BETWEEN = f"""
SELECT (started_ms - :start) / 3600000 AS position, outcome, COUNT(*) FROM @invocations WHERE {BETWEEN} GROUP BY 1, 2
"""  # noqa: S608 (text of ours)


_BY_CELL = {COMMANDS: _COMMANDS_BETWEEN, COMPONENTS: _COMPONENTS_BETWEEN, COMPLETIONS: _COMPLETIONS_BETWEEN}


def counted(guild_id: str | None, period: Period) -> Script[Counted]:
    """All that is counted of a period."""
    scope = WHOLE_BOT if guild_id is None else (yield from stored_id(guild_id))
    first, end = whole_hours(period)
    touched = days_of(hour_of(period.start), next_hour(period.end)) if period.start < period.end else days_of(1, 0)
    rows = yield Query(GROUPS, {**touched, "scope": scope})
    days = [DayOfName(day, name_id, parts_of(bytes(data))) for day, name_id, data in rows]
    edges: dict[int, list[Row]] = {part: [] for part in _BY_CELL}
    for since, until in edges_of(period):
        for part, sql in _BY_CELL.items():
            if part != COMPLETIONS or guild_id is None:  # which are counted for the whole bot
                found = yield Query(*between(sql, guild_id, scope, since, until))
                edges[part] += [(name_id, cell, int(n)) for name_id, cell, n in found if n]
    odd_hours = yield from _odd_hours(guild_id, scope, period)
    names = {day.name_id for day in days} | {row[0] for of_part in edges.values() for row in of_part}
    return Counted(
        days=days,
        hours=range(first, end),
        edges=edges,
        odd_hours=odd_hours,
        has_whole_hours=is_whole(period.start),
        texts=(yield from texts_of(names)),
    )


def _odd_hours(guild_id: str | None, scope: int, period: Period) -> Script[dict[datetime, list[tuple[int, int]]]]:
    """(outcome, n) by the start of an hour that begins or ends at other minutes than ours."""
    found: dict[datetime, list[tuple[int, int]]] = {}
    stretches = edges_of(period) if is_whole(period.start) else [(period.start, period.end)]
    for since, until in stretches:  # clocks that change by half an hour make such an end
        sql, values = between(_HOURS_BETWEEN, guild_id, scope, since, until)
        for position, outcome, n in (yield Query(sql, {**values, "start": milliseconds(since)})):
            found.setdefault(since + timedelta(hours=int(position)), []).append((outcome, n))
    return found


def executed_hours(data: bytes) -> list[int]:
    """The hours of the day in which commands ran, by a group of the roll-ups."""
    return [cell % HOURS_PER_DAY for cell in _cells(data, COMMANDS) if cell in EXECUTED_CELLS]


def invoked_hours(data: bytes) -> list[int]:
    """The hours of the day of which there are invocations, components included."""
    return [cell % HOURS_PER_DAY for part in (COMMANDS, COMPONENTS) for cell in _cells(data, part)]


def _cells(data: bytes, part: int) -> list[int]:
    parts = parts_of(data)
    return [*parts[part][::2]] if part < len(parts) else []


def of_guild(query: str, guild_id: str | None) -> str:
    """The query with its `{guild}` filled in."""
    return query.replace("{guild}", "" if guild_id is None else "AND guild_id = :guild_id")


def between(
    query: str, guild_id: str | None, scope: int, since: datetime, until: datetime
) -> tuple[str, dict[str, Any]]:
    """A query over the log, with its values. `scope`: the guild as the tables have it."""
    values: dict[str, Any] = {"since": milliseconds(since), "until": milliseconds(until)}
    if guild_id is not None:
        values["guild_id"] = scope
    return of_guild(query, guild_id), values
