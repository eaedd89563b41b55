"""Takes people and servers out of the rows that we mirrored into a host's `audit_logs`. Its own rows are its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Literal

from botmon_cog.host.file import HostFile, Pause, fetch
from botmon_cog.store.engine import Engine
from botmon_cog.store.host.erasing import forget_samples, ranges_of

Column = Literal["user_id", "guild_id"]

_SPAN = 5_000
"""Ids that are looked through while the host can't write."""
_PAUSE_S = 0.02

_FIND = "SELECT id FROM audit_logs WHERE id >= ? AND id <= ? AND {column} IN ({marks})"
_ANONYMOUS = """
UPDATE audit_logs SET user_id = '', username = NULL, parameters = NULL, error_message = NULL,
    details = 'Command: ' || command || ' | Success: ' || CASE WHEN success THEN 'True' ELSE 'False' END
WHERE id = ?
"""
_REMOVED = "DELETE FROM audit_logs WHERE id = ?"


async def erase_mirrored(
    file: HostFile, engine: Engine, source_id: int, column: Column, ids: Sequence[str], pause: Pause
) -> int:
    """Empty people's rows, and remove those of servers; returns how many.

    A row that told of somebody tells of nobody then, and is still counted by the host's own queries.

    Raises:
        sqlite3.Error, OSError, BusyError, GoneError: as `HostFile`.
        StorageError: the store is away.
    """
    changed = 0
    for first, last in await engine.read(ranges_of(source_id)):
        for start in range(first, last + 1, _SPAN):
            upto = min(start + _SPAN - 1, last)
            found = await file.read(partial(_find, column, ids, start, upto))
            if found:
                # Before, so that the table is never taken for another one because of what changes here.
                await engine.write(forget_samples(source_id, found))
                await file.write(partial(_change, column, found))
                changed += len(found)
            await pause(_PAUSE_S)
    return changed


async def count_mirrored(file: HostFile, engine: Engine, source_id: int, column: Column, ids: Sequence[str]) -> int:
    """How many rows `erase_mirrored` would change. Raises as it does; changes nothing."""
    n = 0
    for first, last in await engine.read(ranges_of(source_id)):
        n += len(await file.peek(partial(_find, column, ids, first, last)))
    return n


def _find(column: Column, ids: Sequence[str], first: int, last: int, db: sqlite3.Connection) -> list[int]:
    query = _FIND.format(column=column, marks=", ".join("?" * len(ids)))
    return [row_id for (row_id,) in fetch(db, query, (first, last, *ids))]


def _change(column: Column, row_ids: Sequence[int], db: sqlite3.Connection) -> None:
    statement = _ANONYMOUS if column == "user_id" else _REMOVED
    db.execute("PRAGMA secure_delete = ON")  # what was there is overwritten, not only let go of
    for row_id in row_ids:
        db.execute(statement, (row_id,))
