"""Rows of the log by their place in time, in bounded pieces.

An index over guild, command or person would double what it costs to append a row. So the roll-ups tell in which hours
there is something of a server, a command or an outcome, and only those are looked through. Nothing tells that of a
person: their rows are searched for.

The index over time tells which numbers the rows of a stretch have in their runs, and they are then read in the order in
which they lie: several times as many in the same time as one by one along the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from botmon_cog.domain.models import HistoryEntry
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.rollup import COMMANDS, COMPONENTS, HOURS_PER_DAY, MS_PER_DAY, MS_PER_HOUR, WHOLE_BOT
from botmon_cog.history.values import Cursor, Direction, RowKey
from botmon_cog.store.counting import one_by_one
from botmon_cog.store.history import BOUNDS, COLUMNS, HistoryFilter, conditions_of, entries_of
from botmon_cog.store.labels import texts_of
from botmon_cog.store.packed import parts_of
from botmon_cog.store.schema import INVOCATIONS, ROLLUPS
from botmon_cog.store.script import Lookup, Query, Row, Script

_WINDOW_MS = 8 * MS_PER_DAY
"""Whose roll-ups are read at once; most pages need no more."""
_OUTCOMES = tuple(Outcome)

_BEHIND = "SELECT id, rolled_up_seq FROM @runs WHERE rolled_up_seq < last_seq"
_FIRST_BEHIND = "SELECT MIN(started_ms) FROM @invocations WHERE run_id = :run_id AND seq > :after"
_GROUPS = f"{one_by_one('r.day, r.data', 'rollups')} AND r.scope = :scope"
_NAMES = f"{one_by_one('r.name_id, SUM(r.n), MAX(r.day)', 'rollups')} AND r.scope = :scope GROUP BY r.name_id"

_WITHIN = "FROM @invocations WHERE started_ms >= :first AND started_ms < :end"
_EDGES: dict[Direction, str] = {
    "older": f"SELECT started_ms {_WITHIN} ORDER BY started_ms DESC LIMIT 1 OFFSET :skipped",
    "newer": f"SELECT started_ms {_WITHIN} ORDER BY started_ms LIMIT 1 OFFSET :skipped",
}
_RANGE = f"SELECT MIN(run_id), MAX(run_id), MIN(seq), MAX(seq), COUNT(*) {_WITHIN}"
_RANGES = f"SELECT run_id, MIN(seq), MAX(seq), COUNT(*) {_WITHIN} GROUP BY run_id"
# The sign keeps both engines from reading along the index over time.
OF_RANGE = "run_id = :run_id AND seq >= :first_seq AND seq <= :last_seq"
OF_STRETCH = "+started_ms >= :first AND +started_ms < :end"
"""Rows of a stretch are those of its `ranges` that began within it: the conditions, between which all others stand."""
_BEYOND: dict[Direction, str] = {
    "older": "(started_ms, run_id, seq) < (:key_ms, :key_run, :key_seq)",
    "newer": "(started_ms, run_id, seq) > (:key_ms, :key_run, :key_seq)",
}
_ORDERS: dict[Direction, str] = {
    "older": "started_ms DESC, run_id DESC, seq DESC",
    "newer": "started_ms, run_id, seq",
}
_FIRST_LOOK, _GROWTH = 500, 4
"""Rows: what is common is found at once, and what is rare is searched for in ever longer stretches."""
_LAST_RUN, _LAST_SEQ = (1 << 32) - 1, (1 << 63) - 1


class Stretch(NamedTuple):
    """From `first` up to but not including `end`, in ms since 1970."""

    first: int
    end: int


class Range(NamedTuple):
    """Among these numbers of one run are the rows of a stretch."""

    run_id: int
    first_seq: int
    last_seq: int
    n: int


class Piece(NamedTuple):
    """What was found with one look."""

    entries: list[HistoryEntry]
    """In the order of the direction."""
    reached: RowKey | None
    """Up to there, and no farther, all rows were looked at; None: all there are, or enough were found."""


def piece(wanted: HistoryFilter, cursor: Cursor | None, limit: int, most_looked: int) -> Script[Piece]:
    """At most `limit` rows, for which about `most_looked` are looked at.

    What is rolled up by now is found by the roll-ups; what is not yet, all the same.
    """
    direction: Direction = "older" if cursor is None else cursor.direction
    search, values = yield from _search(wanted, cursor, direction)
    found: list[Row] = []
    left, size = most_looked, _FIRST_LOOK
    for window in (yield from _windows(wanted, values, cursor)):
        for stretch in (yield from _stretches(wanted, values, window, direction)):
            rest = stretch
            while rest.first < rest.end:
                part, rest = yield from _cut(rest, direction, min(size, left))
                looked = yield from ranges(part)
                rows: list[Row] = []
                for range_ in looked:
                    bounds = values | part._asdict() | range_._asdict() | {"limit": limit - len(found)}
                    rows += yield Query(search, bounds)
                rows.sort(reverse=direction == "older")
                found += rows[: limit - len(found)]
                if len(found) >= limit:
                    return Piece((yield from _entries(found)), None)
                left -= sum(range_.n for range_ in looked)
                size *= _GROWTH
                if left <= 0:
                    return Piece((yield from _entries(found)), _end_of(part, direction))
    return Piece((yield from _entries(found)), None)


def ranges(stretch: Stretch) -> Script[list[Range]]:
    """Where the rows of a stretch lie."""
    ((first_run, last_run, first_seq, last_seq, n),) = yield Query(_RANGE, stretch._asdict())
    if first_run == last_run:  # so it is nearly always, and sorting by run costs most of the time
        return [Range(first_run, first_seq, last_seq, n)] if n else []
    return [Range(*row) for row in (yield Query(_RANGES, stretch._asdict()))]


def _search(wanted: HistoryFilter, cursor: Cursor | None, direction: Direction) -> Script[tuple[str, dict[str, Any]]]:
    """What finds the rows of a range: (started_ms, run_id, seq)."""
    conditions, values = yield from conditions_of(wanted)
    # In the order in which they are looked at: what few rows fulfil comes first. The stretches know of the time.
    others = [each for each in conditions if not each.startswith("started_ms")]
    conditions = [OF_RANGE, *reversed(others), OF_STRETCH]
    if cursor is not None:
        conditions.append(_BEYOND[direction])
        values |= {"key_ms": cursor.key.started_ms, "key_run": cursor.key.run_id, "key_seq": cursor.key.seq}
    where = " AND ".join(conditions)
    return (
        f"SELECT started_ms, run_id, seq FROM @invocations WHERE {where} ORDER BY {_ORDERS[direction]} LIMIT :limit",  # noqa: S608
        values,
    )


def _cut(stretch: Stretch, direction: Direction, size: int) -> Script[tuple[Stretch, Stretch]]:
    """The part that comes first in the direction, of about `size` rows, and the rest. No millisecond is divided."""
    edge = yield Query(_EDGES[direction], stretch._asdict() | {"skipped": size - 1})
    if not edge:
        return stretch, Stretch(stretch.end, stretch.end)
    at_ms = int(edge[0][0])
    if direction == "older":
        return Stretch(at_ms, stretch.end), Stretch(stretch.first, at_ms)
    return Stretch(stretch.first, at_ms + 1), Stretch(at_ms + 1, stretch.end)


def _end_of(part: Stretch, direction: Direction) -> RowKey:
    """Behind all of its rows."""
    return RowKey(part.first, 0, 0) if direction == "older" else RowKey(part.end - 1, _LAST_RUN, _LAST_SEQ)


def _entries(found: Sequence[Row]) -> Script[list[HistoryEntry]]:
    """Of rows of (started_ms, run_id, seq), in their order."""
    keys = [tuple(row[1:]) for row in found]
    rows = {tuple(row[:2]): row for row in (yield Lookup(INVOCATIONS, keys, COLUMNS))}
    return (yield from entries_of([rows[key] for key in keys]))


# -- in which hours ----------------------------------------------------------------------------------------------------


def _windows(wanted: HistoryFilter, values: dict[str, Any], cursor: Cursor | None) -> Script[list[Stretch]]:
    """What lies beyond the cursor, in stretches whose roll-ups are read at once; first what comes first."""
    ((oldest, newest),) = yield Query(BOUNDS)
    if oldest is None:
        return []
    first, end = max(values["since"], oldest), min(values["until"], newest + 1)
    is_older = cursor is None or cursor.direction == "older"
    if cursor is not None:
        key = cursor.key
        if is_older:
            end = min(end, key.started_ms + (key.run_id > 0))
        else:
            first = max(first, key.started_ms + (key.run_id == _LAST_RUN))
    if first >= end:
        return []
    if not _has_hours(wanted):
        return [Stretch(first, end)]
    starts = range(first // _WINDOW_MS * _WINDOW_MS, end, _WINDOW_MS)
    found = [Stretch(max(start, first), min(start + _WINDOW_MS, end)) for start in starts]
    return found[::-1] if is_older else found


def _stretches(
    wanted: HistoryFilter, values: dict[str, Any], window: Stretch, direction: Direction
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
    ((oldest, newest),) = yield Query(BOUNDS)
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
