"""Rows of the log, a few thousand at a time, however many there are.

They are read day by day along the index over time, each piece from where the one before ended: nothing is read twice,
and no piece holds more than `PIECE` rows. Of one server, the roll-ups say on which days there is anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from botmon_cog.domain.rollup import MS_PER_DAY
from botmon_cog.store.counting import one_by_one
from botmon_cog.store.engine import Engine
from botmon_cog.store.history import BOUNDS, COLUMNS, HistoryFilter, Page, conditions_of, page_of
from botmon_cog.store.script import Query, Row, Script

PIECE = 5_000
"""Rows that are read at once."""

_DAYS_OF = f"{one_by_one('DISTINCT r.day', 'rollups')} AND r.scope = :scope ORDER BY 1"
_PIECE = f"SELECT {', '.join(COLUMNS)} FROM @invocations WHERE {{conditions}} {{beyond}} {{order}} LIMIT :limit"  # noqa: S608
_MS, _RUN, _SEQ = (COLUMNS.index(name) for name in ("started_ms", "run_id", "seq"))


class Order(NamedTuple):
    """In which order rows come."""

    beyond: str
    by: str
    is_reversed: bool


OLDEST_FIRST = Order(
    "AND (started_ms, run_id, seq) > (:key_ms, :key_run, :key_seq)", "ORDER BY started_ms, run_id, seq", False
)
NEWEST_FIRST = Order(
    "AND (started_ms, run_id, seq) < (:key_ms, :key_run, :key_seq)",
    "ORDER BY started_ms DESC, run_id DESC, seq DESC",
    True,
)


async def days_of(
    engine: Engine, wanted: HistoryFilter, order: Order = OLDEST_FIRST, *, is_counted: bool = True
) -> list[int]:
    """The days (UTC, since 1970) on which there may be such rows, in the order in which `rows_of` reads them.

    `is_counted`: whether the roll-ups count all of the log, so that they can tell the days.

    Raises:
        StorageError: the database can't be read.
    """
    days = await engine.read(_days(wanted, is_counted=is_counted))
    return days[::-1] if order.is_reversed else days


async def rows_of(engine: Engine, wanted: HistoryFilter, day: int, order: Order = OLDEST_FIRST) -> AsyncIterator[Page]:
    """Such rows of one day, in pieces of at most `PIECE`.

    Raises:
        StorageError: the database can't be read.
    """
    key: Row | None = None
    while True:
        page, key = await engine.read(_piece(wanted, day, key, order))
        if len(page):
            yield page
        if key is None:
            return


def _days(wanted: HistoryFilter, *, is_counted: bool) -> Script[list[int]]:
    ((oldest, newest),) = yield Query(BOUNDS)
    if oldest is None:
        return []
    _, values = yield from conditions_of(wanted)
    first = max(values["since"], oldest) // MS_PER_DAY
    last = min(values["until"] - 1, newest) // MS_PER_DAY
    if wanted.guild_id is None or first > last or not is_counted:
        return [*range(first, last + 1)]
    bounds = {"first_day": first, "last_day": last, "scope": values["guild_id"]}
    return [int(day) for (day,) in (yield Query(_DAYS_OF, bounds))]


def _piece(wanted: HistoryFilter, day: int, key: Row | None, order: Order) -> Script[tuple[Page, Row | None]]:
    """Some rows, and behind which the next piece begins; None: these are the last of the day."""
    conditions, values = yield from conditions_of(wanted)
    start = day * MS_PER_DAY
    values |= {"since": max(values["since"], start), "until": min(values["until"], start + MS_PER_DAY), "limit": PIECE}
    if key is not None:
        values |= {"key_ms": key[0], "key_run": key[1], "key_seq": key[2]}
        values |= {"until": key[0] + 1} if order.is_reversed else {"since": key[0]}  # else the index is read anew
    query = _PIECE.format(
        conditions=" AND ".join(conditions), beyond="" if key is None else order.beyond, order=order.by
    )
    rows: Any = yield Query(query, values)
    page = yield from page_of(rows)
    return page, (rows[-1][_MS], rows[-1][_RUN], rows[-1][_SEQ]) if len(rows) == PIECE else None
