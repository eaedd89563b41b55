"""The host's file: opened through SQLite alone, in a thread of its own, and never kept locked.

To open it in any other way and close it again would take away the locks that the host has on it, in this process.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from botmon_cog.host.shape import AUDIT_LOGS, BOT_STATS, Other, Shape, shape_of
from botmon_cog.store.sqlite.connection import Connection
from botmon_cog.store.sqlite.file import Identity, identity
from botmon_cog.store.sqlite.place import GoneError, roll_back

T = TypeVar("T")

_BUSY_TIMEOUT_S = 0.02
"""A lock that is not free by then is given up, ours with it: a COMMIT that waits locks readers out."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.025, 0.8
_PATIENCE_S = 3.0
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL})
_UNCHANGING = "mode=ro&immutable=1"
_PRIMARY = 0xFF
"""SQLite's extended error codes have the primary one in their last byte."""
_WORDS = {
    sqlite3.SQLITE_NOTADB: "is no SQLite database, or an encrypted one",
    sqlite3.SQLITE_CANTOPEN: "can't be opened; does the bot have the rights to it and to its folder?",
    sqlite3.SQLITE_PERM: "can't be opened; does the bot have the rights to it?",
    sqlite3.SQLITE_AUTH: "can't be opened; does the bot have the rights to it?",
    sqlite3.SQLITE_READONLY: "can't be written to; does the bot have the rights to it and to its folder?",
    sqlite3.SQLITE_FULL: "can't be written to: the disk is full",
    sqlite3.SQLITE_CORRUPT: "is damaged",
}

Pause = Callable[[float], Awaitable[object]]
"""Waits so many seconds."""


class BusyError(Exception):
    """The host kept its file locked for longer than there is patience for."""


class Look(NamedTuple):
    """What there is of the two tables; None if there is no such table."""

    audit_logs: Shape | Other | None
    bot_stats: Shape | Other | None


class HostFile:
    """One SQLite file of the host's.

    Attributes:
        opened: how often it was opened for good.

    Every method raises sqlite3.Error or OSError if SQLite does, `BusyError` if the file stays locked, and `GoneError`
    if another one stands at its place by now: that one is opened at the next call.
    """

    def __init__(self, path: Path, *, may_write: bool, pause: Pause = asyncio.sleep) -> None:
        """`pause`: between attempts while the host holds a lock."""
        self._path = path
        self._may_write = may_write
        self._pause = pause
        self.opened = 0
        self._connection: Connection | None = None
        self._open: Identity | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    async def peek(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `read`, over a connection that can't write, leaves nothing beside the file, and is closed again."""
        connection = Connection(partial(_connect_to_peek, self._path), "botmon-host-peek")
        try:
            return await self._patiently(partial(connection.run, work))
        finally:
            await connection.close()

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns. Each of its statements is fetched whole, so that none keeps a lock."""
        return await self._patiently(partial(self._run, work))

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, in one transaction. It runs again after a lock: nothing of it has happened then."""
        return await self._patiently(partial(self._run, partial(_transact, work)))

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.shield(connection.close())

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._connection = Connection(self._connect, "botmon-host")
        try:
            return await self._connection.run(partial(self._checked, work))
        except GoneError:
            await self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        self._open = identity(self._path)
        self.opened += 1
        db = _connect(self._path, "mode=rw")
        if not self._may_write:
            db.execute("PRAGMA query_only = ON")
        return db

    def _checked(self, work: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
        if identity(self._path) != self._open:
            raise GoneError
        return work(db)

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        pause_s, waited_s = _FIRST_PAUSE_S, 0.0
        while True:
            try:
                return await attempt()
            except sqlite3.OperationalError as error:
                if primary_code(error) not in _LOCKED:
                    raise
                if waited_s >= _PATIENCE_S:
                    raise BusyError from error
            await self._pause(pause_s)
            waited_s += pause_s
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def fetch(db: sqlite3.Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows at once: meanwhile the host can't commit. Texts that are none are read all the same, and stand out."""
    try:
        return db.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if primary_code(error) is not None:
            raise
    # It is Python that can't decode a text. To have each decoded like that takes five times as long.
    db.text_factory = partial(_text, encoding="utf-8", errors="replace")
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.text_factory = str


def look_at(db: sqlite3.Connection) -> Look:
    """What the tables of an open database are like."""
    return Look(shape_of(db, AUDIT_LOGS), shape_of(db, BOT_STATS))


def has_original_tables(path: Path) -> bool:
    """Whether a file holds both of the original's tables. Changes nothing, leaves nothing beside it, raises nothing."""
    try:
        with closing(_connect(path, _UNCHANGING)) as db:
            found = look_at(db)
    except (sqlite3.Error, OSError, ValueError):  # it is not there, no database, or being written
        return False
    return isinstance(found.audit_logs, Shape) and isinstance(found.bot_stats, Shape)


def primary_code(error: BaseException) -> int | None:
    """SQLite's primary error code; None if the error is not SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY


def in_words(error: BaseException) -> str:
    """Why nothing came of it; goes on after the name of the file."""
    code = primary_code(error)
    return _WORDS.get(-1 if code is None else code, f"can't be used: {error}")


def _connect_to_peek(path: Path) -> sqlite3.Connection:
    """A connection that can't write and leaves no file behind.

    A database in WAL mode that nobody has open lacks its helper files; SQLite would make them, unless it is told that
    the file does not change.
    """
    has_log = path.with_name(f"{path.name}-wal").exists()
    return _connect(path, _UNCHANGING if not has_log and _is_in_wal_mode(path) else "mode=ro")


def _is_in_wal_mode(path: Path) -> bool:
    """Asked in such a way that SQLite makes no helper files: without locks it can't read such a database."""
    with closing(_connect(path, "mode=ro&nolock=1")) as db:
        try:
            db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            return primary_code(error) == sqlite3.SQLITE_CANTOPEN
    return False


def _connect(path: Path, how: str) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        db.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        db.close()
        raise
    return db


_text: Any = str


def _transact(work: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
    try:
        db.execute("BEGIN IMMEDIATE")
        result = work(db)
        db.execute("COMMIT")
    except BaseException:
        roll_back(db)
        raise
    return result
