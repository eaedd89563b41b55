"""The history, page by page: what a message or a terminal shows at once."""

from __future__ import annotations

from botmon_cog.domain.models import HistoryEntry
from botmon_cog.history.reads import names, piece
from botmon_cog.history.values import PAGE_ROWS, Asked, Cursor, Page, RowKey
from botmon_cog.store.engine import Engine
from botmon_cog.store.labels import stored_id
from botmon_cog.store.records import moment
from botmon_cog.store.script import Script

LOOKED_AT_ONCE = 100_000
"""Rows that one look goes through at the most; others that read have their turn in between."""
LOOKS = 20
"""So many of them for a page; what is farther away takes another press."""


class Pages:
    """Reads pages. `MonitoringSystem.catch_up` comes first, where there is one.

    Every method raises StorageError if the database is away.
    """

    def __init__(self, engine: Engine, looked_at_once: int = LOOKED_AT_ONCE, looks: int | None = LOOKS) -> None:
        """`looks` None: as many as it takes."""
        self._engine = engine
        self._looked_at_once = looked_at_once
        self._looks = looks

    async def page(self, asked: Asked, cursor: Cursor | None = None, size: int = PAGE_ROWS) -> Page:
        """The newest page, or the one that a cursor leads to.

        A way to newer rows that ends at the newest ones leads to the newest page, which is full where it can be.
        """
        found, reached = await self._found(asked, cursor, size)
        if cursor is None or cursor.direction == "older":
            older = _last(found, size) or reached
            newer = None if cursor is None else RowKey.of(found[0]) if found else _before(cursor.key)
            return _page(found[:size], cursor, older, newer, reached)
        newer = _last(found, size) or reached
        if newer is None:
            return await self.page(asked, None, size)
        older = RowKey.of(found[0]) if found else _after(cursor.key)
        return _page(found[:size][::-1], cursor, older, newer, reached)

    async def names(self, guild_id: str | None) -> list[str]:
        """The commands and components that are on record of a server, or of the whole bot; the most used first."""
        return await self._engine.read(_names(guild_id))

    async def _found(self, asked: Asked, cursor: Cursor | None, size: int) -> tuple[list[HistoryEntry], RowKey | None]:
        """One row more than the page has where there is one; and how far all was looked at, if not all was."""
        wanted, found, looks = asked.filter, list[HistoryEntry](), 0
        direction = "older" if cursor is None else cursor.direction
        while True:
            got = await self._engine.read(piece(wanted, cursor, size + 1 - len(found), self._looked_at_once))
            found += got.entries
            looks += 1
            if got.reached is None or looks == self._looks:
                return found, got.reached
            cursor = Cursor(direction, got.reached)


def _names(guild_id: str | None) -> Script[list[str]]:
    scope = 0 if guild_id is None else (yield from stored_id(guild_id))
    return (yield from names(scope))


def _last(found: list[HistoryEntry], size: int) -> RowKey | None:
    """Of a page that more follow."""
    return RowKey.of(found[size - 1]) if len(found) > size else None


def _page(
    entries: list[HistoryEntry],
    cursor: Cursor | None,
    older: RowKey | None,
    newer: RowKey | None,
    reached: RowKey | None,
) -> Page:
    return Page(
        entries=tuple(entries),
        cursor=cursor,
        older=older,
        newer=newer,
        searched_until=None if reached is None else moment(reached.started_ms),
    )


def _before(key: RowKey) -> RowKey:
    """So that the row itself is among the newer ones."""
    return key._replace(seq=key.seq - 1)


def _after(key: RowKey) -> RowKey:
    return key._replace(seq=key.seq + 1)
