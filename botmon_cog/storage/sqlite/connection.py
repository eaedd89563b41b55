"""A SQLite connection on a thread of its own, and a host's connection borrowed from aiosqlite.

Each piece of work is one function that runs from beginning to end in the connection's thread: a transaction is one hop
between threads, and nothing else can come between its statements.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from botmon_cog.errors import StorageError
from botmon_cog.storage.sqlite.damage import Identity, identity
from botmon_cog.storage.sqlite.worker import Worker

if TYPE_CHECKING:
    import aiosqlite

T = TypeVar("T")

OLDEST_SQLITE = (3, 35, 0)
"""For UPDATE FROM, UPSERT, and FILTER."""


_LONGEST_CLOSE_S = 5.0
_WAL_PAGES = 4000
"""16 MB: pages that change with every commit are copied into the database a quarter as often as by default."""


class Runner(Protocol):
    """Runs functions on one connection, one after the other."""

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T: ...

    async def close(self) -> None: ...


class ReplacedError(StorageError):
    """The file that a connection has open is no longer the one at its path."""


class OwnConnection:
    """A connection of ours, made on first use. Its thread ends with `close`, or with the interpreter.

    With `path`, it looks before and after each piece of work whether the file is still there: SQLite itself would go on
    writing into one that was deleted. The write-ahead log of such a file goes with it: SQLite would take it for the log
    of whatever file comes in its place.

    With `beside`, it closes after that one: of two that close at once each takes the other for a user of the file, and
    neither puts the write-ahead log away.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        path: str | None = None,
        *,
        beside: OwnConnection | None = None,
    ) -> None:
        self._connect = connect
        self._path = path
        self._beside = beside
        self._is_closing = False
        self._is_closed = threading.Event()
        self._identity: Identity | None = None
        self._log_identity: Identity | None = None
        self._worker = Worker("botmon-sqlite")
        self._db: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._worker.submit(lambda: self._run(work))

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._db is None:
            self._db = self._connect()
            self._identity = self._identify()
        self._check_identity()
        result = work(self._db)
        self._check_identity()
        if self._path is not None and self._log_identity is None:  # it stays the same one while a connection is open
            self._log_identity = identity(self._path + "-wal")
        return result

    @property
    def _is_replaced(self) -> bool:
        return self._identity is not None and self._identify() != self._identity

    def _identify(self) -> Identity | None:
        return None if self._path is None else identity(self._path)

    def _check_identity(self) -> None:
        if self._is_replaced:
            raise ReplacedError(f"the file {self._path} was deleted or replaced while it was in use")

    async def close(self) -> None:
        """Finish the work that was asked for, then close. Being cancelled does not undo that, it only stops waiting."""
        self._is_closing = True
        await self._worker.close(self._close)

    def _close(self) -> None:
        if self._beside is not None:
            self._beside.wait_until_closed()
        db = self._db
        if db is not None:
            with closing(db):
                if self._is_replaced:
                    self._remove_log(db)
        self._db = None
        self._is_closed.set()

    def wait_until_closed(self) -> None:
        """Return, for another thread, once the closing that was asked for is done."""
        if self._is_closing and self._db is not None:
            self._is_closed.wait(_LONGEST_CLOSE_S)

    def _remove_log(self, db: sqlite3.Connection) -> None:
        """Write the log into its own file, which may only have been renamed, and leave its successor none of it."""
        with suppress(sqlite3.Error):
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        log = f"{self._path}-wal"
        if self._log_identity is not None and identity(log) == self._log_identity:
            for left in (log, f"{self._path}-shm"):
                with suppress(OSError):
                    Path(left).unlink()


class BorrowedConnection:
    """The host's own `aiosqlite.Connection`, used for databases that only it can see (`:memory:`).

    Leans on the private `aiosqlite.Connection._execute(function, *args)`, which runs a function in the connection's
    thread; aiosqlite has no public way to run several statements without others coming between them.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def file(self) -> str | None:
        """The file that the connection has open; None where it has none."""
        return await self._execute(_file_of)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def borrow(db: sqlite3.Connection) -> T:
            with _borrowed(db):
                return work(db)

        return await self._execute(borrow)

    async def _execute(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            execute = cast("Any", self._connection)._execute  # noqa: SLF001 (see above)
            db = cast("Any", self._connection)._conn  # noqa: SLF001 (see above)
        except AttributeError as error:
            raise StorageError("can't work with this version of aiosqlite; pass a file's path instead") from error
        except ValueError as error:
            raise StorageError(f"the host's connection is not open: {error}") from error
        try:
            return cast("T", await execute(work, db))
        except ValueError as error:  # aiosqlite's answer once somebody has closed it
            raise StorageError(f"the host's connection can't be used: {error}") from error

    async def close(self) -> None:
        """The host's connection stays open: it is the host's."""


def _file_of(db: sqlite3.Connection) -> str | None:
    text_factory, db.text_factory = db.text_factory, str
    try:
        with closing(db.cursor()) as cursor:
            cursor.row_factory = None
            row = cursor.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()
    finally:
        db.text_factory = text_factory
    return row[0] or None


@contextmanager
def _borrowed(db: sqlite3.Connection) -> Generator[None, None, None]:
    """Set a host's connection up for our work, and put everything back afterwards."""
    if db.in_transaction:
        raise StorageError("the host's connection is in the middle of a transaction")
    row_factory, text_factory, isolation_level = db.row_factory, db.text_factory, db.isolation_level
    db.row_factory, db.text_factory = None, str
    db.isolation_level = None  # transactions are begun by hand here
    foreign_keys = int(db.execute("PRAGMA foreign_keys").fetchone()[0])
    try:
        # An old table may refer to a guild that the host's own table lacks.
        db.execute("PRAGMA foreign_keys = OFF")
        yield
    finally:
        db.execute(f"PRAGMA foreign_keys = {foreign_keys}")
        db.isolation_level = isolation_level
        db.row_factory, db.text_factory = row_factory, text_factory


def connect(path: str, busy_timeout_s: float) -> sqlite3.Connection:
    """Open a database file, or `:memory:`. Changes nothing in a file that is there.

    Raises:
        StorageError: SQLite is too old, the file can't be opened, or it is no database.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StorageError(f"this Python brings SQLite {sqlite3.sqlite_version}, botmon_cog needs {oldest} or newer")
    try:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None)
    except (OSError, ValueError, sqlite3.Error) as error:  # ValueError: a NUL in the path
        raise StorageError(f"can't open the database {path}: {error}") from error
    try:
        db.execute("PRAGMA schema_version")  # the first look into the file
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        db.execute("PRAGMA foreign_keys = OFF")
    except sqlite3.Error as error:
        db.close()
        raise StorageError(f"can't use the database {path}: {error}") from error
    return db


def use_wal(db: sqlite3.Connection) -> None:
    """Let readers pass the writer. What the file keeps of that is set once; a new file also learns to shrink."""
    if not db.execute("PRAGMA page_count").fetchone()[0]:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # The switch needs the file for itself. Where another connection is busy, the next start switches; all else works.
    with suppress(sqlite3.OperationalError):
        db.execute("PRAGMA journal_mode = WAL")
