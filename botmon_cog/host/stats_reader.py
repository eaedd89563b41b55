"""Reads the host's `bot_stats`: what it counted itself is what a row has, less what we added."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date
from functools import partial
from typing import Any, NamedTuple

from botmon_cog.clock import Clock
from botmon_cog.domain.taken import LONGEST_NAME
from botmon_cog.host.file import HostFile, Pause, fetch
from botmon_cog.host.problems import Problems
from botmon_cog.host.rows import is_no_guild
from botmon_cog.host.shape import BOT_STATS, Shape
from botmon_cog.store.host.days import DayRow, forget_days, take_days
from botmon_cog.store.host.sources import Source
from botmon_cog.store.store import Store

_CHUNK_ROWS = 500
_PAUSE_S = 0.02
_RECENT_DAYS = 3
_MOST_RECENT = 6_000
"""So many rows are remembered, to tell which of them have changed."""
_ALL_EVERY_S = 3600.0
_FORGET_AFTER_DAYS = 30
_LARGEST = 10**12
"""No count is larger: sums of such are still integers of the database."""
_FIRST_DAY = date(1970, 1, 1)
_COUNTS = ("songs_played", "total_playtime", "total_skips", "total_pauses", "unique_users", "commands_executed")


class _Chunk(NamedTuple):
    """Rows as they follow one upon the other.

    Attributes:
        last_id: of the last one, None if there is none.
        odd: how many can't be understood.
    """

    rows: Sequence[DayRow]
    last_id: int | None
    odd: int


class StatsReader:
    """Reads one table: all of it at first and once an hour, else the days that may still change."""

    def __init__(
        self, file: HostFile, store: Store, problems: Problems, clock: Clock, pause: Pause = asyncio.sleep
    ) -> None:
        self._file = file
        self._store = store
        self._problems = problems
        self._clock = clock
        self._pause = pause
        self._known: dict[int, DayRow] = {}
        self._recent_id = 0
        """No row of a recent day has a lower id."""
        self._read_all_at: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether all of it is to be read, whether or not the file has changed."""
        return self._read_all_at is None or self._clock.monotonic() - self._read_all_at >= _ALL_EVERY_S

    async def read(self, source: Source, shape: Shape) -> Source | None:
        """Read what may have changed; None if another process was quicker, or is adding to the table at the moment."""
        reads_all = self.is_due
        today = (self._clock.now().astimezone(UTC).date() - _FIRST_DAY).days
        query, after = _select(shape), -1 if reads_all else self._recent_id - 1
        first_day, recent_id, odd = today, None, 0
        while True:
            chunk = await self._file.read(partial(_read_chunk, query, after))
            if chunk.last_id is None:
                break
            taken = await self._take(source, [row for row in chunk.rows if self._known.get(row.row_id) != row])
            if taken is None:
                return None
            source, after, odd = taken, chunk.last_id, odd + chunk.odd
            recent = [row for row in chunk.rows if row.day > today - _RECENT_DAYS]
            self._remember(recent)
            recent_id = min((row.row_id for row in recent), default=None) if recent_id is None else recent_id
            first_day = min((row.day for row in chunk.rows), default=first_day) if reads_all else first_day
            if len(chunk.rows) + chunk.odd < _CHUNK_ROWS:
                break
            await self._pause(_PAUSE_S)
        if reads_all:
            self._recent_id = after + 1 if recent_id is None else recent_id
            self._read_all_at = self._clock.monotonic()
            await self._store.engine.write(forget_days(source.source_id, min(first_day, today - _FORGET_AFTER_DAYS)))
            self._problems.count(
                "odd days",
                odd,
                "row of bot_stats can't be understood and was skipped",
                "rows of bot_stats can't be understood and were skipped",
            )
        return source

    async def _take(self, source: Source, rows: Sequence[DayRow]) -> Source | None:
        if not rows:
            return source
        done = await self._store.engine.write(take_days(source, rows))
        if done is None:
            return None
        taken, session, found = done
        session.note(found)
        return taken

    def _remember(self, rows: Sequence[DayRow]) -> None:
        if len(self._known) + len(rows) > _MOST_RECENT:
            self._known.clear()
        self._known.update((row.row_id, row) for row in rows)


def _select(shape: Shape) -> str:
    columns = ", ".join(f"NULL AS {name}" if name in shape.missing else name for name in _COUNTS)
    return f"SELECT id, guild_id, date, {columns} FROM {BOT_STATS.name} WHERE id > ? ORDER BY id LIMIT {_CHUNK_ROWS}"  # noqa: S608 (names)


def _read_chunk(query: str, after: int, db: sqlite3.Connection) -> _Chunk:
    found = fetch(db, query, (after,))
    rows = [_row(*values) for values in found]
    understood = [row for row in rows if row is not None]
    return _Chunk(understood, found[-1][0] if found else None, len(rows) - len(understood))


def _row(row_id: int, guild_id: object, day: object, *counts: object) -> DayRow | None:
    """None if it can't be understood."""
    number = _day(day)
    if number is None or not isinstance(guild_id, str | int) or is_no_guild(guild_id):
        return None
    songs, playtime_s, skips, pauses, users, commands = map(_count, counts)
    return DayRow(row_id, number, str(guild_id)[:LONGEST_NAME], (songs, playtime_s, skips, pauses, users, commands))


def _day(value: object) -> int | None:
    try:
        found = date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if found is None or found < _FIRST_DAY else (found - _FIRST_DAY).days


def _count(value: Any) -> int:
    """0 for what is no number that counts anything."""
    return int(min(max(value, 0), _LARGEST)) if isinstance(value, int | float) else 0
