"""The embedded engine: one SQLite file, written by one thread and read by another."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botmon_cog.clock import Clock, SystemClock
from botmon_cog.database_url import IN_MEMORY
from botmon_cog.domain.models import Event
from botmon_cog.errors import StorageError
from botmon_cog.storage import script as scripts
from botmon_cog.storage.alerting import SqlAlerting
from botmon_cog.storage.engine import Bound, Query
from botmon_cog.storage.migrator import migrate, refuse_newer
from botmon_cog.storage.reading import SqlReading
from botmon_cog.storage.rows import Row
from botmon_cog.storage.script import Script
from botmon_cog.storage.sqlite.batch import moment_text, perform, store
from botmon_cog.storage.sqlite.connection import (
    BorrowedConnection,
    OwnConnection,
    ReplacedError,
    Runner,
    connect,
    use_wal,
)
from botmon_cog.storage.sqlite.damage import identity, is_damage, set_aside
from botmon_cog.storage.upkeep import maintained as upkeep
from botmon_cog.storage.upkeep.rebuilding import Dialect, rebuild_all
from botmon_cog.storage.uptime import SqlUptime

if TYPE_CHECKING:
    import aiosqlite

_log = logging.getLogger(__name__)

T = TypeVar("T")

_SIZE_BYTES = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"


class SqliteStorage(SqlReading, SqlAlerting, SqlUptime):
    """See `Storage`.

    Args:
        source: a file's path, `:memory:`, or a host's open `aiosqlite.Connection`. On such a connection's file we work
            beside it, with connections of our own that keep our transactions out of the host's; only where it has no
            file do we work through it.
        instance: the name of this process in what it writes.
        is_healing: whether a new file is begun where this one turns out to be damaged, or is deleted while in use.

    Attributes:
        trouble: what happened to the file since the start, for people: None where nothing did.
    """

    engine = "sqlite"

    def __init__(
        self,
        source: str | aiosqlite.Connection,
        *,
        instance: str,
        busy_timeout_s: float = 5.0,
        clock: Clock | None = None,
        is_healing: bool = True,
    ) -> None:
        self.description = source if isinstance(source, str) else "the host's connection"
        self.instance = instance
        self.trouble: str | None = None
        self._source = source
        self._clock = clock or SystemClock()
        self._busy_timeout_s = busy_timeout_s
        self._is_healing = is_healing
        self._connections: tuple[Runner, Runner] | None = None
        self._is_migrated = False

    async def open(self) -> None:
        if not self._is_migrated:
            await self._undamaged(self._try_open)

    async def _try_open(self) -> None:
        if self._connections is None:
            made = await self._connect()
            self._connections = self._connections or made  # another task may have been faster; unused ones hold nothing
        connections = self._connections
        await _guarded(connections[0].run(_upgrade))  # two at once run one after the other; the second does nothing
        # The reader opens the file now: later it might be another one, which no writer has looked at.
        await _guarded(connections[1].run(lambda db: db.execute("SELECT 1").close()))
        self._is_migrated = self._connections is connections

    async def _connect(self) -> tuple[Runner, Runner]:
        """The connections for writing and for reading: WAL lets a reader pass the writer."""
        if isinstance(self._source, str):
            path = self._source
        else:
            borrowed = BorrowedConnection(self._source)
            file = await _guarded(borrowed.file())
            if file is None:
                return borrowed, borrowed
            path = self.description = file
        if path == IN_MEMORY:
            only = OwnConnection(lambda: connect(path, self._busy_timeout_s))
            return only, only
        reader = OwnConnection(lambda: connect(path, self._busy_timeout_s), path)
        return OwnConnection(lambda: connect(path, self._busy_timeout_s), path, beside=reader), reader

    async def close(self) -> None:
        self._is_migrated = False
        connections, self._connections = self._connections, None
        closing = asyncio.gather(*(connection.close() for connection in dict.fromkeys(reversed(connections or ()))))
        await _guarded(asyncio.shield(closing))  # whoever stops waiting does not stop the closing

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run something on the connection for writing."""
        return await self._on(0, work)

    async def rows(self, query: str, bound: Bound) -> Sequence[Row]:
        return await self._on(1, lambda db: db.execute(query, bound).fetchall())

    async def execute(self, statement: str, bound: Bound) -> int:
        return await self._write(lambda db: db.execute(statement, bound).rowcount)

    async def transact(self, script: Script[T]) -> T:
        return await self._write(lambda db: _transact(db, script))

    async def look(self, script: Script[T]) -> T:
        return await self._on(1, lambda db: _look(db, script))

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Query, None]:
        await self._on(1, _begin_looking)
        try:
            yield self.rows
        finally:
            with suppress(StorageError):  # nothing was written; a connection that is gone has forgotten it all
                await self._on(1, lambda db: db.execute("ROLLBACK"))

    async def _on(self, which: int, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._undamaged(lambda: self._try_on(which, work))
        except ReplacedError as error:
            if not self._is_healing:
                raise
            self.trouble = f"the database file was deleted or replaced while in use: {self.description}"
            _log.error("%s", error)
            await self.close()
            return await self._undamaged(lambda: self._try_on(which, work))

    async def _try_on(self, which: int, work: Callable[[sqlite3.Connection], T]) -> T:
        if not self._is_migrated:
            await self._try_open()
        if self._connections is None:
            raise StorageError("the storage was closed meanwhile")
        return await _guarded(self._connections[which].run(work))

    async def _undamaged(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try; where the file turns out to be damaged, set it aside, begin a new one, and try again."""
        try:
            return await attempt()
        except StorageError as error:
            if not self._is_healing or self.description == IN_MEMORY or not is_damage(error.__cause__):
                raise
        await self.close()
        damaged = identity(self.description)
        try:
            return await attempt()  # another process may have set it aside
        except StorageError as error:
            if not is_damage(error.__cause__):
                raise
            await self.close()
            kept = set_aside(self.description, damaged, self._clock.now())
            if kept is not None:
                self.trouble = f"the database was damaged, a new one was begun: kept as {kept}"
                _log.critical(
                    "%s was damaged (%s); it was kept as %s and a new one is begun", self.description, error, kept
                )
        return await attempt()

    async def write(self, events: Sequence[Event]) -> None:
        await self._write(lambda db: store(db, events, self.instance))

    async def ping(self) -> int:
        def work(db: sqlite3.Connection) -> int:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
            return int(db.execute(_SIZE_BYTES).fetchone()[0])

        return await self._write(work)

    @property
    def dialect(self) -> Dialect:
        return DIALECT

    @property
    def upkeep(self) -> upkeep.Upkeep:
        return upkeep.SQLITE

    def when(self, found: Any) -> datetime:
        """What names no zone is UTC."""
        moment = datetime.fromisoformat(str(found))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _guarded(work: Awaitable[T]) -> T:
    """Await database work; what SQLite raises becomes a `StorageError`."""
    try:
        return await work
    except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:  # the last two: a value that can't be bound
        raise StorageError(str(error)) from error


def sqlite_moment(when: datetime) -> str:
    """Whole seconds without a fraction, as in old rows, because the shorter text is the lesser."""
    return moment_text(when).removesuffix(".000")


DIALECT = Dialect(epoch="CAST(strftime('%s', timestamp) AS INTEGER)", moment=sqlite_moment)


def _upgrade(db: sqlite3.Connection) -> None:
    refuse_newer(db)
    use_wal(db)
    migrate(db, roll_up)


def roll_up(db: sqlite3.Connection) -> None:
    """Compute the roll-ups from all raw rows, within the transaction that is open."""
    scripts.run(rebuild_all(DIALECT), lambda step: perform(db, step))


def _transact(db: sqlite3.Connection, script: Script[T]) -> T:
    db.execute("BEGIN IMMEDIATE")
    try:
        result = scripts.run(script, lambda step: perform(db, step))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return result


def _begin_looking(db: sqlite3.Connection) -> None:
    db.execute("BEGIN")
    db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # what is seen is settled by the first look


def _look(db: sqlite3.Connection, script: Script[T]) -> T:
    db.execute("BEGIN")
    try:
        return scripts.run(script, lambda step: perform(db, step))
    finally:
        db.execute("ROLLBACK")
