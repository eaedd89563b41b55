"""When to clean up, and at which moment ages are taken: so that a wrong clock makes nothing old."""

from __future__ import annotations

from typing import NamedTuple

from botmon_cog.domain.rollup import MS_PER_DAY, MS_PER_HOUR
from botmon_cog.store.schema import LOG_TABLES, MARKS
from botmon_cog.store.script import Execute, Query, Script
from botmon_cog.store.sql import insert_statement

CLEANED_AT = "cleaned_at"
"""The mark that says when the last clean-up began. As all marks here, in milliseconds since 1970."""
PATIENCE_MS = 36 * MS_PER_HOUR
"""For how long the clock has to say that a lot of time has passed."""

_AS_OF, _DOUBTED, _DOUBTED_AT = "cleaned_as_of", "doubted_as_of", "doubted_at"
_LARGEST_STEP_MS = 2 * MS_PER_DAY
"""From one clean-up to the next: what is more is a lot of time."""
_PUNCTUAL = 0.9
"""Of the interval: a clean-up that is this late is due, for no timer is exact."""

_MARKS = "SELECT name, value FROM @marks WHERE name IN (:as_of, :doubted, :doubted_at)"
_PUT_MARK = insert_statement(MARKS, "VALUES (:name, :value)", "replace")
_DROP_MARK = "DELETE FROM @marks WHERE name = :name"
_CLAIM_MARK = f"{_PUT_MARK} WHERE ABS(CAST(stored.value AS BIGINT) - :now) >= :interval"
_NEWEST = " UNION ALL ".join(
    f"SELECT MAX({table.moment}) FROM @{table.name} WHERE {table.moment} <= :now"  # noqa: S608 (names from the code)
    for table in LOG_TABLES.values()
)


class Ages(NamedTuple):
    """The moment at which ages are taken, and the one that the clock names if it is not believed yet.

    Attributes:
        as_of_ms: None until a clean-up has believed the clock for the first time: nothing is old.
        doubted_ms: the moment that a clean-up would have taken.
        doubted_at_ms: when that was, by the same clock.
    """

    as_of_ms: int | None
    doubted_ms: int | None = None
    doubted_at_ms: int | None = None

    def next(self, now_ms: int, newest_ms: int | None) -> Ages:
        """Those of the next clean-up. `newest_ms`: of the newest row of the log that is not of the future.

        No row is older than the newest one allows. If more than two days seem to have passed since the last clean-up,
        the clock is believed once it has said so for `PATIENCE_MS`.
        """
        if newest_ms is None:
            return self
        found_ms, last_ms = min(now_ms, newest_ms), self.as_of_ms
        if _follows(found_ms, last_ms):
            return Ages(found_ms)
        if self.doubted_ms is not None and self.doubted_at_ms is not None:
            waited_ms = now_ms - self.doubted_at_ms
            if 0 <= waited_ms < PATIENCE_MS:
                return self
            if waited_ms > 0:
                last_ms = min(found_ms, self.doubted_ms)
        return Ages(found_ms) if _follows(found_ms, last_ms) else Ages(last_ms, found_ms, now_ms)


def _follows(found_ms: int, last_ms: int | None) -> bool:
    return last_ms is not None and found_ms - last_ms <= _LARGEST_STEP_MS


def ages(now_ms: int) -> Script[Ages]:
    """The ages that a clean-up would take now."""
    rows = yield Query(_MARKS, {"as_of": _AS_OF, "doubted": _DOUBTED, "doubted_at": _DOUBTED_AT})
    marks = {name: int(value) for name, value in rows}
    before = Ages(marks.get(_AS_OF), marks.get(_DOUBTED), marks.get(_DOUBTED_AT))
    newest = [ms for (ms,) in (yield Query(_NEWEST, {"now": now_ms})) if ms is not None]
    return before.next(now_ms, max(newest, default=None))


def take_ages(now_ms: int) -> Script[Ages]:
    """The same, for a clean-up that follows; the next one is held against it."""
    taken: Ages = yield from ages(now_ms)
    for name, ms in zip((_AS_OF, _DOUBTED, _DOUBTED_AT), taken, strict=True):
        values = {"name": name}
        yield Execute(_DROP_MARK, values) if ms is None else Execute(_PUT_MARK, values | {"value": str(ms)})
    return taken


def claim(now_ms: int, interval_s: float) -> Script[bool]:
    """Whether a clean-up is due, and ours to do: of several processes, one is told so.

    One that was done in the future was done by a wrong clock, and counts for nothing.
    """
    interval_ms = int(interval_s * 1000 * _PUNCTUAL)
    values = {"name": CLEANED_AT, "value": str(now_ms), "now": now_ms, "interval": interval_ms}
    return (yield Execute(_CLAIM_MARK, values)) == 1
