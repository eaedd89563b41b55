"""The roll-ups computed again from the raw rows, a day (UTC) at a time, and held against what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botmon_cog.domain.models import MetricSample, MusicEvent, MusicEventType, Outcome
from botmon_cog.domain.rollup import HOURS_PER_DAY, Rollup, day_of, hour_of, iso_date, start_of_day
from botmon_cog.storage import queries, tables
from botmon_cog.storage.rows import Row, bot_stats_rows, rollup_rows
from botmon_cog.storage.script import Ask, Do, Put, Script
from botmon_cog.storage.tables import Table

RAW_SINCE = "raw_since"
"""The mark that says from which moment on no raw row was removed, as ISO text."""
COPYING = "copy"
"""The mark of a database that is an unfinished copy: the fingerprint of the other one."""
REBUILDING = "rebuild"
"""The mark of an unfinished rebuild: how far it came."""

_SLICE = timedelta(minutes=10)
_BETWEEN = "timestamp >= :since AND timestamp < :until"
_COMMANDS = f"""
SELECT guild_id, action, outcome, user_id, guild_name, duration, response_s, gateway_delay_s FROM audit_logs
WHERE {_BETWEEN} AND action IS NOT NULL ORDER BY timestamp, id
"""  # noqa: S608 (names from the code)
_MUSIC = f"SELECT guild_id, type, duration_s FROM music_events WHERE {_BETWEEN}"  # noqa: S608
_METRICS = f"SELECT guild_id, name, value, unit, success FROM custom_metrics WHERE {_BETWEEN}"  # noqa: S608
_DAYS_OF_RAW = " UNION ".join(
    f"SELECT {{epoch}} / 86400 AS day FROM {table.name}"  # noqa: S608
    for table in (tables.AUDIT_LOGS, tables.MUSIC_EVENTS, tables.CUSTOM_METRICS)
)
_DAYS_OF_ROLLUPS = " UNION ".join(
    f"SELECT {'hour / 24' if table.ends == 'hour' else 'day'} AS day FROM {table.name}"  # noqa: S608
    for table in tables.ROLLUP_TABLES
    if table.ends in {"hour", "day"}
)
_DAYS = f"SELECT day FROM ({_DAYS_OF_RAW} UNION {_DAYS_OF_ROLLUPS}) AS found WHERE day >= :first ORDER BY day"  # noqa: S608
_DAYS_OF_STATS = "SELECT DISTINCT date FROM bot_stats WHERE guild_id <> '' AND date LIKE '____-__-__'"
_LEGACY = """
SELECT guild_id, songs, playtime_s, skips, pauses, commands, users FROM legacy_stats
WHERE day = :day AND guild_id <> ''
"""
_NO_STATS = (
    f"UPDATE bot_stats SET {', '.join(f'{column} = 0' for column in tables.BOT_STATS.merges)} "  # noqa: S608
    "WHERE date = :date AND guild_id <> ''"  # rows of no guild are none of ours
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a script needs to know of the engine that runs it.

    Attributes:
        epoch: SQL, whole seconds since 1970 of `timestamp`; NULL where that is no date.
        moment: how a moment is bound.
        lock: the statements that keep writers away until the transaction ends.
    """

    epoch: str
    moment: Callable[[datetime], Any]
    lock: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row of a roll-up that is not what the raw rows say.

    Attributes:
        stored: None where the row is missing.
        counted: None where the row should not be there.
    """

    table: str
    key: Row
    stored: Row | None
    counted: Row | None


def days_with_all_rows(dialect: Dialect, first: int = 0) -> Script[list[int]]:
    """The days (whole ones since 1970) from `first` on that hold anything and of which no raw row was removed."""
    first = max(first, (yield from first_whole_day()))
    rows = yield Ask(_DAYS.replace("{epoch}", dialect.epoch), {"first": first})
    return [int(day) for (day,) in rows]


def days_of_stats() -> Script[list[int]]:
    """The days that `bot_stats` has rows of, whether or not there is anything else of them."""
    rows = yield Ask(_DAYS_OF_STATS, {})
    found: list[int] = []
    for (date,) in rows:
        with suppress(ValueError):  # an old row's date may be anything
            found.append((datetime.fromisoformat(date).date() - start_of_day(0).date()).days)
    return sorted(found)


def first_whole_day() -> Script[int]:
    """The first day since 1970 of which no raw row was removed; 0 where none was at all."""
    found = yield Ask(queries.GET_MARK, {"name": RAW_SINCE})
    if not found:
        return 0
    return day_of(datetime.fromisoformat(found[0][0]) + timedelta(days=1) - timedelta.resolution)


def counted(day: int, dialect: Dialect) -> Script[Rollup]:
    """The roll-up of a day's raw rows."""
    rollup = Rollup()
    for since in _slices(day):
        bound = {"since": dialect.moment(since), "until": dialect.moment(since + _SLICE)}
        hour = hour_of(since)
        for guild_id, command, outcome, user_id, name, *times_s in (yield Ask(_COMMANDS, bound)):
            known = None if outcome is None else Outcome(outcome)
            measured = (_number(times_s[0]), _number(times_s[1]), _number(times_s[2]))
            rollup.add_invocation(hour, guild_id or "", command, known, user_id, name, measured)
        for guild_id, kind, duration_s in (yield Ask(_MUSIC, bound)):
            rollup.add(
                MusicEvent(
                    event_id="",
                    type=MusicEventType(kind),
                    occurred_at=since,
                    guild_id=guild_id,
                    duration_s=duration_s,
                )
            )
        for guild_id, name, value, unit, success in (yield Ask(_METRICS, bound)):
            rollup.add(
                MetricSample(
                    event_id="",
                    name=name,
                    occurred_at=since,
                    value=value,
                    unit=unit,
                    success=bool(success),
                    guild_id=guild_id,
                )
            )
    return rollup


