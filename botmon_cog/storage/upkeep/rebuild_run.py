"""A rebuild of many days, one transaction each, which remembers how far it came."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from botmon_cog.errors import StorageError
from botmon_cog.storage import queries
from botmon_cog.storage.reading import SqlReading
from botmon_cog.storage.script import Do, Script
from botmon_cog.storage.upkeep.examining import ODD_VALUES, checkable_days, date_of
from botmon_cog.storage.upkeep.rebuilding import COPYING, REBUILDING, first_whole_day, rebuild
from botmon_cog.storage.upkeep.undated import mend_undated

_ATTEMPTS = 10
_IN_THE_WAY = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATE: serialization failure, deadlock, lock not available."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What the mark says of an unfinished rebuild.

    Attributes:
        first: the first day that was asked for; None leaves that open.
        last: likewise.
        done: the last day that is rebuilt.
    """

    first: int | None
    last: int | None
    done: int


class RebuildRun:
    """Rebuilds the days from `first` to `last` (whole ones since 1970, None leaves that open).

    Attributes:
        days: those that are left, once planned.
        done_before: how many an earlier run did.
    """

    def __init__(self, storage: SqlReading, *, first: int | None, last: int | None) -> None:
        self._storage = storage
        self._first = first
        self._last = last
        self.days: Sequence[int] = ()
        self.done_before = 0

    async def plan(self, *, is_restart: bool) -> None:
        """Find the days; what an earlier run for the same days did is left out, unless all is to be done again.

        Raises:
            StorageError: the database is an unfinished copy, or can't be read.
        """
        if await self._storage.rows(queries.GET_MARK, {"name": COPYING}):
            raise StorageError("the database is an unfinished copy; finish that one first")
        found = await self._storage.look(checkable_days(self._storage))
        wanted = [
            day
            for day in found
            if (self._first is None or day >= self._first) and (self._last is None or day <= self._last)
        ]
        done = None if is_restart else await self._done()
        self.days = wanted if done is None else [day for day in wanted if day > done]
        self.done_before = len(wanted) - len(self.days)

    async def _done(self) -> int | None:
        rows = await self._storage.rows(queries.GET_MARK, {"name": REBUILDING})
        if not rows:
            return None
        try:
            mark = msgspec.json.decode(str(rows[0][0]), type=Progress)
        except (msgspec.MsgspecError, ValueError):
            return None
        return mark.done if (mark.first, mark.last) == (self._first, self._last) else None

    async def rebuild_day(self, day: int) -> None:
        """One day, and how far we are, in one transaction.

        Raises:
            StorageError: it was left as it was.
        """
        mark = Progress(first=self._first, last=self._last, done=day)
        try:
            await self._patiently(lambda: self._day(day, msgspec.json.encode(mark).decode()))
        except ODD_VALUES as error:
            raise StorageError(f"{date_of(day)} can't be computed: {error}") from error
        except StorageError as error:
            if isinstance(error.__cause__, ODD_VALUES):
                raise StorageError(f"{date_of(day)} can't be computed: {error}") from error
            raise

    async def _patiently(self, script: Callable[[], Script[None]]) -> None:
        """Run a script in a transaction, and once more where it and a bot were in each other's way."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._storage.transact(script())
            except StorageError as error:
                if getattr(error.__cause__, "sqlstate", None) not in _IN_THE_WAY:
                    raise
        return await self._storage.transact(script())

    def _day(self, day: int, mark: str) -> Script[None]:
        for statement in self._storage.dialect.lock:
            yield Do(statement, {})
        if day >= (yield from first_whole_day()):  # raw rows may have been removed meanwhile
            yield from rebuild(day, self._storage.dialect, is_naming=False)
        yield Do(queries.PUT_MARK, {"name": REBUILDING, "value": mark})

    async def finish(self) -> None:
        """What belongs to no day, and an end to the mark, in one transaction."""
        await self._patiently(self._finish)

    def _finish(self) -> Script[None]:
        yield from mend_undated(self._storage.dialect)
        yield Do(queries.DELETE_MARK, {"name": REBUILDING})
