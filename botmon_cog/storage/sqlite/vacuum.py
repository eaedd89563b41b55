"""A SQLite file made as small as what it holds, beside a bot that may be using it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from botmon_cog.clock import Clock
from botmon_cog.errors import StorageError
from botmon_cog.storage.sqlite.connection import connect
from botmon_cog.storage.upkeep.maintained import SQLITE

_STEP_S = 0.02
"""So long the file is locked at a time."""
_COPIES = 2
"""While a file is written anew there are a copy of its pages and a log of them beside it."""
_TEMPORARY = "SQLITE_TMPDIR"
"""The environment variable that tells SQLite where to put the copy."""


class VacuumedFile:
    """A file that is there already; a context manager. Every method raises StorageError where it fails.

    Attributes:
        can_shrink: whether pages can be given back one by one; else the file has to be written anew, once.
        free_pages: how many could be, when it was opened.
    """

    def __init__(self, file: Path, busy_timeout_s: float) -> None:
        """`busy_timeout_s`: how long to wait for another process.

        Raises:
            StorageError: there is no such file, it is no database, or another process has locked it.
        """
        if not file.is_file():
            raise StorageError(f"there is no database {file}")
        self._file = file
        self._db = connect(str(file), busy_timeout_s)
        self.can_shrink = self._db.execute("PRAGMA auto_vacuum").fetchone()[0] == 2  # noqa: PLR2004 (incremental)
        self.free_pages = self._free_pages()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def size_bytes(self) -> int:
        """Of the file and its log."""
        size = 0
        for name in (str(self._file), f"{self._file}-wal"):
            with suppress(FileNotFoundError):
                size += Path(name).stat().st_size
        return size

    async def give_back(self, clock: Clock, advance: Callable[[int], object]) -> None:
        """Give back all free pages, in steps that leave others their turn. `advance` is told of each how many went."""
        while self._free_pages():
            began_s = clock.monotonic()
            with self._explained():
                advance(self._give_some(clock, began_s + _STEP_S))
            await clock.sleep(clock.monotonic() - began_s)

    def _give_some(self, clock: Clock, until_s: float) -> int:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            before = self._free_pages()
            left = before
            while left and (left == before or clock.monotonic() < until_s):
                self._db.execute(str(SQLITE.give_back))
                left -= 1
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return before - left

    def rewrite(self) -> None:
        """Write the whole file anew, so that from then on it can shrink. Others can't write meanwhile."""
        (used,) = self._db.execute(SQLITE.used_bytes).fetchone()
        folder = self._file.absolute().parent
        free = shutil.disk_usage(folder).free
        if free < _COPIES * used:
            raise StorageError(
                f"writing {self._file} anew needs {_COPIES * used / 1e6:,.0f} MB beside it, and {free / 1e6:,.0f} MB "
                "are free there"
            )
        with self._explained(), _temporary_files_in(folder):
            self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._db.execute("VACUUM")

    def empty_log(self) -> bool:
        """Bring everything into the file itself; False where another process is still reading from the log."""
        with self._explained():
            is_busy, *_ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not is_busy

    def _free_pages(self) -> int:
        row = self._db.execute(str(SQLITE.free_pages)).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def _explained(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise StorageError(
                    f"another process is writing to {self._file}; stop the bot, or try again later"
                ) from error
            if code == sqlite3.SQLITE_FULL:
                raise StorageError(f"the disk of {self._file} is full; nothing was changed") from error
            raise StorageError(f"can't vacuum {self._file}: {error}") from error


@contextmanager
def _temporary_files_in(folder: Path) -> Generator[None, None, None]:
    """SQLite would put a copy as large as the database where the system has its temporary files."""
    before = os.environ.get(_TEMPORARY)
    os.environ[_TEMPORARY] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TEMPORARY]
        else:
            os.environ[_TEMPORARY] = before
