"""A SQLite file that is only looked at: never made, upgraded, set aside or written."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from botmon_cog.errors import StorageError
from botmon_cog.store import script as scripts
from botmon_cog.store.migrations import load_migrations, pending
from botmon_cog.store.script import Script, Session
from botmon_cog.store.sqlite.connection import Connection
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.sqlite.statements import performer

T = TypeVar("T")

_JOURNAL_BYTE, _WAL = 18, 2
"""Where the header of a SQLite file says how it is written, and what it says of write-ahead logging."""


class Snapshot:
    """The database as it was at one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, script: Script[T]) -> T:
        """Run a script that only reads."""
        with _translated():
            return await self._connection.run(lambda db: scripts.run(script, performer(db, Session())))


class ReadOnlySqlite(SqliteEngine):
    """A store for reading. It works beside a running bot, and leaves no files behind."""

    def __init__(self, path: str, *, busy_timeout_s: float) -> None:
        super().__init__(path, busy_timeout_s=busy_timeout_s, is_healing=False)

    async def _try_open(self) -> tuple[Connection, Connection]:
        self.inspect()
        reader = Connection(self._look, "botmon-reader")
        try:
            with _translated():
                await reader.run(lambda db: db.total_changes)  # opens it
        except BaseException:
            await reader.close()
            raise
        return reader, reader

    def _look(self) -> sqlite3.Connection:
        path = Path(self.path)
        if not path.exists():
            raise StorageError(f"there is no database {path}; a bot with the extension makes it when it starts")
        db = _connect(path, self._busy_timeout_s)
        try:
            self._refuse_older(int(db.execute("PRAGMA user_version").fetchone()[0]))
        except BaseException:
            db.close()
            raise
        return db

    def _refuse_older(self, version: int) -> None:
        if pending(load_migrations(self.name), version):
            raise StorageError(
                f"{self.path} has the older schema version {version}; a bot with the extension upgrades it at its start"
            )

    async def write(self, script: Script[T]) -> T:
        script.close()
        raise StorageError(f"{self.path} was opened for reading only")

    async def ping(self) -> int:
        """The size in bytes, of what waits in the write-ahead log as well; nothing is locked."""
        await self.open()
        files = (Path(f"{self.path}{suffix}") for suffix in ("", "-wal"))
        with _translated():
            return sum(file.stat().st_size for file in files if file.exists())

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot, None]:
        """The database as it is now, for as long as the context lasts."""
        await self.open()
        connection = Connection(self._look, "botmon-snapshot")
        try:
            with _translated():
                await connection.run(_begin)
            yield Snapshot(connection)
        finally:
            await connection.close()


def _connect(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    # Not `mode=ro`, which would leave the helper files of write-ahead logging behind. Where those can't be made, and
    # are not there, nobody writes: then SQLite is told that the file does not change.
    options = "immutable=1" if _is_still(path) else "mode=rw"
    uri = f"{path.absolute().as_uri()}?{options}"
    db = sqlite3.connect(uri, uri=True, timeout=busy_timeout_s, isolation_level=None)
    try:
        db.execute("PRAGMA query_only = ON")
    except BaseException:
        db.close()
        raise
    return db


def _is_still(path: Path) -> bool:
    """Whether we may not write where the file is, and nobody else has it open."""
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return False
    with path.open("rb") as file:
        has_log = file.read(_JOURNAL_BYTE + 1)[-1] == _WAL
    return has_log and not Path(f"{path}-wal").exists()


def _begin(db: sqlite3.Connection) -> None:
    db.execute("BEGIN")
    db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # what is seen is settled by the first look


@contextmanager
def _translated() -> Generator[None, None, None]:
    """What SQLite raises becomes a `StorageError`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(str(error)) from error
