"""Rows of the log by their place in time, in bounded pieces.

An index over guild, command or person would double what it costs to append a row. So the roll-ups tell in which hours
there is something of a server, a command or an outcome, and only those are looked through, along the index over time.
Nothing tells that of a person: their rows are searched for, so many at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from botmon_cog.domain.models import HistoryEntry
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.rollup import COMMANDS, COMPONENTS, HOURS_PER_DAY, MS_PER_DAY, MS_PER_HOUR, WHOLE_BOT
from botmon_cog.history.values import Cursor, Direction, RowKey
from botmon_cog.store.counting import one_by_one
from botmon_cog.store.history import COLUMNS, HistoryFilter, conditions_of, entries_of
from botmon_cog.store.labels import texts_of
from botmon_cog.store.packed import parts_of
from botmon_cog.store.schema import INVOCATIONS, ROLLUPS
from botmon_cog.store.script import Lookup, Query, Row, Script

_WINDOW_MS = 8 * MS_PER_DAY
"""Whose roll-ups are read at once; most pages need no more."""
_OUTCOMES = tuple(Outcome)

_BOUNDS = "SELECT (SELECT MIN(started_ms) FROM @invocations), (SELECT MAX(started_ms) FROM @invocations)"
_BEHIND = "SELECT id, rolled_up_seq FROM @runs WHERE rolled_up_seq < last_seq"
_FIRST_BEHIND = "SELECT MIN(started_ms) FROM @invocations WHERE run_id = :run_id AND seq > :after"
_GROUPS = f"{one_by_one('r.day, r.data', 'rollups')} AND r.scope = :scope"
_NAMES = f"{one_by_one('r.name_id, SUM(r.n), MAX(r.day)', 'rollups')} AND r.scope = :scope GROUP BY r.name_id"

# The columns that conditions are about, and no others: the rest is read of the rows that are shown.
_LOOKED_AT = "run_id, seq, started_ms, is_own, guild_id, user_id, command_id, outcome, kind"
_STRETCH = "FROM @invocations WHERE started_ms >= :first AND started_ms < :end"
_OLDER = "ORDER BY started_ms DESC, run_id DESC, seq DESC"
_NEWER = "ORDER BY started_ms, run_id, seq"
_BEYOND: dict[Direction, str] = {
    "older": "AND started_ms <= :key_ms AND (started_ms, run_id, seq) < (:key_ms, :key_run, :key_seq)",
    "newer": "AND started_ms >= :key_ms AND (started_ms, run_id, seq) > (:key_ms, :key_run, :key_seq)",
}


class Stretch(NamedTuple):
    """From `first` up to but not including `end`, in ms since 1970."""

    first: int
    end: int


class Piece(NamedTuple):
    """What was found with one look."""

    entries: list[HistoryEntry]
    """In the order of the direction."""
    reached: RowKey | None
    """Up to there, and no farther, all rows were looked at; None: all there are, or enough were found."""


def piece(wanted: HistoryFilter, cursor: Cursor | None, limit: int, most_looked: int) -> Script[Piece]:
    """At most `limit` rows, for which at most `most_looked` are looked at.

    What is rolled up by now is found by the roll-ups; what is not yet, all the same.
    """
    direction: Direction = "older" if cursor is None else cursor.direction
    conditions, values = yield from conditions_of(wanted)
    beyond = ""
    if cursor is not None:
        beyond = _BEYOND[direction]
        values |= {"key_ms": cursor.key.started_ms, "key_run": cursor.key.run_id, "key_seq": cursor.key.seq}
    order = _OLDER if direction == "older" else _NEWER
    search = f"""
    SELECT run_id, seq FROM (SELECT {_LOOKED_AT} {_STRETCH} {beyond} {order} LIMIT :most) AS looked
    WHERE {" AND ".join(conditions)} LIMIT :limit
    """  # noqa: S608 (text of ours)
    count = f"SELECT COUNT(*) FROM (SELECT 1 {_STRETCH} {beyond} LIMIT :most) AS looked"  # noqa: S608
    last = f"SELECT started_ms, run_id, seq {_STRETCH} {beyond} {order} LIMIT 1 OFFSET :skipped"
    found: list[Row] = []
    left = most_looked
    for window in (yield from _windows(wanted, values, cursor)):
        for stretch in (yield from stretches_within(wanted, values, window, direction)):
            bounds: dict[str, Any] = values | stretch._asdict()
            found += yield Query(search, bounds | {"most": left, "limit": limit - len(found)})
            if len(found) >= limit:
                return Piece((yield from _entries(found)), None)
            ((n,),) = yield Query(count, bounds | {"most": left})
            if n >= left:
                (row,) = yield Query(last, bounds | {"skipped": left - 1})
                return Piece((yield from _entries(found)), RowKey(*row))
            left -= int(n)
    return Piece((yield from _entries(found)), None)


def _entries(found: Sequence[Row]) -> Script[list[HistoryEntry]]:
    """Of rows of (run_id, seq, ...), in their order."""
    keys = [tuple(row[:2]) for row in found]
    rows = {tuple(row[:2]): row for row in (yield Lookup(INVOCATIONS, keys, COLUMNS))}
    return (yield from entries_of([rows[key] for key in keys]))


# -- in which hours ----------------------------------------------------------------------------------------------------


def _windows(wanted: HistoryFilter, values: dict[str, Any], cursor: Cursor | None) -> Script[list[Stretch]]:
    """What lies beyond the cursor, in stretches whose roll-ups are read at once; first what comes first."""
    ((oldest, newest),) = yield Query(_BOUNDS)
    if oldest is None:
        return []
    first, end = max(values["since"], oldest), min(values["until"], newest + 1)
    is_older = cursor is None or cursor.direction == "older"
    if cursor is not None:
        key_ms = cursor.key.started_ms
        first, end = (first, min(end, key_ms + 1)) if is_older else (max(first, key_ms), end)
    if first >= end:
        return []
    if not _has_hours(wanted):
        return [Stretch(first, end)]
    starts = range(first // _WINDOW_MS * _WINDOW_MS, end, _WINDOW_MS)
    found = [Stretch(max(start, first), min(start + _WINDOW_MS, end)) for start in starts]
    return found[::-1] if is_older else found


def stretches_within(
    wanted: HistoryFilter, values: dict[str, Any], window: Stretch, direction: Direction = "older"
) -> Script[list[Stretch]]:
    """The parts of a window in which such rows are, in the direction. `values`: those of `conditions_of`."""
    if not _has_hours(wanted):
        return [window]
    hours = yield from _hours(wanted, values, window.first // MS_PER_HOUR, (window.end - 1) // MS_PER_HOUR)
    found = [
        Stretch(max(since * MS_PER_HOUR, window.first), min((until + 1) * MS_PER_HOUR, window.end))
        for since, until in _runs(hours)
    ]
    return found[::-1] if direction == "older" else found


def _has_hours(wanted: HistoryFilter) -> bool:
    """Whether the roll-ups know in which hours such rows are."""
    return wanted.guild_id is not None or wanted.command is not None or wanted.outcomes is not None


def _hours(wanted: HistoryFilter, values: dict[str, Any], first: int, last: int) -> Script[set[int]]:
    """Those from `first` to `last` that have rows of such a server, command and outcome."""
    query, of = _GROUPS, {"scope": WHOLE_BOT if wanted.guild_id is None else values["guild_id"]}
    if wanted.command is not None:
        query, of = f"{query} AND r.name_id = :name_id", of | {"name_id": values["command_id"]}
    cells = None if wanted.outcomes is None else {_OUTCOMES.index(outcome) for outcome in wanted.outcomes}
    days = {"first_day": first // HOURS_PER_DAY, "last_day": last // HOURS_PER_DAY}
    found: set[int] = set()
    for day, data in (yield Query(query, days | of)):
        found.update(day * HOURS_PER_DAY + hour for hour in _hours_of(bytes(data), cells))
    behind_ms = yield from _behind_since()
    if behind_ms is not None:
        found.update(range(max(behind_ms // MS_PER_HOUR, first), last + 1))
    return {hour for hour in found if first <= hour <= last}


def _hours_of(data: bytes, outcomes: set[int] | None) -> Iterator[int]:
    """The hours of the day of which a group counts rows that ended so."""
    parts = parts_of(data)
    for part in (COMMANDS, COMPONENTS):
        for cell in parts[part][::2] if part < len(parts) else ():
            outcome, hour = divmod(cell, HOURS_PER_DAY)
            if outcomes is None or outcome in outcomes:
                yield hour


def _behind_since() -> Script[int | None]:
    """When the earliest row began that is not rolled up yet, in ms; None: there is none."""
    found: list[int] = []
    for run_id, after in (yield Query(_BEHIND)):
        ((ms,),) = yield Query(_FIRST_BEHIND, {"run_id": run_id, "after": after})
        found += [] if ms is None else [ms]
    return min(found, default=None)


def _runs(hours: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(first, last) of hours that follow one another, oldest first."""
    first = last = None
    for hour in sorted(hours):
        if first is None or last is None:
            first = hour
        elif hour != last + 1:
            yield first, last
            first = hour
        last = hour
    if first is not None and last is not None:
        yield first, last


# -- names -------------------------------------------------------------------------------------------------------------


def names(scope: int) -> Script[list[str]]:
    """The commands and components that the log has of a server (0: of the whole bot), the most used first."""
    ((oldest, newest),) = yield Query(_BOUNDS)
    if oldest is None:
        return []
    days = {"first_day": oldest // MS_PER_DAY, "last_day": newest // MS_PER_DAY, "scope": scope}
    groups: list[tuple[int, int, int]] = [(name, int(n), day) for name, n, day in (yield Query(_NAMES, days))]
    # What never ran may be a component, a command that was always denied, or a measured operation, which is none.
    unclear = [(day, scope, name) for name, n, day in groups if not n]
    data = {name: bytes(packed) for name, packed in (yield Lookup(ROLLUPS, unclear, ("name_id", "data")))}
    invoked = [(n, name) for name, n, _ in groups if n or {*_hours_of(data[name], None)}]
    texts = yield from texts_of(name for _, name in invoked)
    return [text for _, text in sorted((-n, texts[name]) for n, name in invoked)]
