"""A database that is only looked at: never made, never upgraded, never written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from botmon_cog.database_url import IN_MEMORY
from botmon_cog.errors import StorageError
from botmon_cog.storage.migrator import load_migrations, pending
from botmon_cog.storage.sqlite import SqliteStorage
from botmon_cog.storage.sqlite.connection import OwnConnection, connect


class ReadOnlyStorage(SqliteStorage):
    """Reads a database file; a damaged one is left where it is.

    Args:
        file: must be there.
        instance: whose health is asked for.
        busy_timeout_s: for a lock that another process holds.
        is_upgraded: whether a file with an older schema is upgraded in memory, in a copy. Else it is read as it is,
            however old or new that may be.
    """

    def __init__(self, file: Path, *, instance: str, busy_timeout_s: float = 5.0, is_upgraded: bool = True) -> None:
        super().__init__(str(file), instance=instance, busy_timeout_s=busy_timeout_s, is_healing=False)
        self._file = file
        self._is_upgraded = is_upgraded

    async def _try_open(self) -> None:
        """Look whether the file is there and what it is.

        Raises:
            SchemaTooNewError: it belongs to a newer version of this package.
            StorageError: there is none, or it is no database.
        """
        if self._is_migrated:
            return
        if not self._file.is_file():
            raise StorageError(f"there is no database {self._file}; a bot with the extension makes it when it starts")
        reader = OwnConnection(lambda: _look_into(self._file, self._busy_timeout_s))
        is_current = False
        try:
            is_current = await reader.run(_is_current if self._is_upgraded else _is_readable)
        except sqlite3.Error as error:
            raise StorageError(f"can't read the database {self._file}: {error}") from error
        finally:
            if not is_current:
                await reader.close()
        if is_current:
            self._connections = reader, reader
            self._is_migrated = True
            return
        reader = OwnConnection(lambda: _copied(self._file, self._busy_timeout_s))
        self._connections = reader, reader
        await super()._try_open()  # upgrades the copy

    async def ping(self) -> int:
        """The file's size in bytes; nothing is locked."""
        await self.open()
        return self._file.stat().st_size


def _look_into(file: Path, busy_timeout_s: float) -> sqlite3.Connection:
    # Without `mode=ro`: SQLite would then leave the helper files of WAL mode behind.
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=busy_timeout_s, isolation_level=None)
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA schema_version")  # the first look into the file
    except BaseException:
        db.close()
        raise
    return db


def _is_current(db: sqlite3.Connection) -> bool:
    return not pending(db, load_migrations("sqlite"))


def _is_readable(db: sqlite3.Connection) -> bool:
    db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    return True


def _copied(file: Path, busy_timeout_s: float) -> sqlite3.Connection:
    copy = connect(IN_MEMORY, busy_timeout_s)
    original = _look_into(file, busy_timeout_s)
    try:
        original.backup(copy)
    except BaseException:
        copy.close()
        raise
    finally:
        original.close()
    return copy


def check_current(file: Path, busy_timeout_s: float) -> None:
    """Make sure that a file is a database of this version, before anything is changed in it. Reads only.

    Raises:
        SchemaTooNewError: it belongs to a newer version of this package.
        StorageError: there is none, it is no database, or one that a bot has yet to upgrade.
    """
    if not file.is_file():
        raise StorageError(f"there is no database {file}; a bot with the extension makes it when it starts")
    try:
        db = _look_into(file, busy_timeout_s)
        try:
            is_current = _is_current(db)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StorageError(f"can't read the database {file}: {error}") from error
    if not is_current:
        raise StorageError(
            f"{file} is no database of this version; a bot with the extension upgrades it when it starts"
        )