def differences(day: int, dialect: Dialect) -> Script[list[Difference]]:
    """Where a day's roll-ups are not what its raw rows say. Reads only."""
    should = _keyed((yield from _all_rows(day, (yield from counted(day, dialect)))))
    found: list[Difference] = []
    for table, expected in should.items():
        stored = _keyed({table: (yield Ask(*_stored(table, day)))})[table]
        found += [
            Difference(table=table.name, key=key, stored=stored.get(key), counted=expected.get(key))
            for key in sorted(stored.keys() | expected.keys())
            if stored.get(key) != expected.get(key)
        ]
    return found


def rebuild(day: int, dialect: Dialect, *, is_naming: bool = True) -> Script[None]:
    """Replace a day's roll-ups by what its raw rows say.

    `is_naming`: whether the guilds get the names that they had on that day, as is right where later days follow.
    """
    for statement in dialect.lock:
        yield Do(statement, {})
    rollup = yield from counted(day, dialect)
    for table in tables.ROLLUP_TABLES:
        if table.ends in {"hour", "day"}:
            inside, bound = _of_day(table, day)
            yield Do(f"DELETE FROM {table.name} WHERE {inside}", bound)  # noqa: S608 (names from the code)
    yield Do(_NO_STATS, {"date": iso_date(day)})
    rows = rollup_rows(rollup) | (yield from _all_rows(day, rollup))
    for table in tables.ROLLUP_TABLES:
        if rows[table] and (is_naming or table is not tables.GUILDS):
            yield Put(table, rows[table])


def rebuild_all(dialect: Dialect) -> Script[None]:
    """Replace all roll-ups of which no raw row was removed."""
    for day in (yield from days_with_all_rows(dialect)):
        yield from rebuild(day, dialect)


def _slices(day: int) -> list[datetime]:
    start = start_of_day(day)
    return [start + n * _SLICE for n in range(timedelta(days=1) // _SLICE)]


def _number(value: object) -> float | None:
    """A measurement; old rows may hold anything in its place."""
    return float(value) if isinstance(value, int | float) else None


def _all_rows(day: int, rollup: Rollup) -> Script[dict[Table, list[Row]]]:
    """The rows of those tables that belong to a day, `bot_stats` with what it held before us."""
    rows = {table: found for table, found in rollup_rows(rollup).items() if table.ends is not None}
    totals: dict[str, list[int]] = {}
    for guild_id, *counts in (yield Ask(_LEGACY, {"day": day})):
        totals[guild_id] = [int(count) for count in counts]
    for guild_id, _, *counts in bot_stats_rows(rollup, [(day, guild_id) for _, guild_id, _ in rollup.users]):
        before = totals.get(guild_id, [0] * len(counts))
        totals[guild_id] = [a + b for a, b in zip(before, counts, strict=True)]
    date = iso_date(day)
    rows[tables.BOT_STATS] = [(guild_id, date, *counts) for guild_id, counts in sorted(totals.items()) if any(counts)]
    return rows


def _stored(table: Table, day: int) -> tuple[str, Mapping[str, Any]]:
    if table is tables.BOT_STATS:
        columns = ", ".join(f"COALESCE({column}, 0)" for column in table.merges)
        inside = f"date = :date AND guild_id <> '' AND ({' OR '.join(f'{column} <> 0' for column in table.merges)})"
        return f"SELECT guild_id, date, {columns} FROM bot_stats WHERE {inside}", {"date": iso_date(day)}  # noqa: S608
    inside, bound = _of_day(table, day)
    return f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {inside}", bound  # noqa: S608


def _of_day(table: Table, day: int) -> tuple[str, Mapping[str, Any]]:
    if table.ends == "hour":
        first = day * HOURS_PER_DAY
        return "hour >= :first AND hour < :end", {"first": first, "end": first + HOURS_PER_DAY}
    return "day = :day", {"day": day}


def _keyed(rows: Mapping[Table, list[Row]]) -> dict[Table, dict[Row, Row]]:
    return {
        table: {tuple(row[: len(table.key)]): tuple(int(n) for n in row[len(table.key) :]) for row in found}
        for table, found in rows.items()
    }
