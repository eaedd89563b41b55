"""The embedded engine: one SQLite file of ours, written over one connection and read over another."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from botmon_cog.clock import Clock, SystemClock
from botmon_cog.database_url import IN_MEMORY
from botmon_cog.errors import NotOursError, StorageError
from botmon_cog.store import script as scripts
from botmon_cog.store.schema import ALL_TABLES, VIEWS
from botmon_cog.store.script import Script, Session
from botmon_cog.store.sqlite.connection import Connection
from botmon_cog.store.sqlite.file import is_damage, set_aside
from botmon_cog.store.sqlite.place import GoneError, OtherPlaceError, Place, roll_back
from botmon_cog.store.sqlite.statements import performer

_log = logging.getLogger(__name__)

T = TypeVar("T")

_OURS = frozenset({table.name for table in ALL_TABLES} | set(VIEWS))
_SIZE = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
_TRIES = 3
"""With the file that was open, with the one after it, and once more if that is damaged."""


def _unknown() -> int | None:
    return None


class SqliteEngine:
    """See `Engine`.

    Args:
        path: of the file, or `:memory:`. Relative ones are looked up when it opens.
        application_id: of the bot whose store it is; None as long as it is not known.
        may_move: whether a file that belongs to another bot is left to it and one beside it is used.
        busy_timeout_s: for a lock that another process holds.
        is_healing: whether a new file is begun if this one turns out to be damaged, or is deleted while in use.
    """

    name = "sqlite"

    def __init__(
        self,
        path: str,
        *,
        application_id: Callable[[], int | None] = _unknown,
        may_move: bool = False,
        busy_timeout_s: float = 5.0,
        clock: Clock | None = None,
        is_healing: bool = True,
    ) -> None:
        self._place = Place(path, application_id, may_move=may_move, busy_timeout_s=busy_timeout_s)
        self._busy_timeout_s = busy_timeout_s
        self.trouble: str | None = None
        self._clock = clock or SystemClock()
        self._is_healing = is_healing and path != IN_MEMORY
        self._connections: tuple[Connection, Connection] | None = None
        self._opening: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None
        self.session = Session()

    @property
    def path(self) -> Path | str:
        """Of the file, or `:memory:`. It changes once if the file turns out to belong to another bot."""
        return self._place.path or IN_MEMORY

    @property
    def description(self) -> str:
        return str(self.path)

    def inspect(self) -> None:
        """Refuse what can't be a store, without opening it.

        Raises:
            NotOursError: it is somebody else's.
            SchemaTooNewError: a newer version of this package upgraded it.
            StorageError: it can't be read.
        """
        self._place.inspect()

    # -- opening and closing -------------------------------------------------------------------------------------------

    async def open(self) -> None:
        await self._open()

    async def _open(self) -> tuple[Connection, Connection]:
        """The connections for writing and for reading."""
        connections = self._connections
        if connections is None or self._place.must_be_claimed:
            async with self._alone():
                connections = await self._open_alone()
        return connections

    def _alone(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._opening is None or self._opening[0] is not loop:
            self._opening = loop, asyncio.Lock()
        return self._opening[1]

    async def _open_alone(self) -> tuple[Connection, Connection]:
        if self._connections is not None and self._place.must_be_claimed:
            try:
                await _guarded(self._connections[0].run(self._place.claim))
            except OtherPlaceError:
                await self.close()
        if self._connections is None:
            try:
                self._connections = await self._try_open()
            except StorageError as error:
                if not self._is_healed(error):
                    raise
                await self._set_aside(error)
                self._connections = await self._try_open()
        return self._connections

    async def _try_open(self) -> tuple[Connection, Connection]:
        place = self._place
        writer = Connection(place.connect_writer, "botmon-writer")
        try:
            await _guarded(writer.run(_nothing))
        except BaseException:
            await writer.close()
            raise
        self.session = Session()
        return writer, writer if place.path is None else Connection(place.connect_reader, "botmon-reader")

    async def close(self) -> None:
        connections, self._connections = self._connections, None
        if connections is not None:
            # One after the other: of two that close at once, neither would put the write-ahead log away.
            for connection in dict.fromkeys(reversed(connections)):
                await asyncio.shield(connection.close())

    # -- work ----------------------------------------------------------------------------------------------------------

    async def write(self, script: Script[T]) -> T:
        return await self._run(0, lambda db: self._transact(db, script, "BEGIN IMMEDIATE"))

    async def read(self, script: Script[T]) -> T:
        return await self._run(1, lambda db: self._transact(db, script, "BEGIN"))

    async def ping(self) -> int:
        return await self._run(0, _ping)

    def _transact(self, db: sqlite3.Connection, script: Script[T], begin: str) -> T:
        try:
            db.execute(begin)
            result = scripts.run(script, performer(db, self.session))
            db.execute("COMMIT")
        except BaseException:
            script.close()
            roll_back(db)
            raise
        return result

    async def _run(self, which: int, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, on the file that is at its place."""
        tries = _TRIES if self._is_healing else 1
        while True:
            tries -= 1
            connections = await self._open()
            try:
                return await _guarded(connections[which].run(work if not tries else self._checked(work)))
            except GoneError:
                await self._leave(connections)
            except StorageError as error:
                if self._is_healed(error):
                    async with self._alone():
                        await self._heal(connections, error)
                raise

    def _checked(self, work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
        """The same work, but not on a file that is not at its place any more."""

        def check_and_work(db: sqlite3.Connection) -> T:
            self._place.check()
            return work(db)

        return check_and_work

    async def _leave(self, connections: tuple[Connection, Connection]) -> None:
        """Let go of a file that is not at its place any more."""
        async with self._alone():
            if self._connections is not connections:
                return
            self.trouble = f"the database file was deleted or replaced while in use: {self.path}"
            _log.critical("%s was deleted or replaced while in use; what is there now is used, or a new one", self.path)
            await _guarded(connections[0].run(self._place.leave))
            await self.close()

    def _is_healed(self, error: StorageError) -> bool:
        """Whether the file is damaged, and to be set aside for that."""
        return self._is_healing and not isinstance(error, NotOursError) and is_damage(error.__cause__)

    async def _heal(self, connections: tuple[Connection, Connection], error: StorageError) -> None:
        if self._connections is connections:
            await self.close()
            await self._set_aside(error)

    async def _set_aside(self, error: StorageError) -> None:
        """Set the damaged file aside, so that a new one is begun.

        Raises:
            StorageError: it stays where it is.
        """
        path = Path(self.path)
        kept = await _once(lambda: set_aside(path, self._clock.now(), _OURS, self._place.open))
        if kept is not None:
            self.trouble = f"the database was damaged, a new one was begun: kept as {kept}"
            _log.critical("%s was damaged (%s); kept as %s, a new one is begun", path, error, kept)


async def _once(work: Callable[[], T]) -> T:
    """Await work on files in a thread that is gone afterwards; the host's own threads are not used."""
    nothing = Connection(lambda: sqlite3.connect(IN_MEMORY), "botmon-file")
    try:
        return await nothing.run(lambda _: work())
    finally:
        await nothing.close()


async def _guarded(work: Awaitable[T]) -> T:
    """Await database work; what SQLite raises becomes a `StorageError`."""
    try:
        return await work
    except (sqlite3.Error, OSError) as error:
        raise StorageError(str(error)) from error


def _ping(db: sqlite3.Connection) -> int:
    """The size in bytes, of a database that takes writes."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("ROLLBACK")
    return int(db.execute(_SIZE).fetchone()[0])


def _nothing(_: sqlite3.Connection) -> None:
    pass
