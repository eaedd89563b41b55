"""What there is of the original's tables in the host's file, now and whenever that has changed."""

from __future__ import annotations

import logging
import sqlite3
from functools import partial
from pathlib import Path
from typing import NamedTuple

from botmon_cog.host.file import HostFile, Look, in_words, look_at
from botmon_cog.host.making import make
from botmon_cog.host.problems import Problems
from botmon_cog.host.shape import ORIGINALS, Original, Other, Shape
from botmon_cog.host.writing import add_columns

_log = logging.getLogger(__name__)

_OTHER = (
    "{table} {why}, which the module that botmon replaces never made: nothing is read from it or written to it. "
    "Nothing is lost: botmon's own database has every command"
)
_NONE = (
    "there is no table {table} as the module that botmon replaces made it: nothing is read or written. "
    "Nothing is lost: botmon's own database has every command"
)


class Tables(NamedTuple):
    """The tables of the original's; None for one that is not there, or is another one."""

    audit_logs: Shape | None
    bot_stats: Shape | None

    @property
    def complete(self) -> Tables:
        """Those that have every column, and can be written to."""
        return Tables(*(None if table is None or table.missing else table for table in self))


NO_TABLES = Tables(None, None)


class _Versions(NamedTuple):
    """What changes with the tables, and with what others write."""

    schema: int
    data: int


class TableWatch:
    """Knows what there is in one file.

    Attributes:
        tables: those that there were at the last look.
        version: differs once others have written anything; None as long as nothing can be read.
    """

    def __init__(self, path: Path, file: HostFile, problems: Problems, *, mirrors: bool) -> None:
        """`mirrors`: whether a file is made where there is none, and what lacks columns gets them."""
        self.tables = NO_TABLES
        self.version: tuple[int, int] | None = None
        self._path = path
        self._file = file
        self._problems = problems
        self._mirrors = mirrors
        self._schema_version: int | None = None
        self._signature: object = None
        self._was_there = False
        self._said_missing: set[tuple[str, ...]] = set()

    def forget(self) -> None:
        """It can't be used any more as it was, or it is another one."""
        self.tables, self.version, self._schema_version, self._signature = NO_TABLES, None, None, None

    async def look(self) -> bool:
        """Find out what there is; whether any of it can be read."""
        if not self._path.exists() and not await self._made():
            return False
        if self._file.is_open:
            versions = await self._file.read(_versions)
            if versions.schema == self._schema_version and not self._lacks_columns:
                self.version = self._file.opened, versions.data
                return True
            self._judge(await self._file.read(look_at))
        else:
            signature = _signature(self._path)
            if signature == self._signature:
                return False
            self.forget()
            self._judge(await self._peek())
            if self.tables == NO_TABLES:
                self._signature = signature
        if self.tables == NO_TABLES:
            await self._file.close()
            return False
        if self._lacks_columns:
            await self._complete()
        self._schema_version, data_version = await self._file.read(_versions)
        self.version = self._file.opened, data_version  # which each connection counts for itself
        return True

    @property
    def _lacks_columns(self) -> bool:
        """Whether there are columns to be added."""
        return self._mirrors and self.tables.complete != self.tables

    async def _made(self) -> bool:
        """Whether the file was made just now, because there was none yet."""
        await self._file.close()
        self.forget()
        if not self._mirrors or self._was_there:
            self._problems.note("file", "is not there; it is read once it is")
            return False
        await make(self._path)
        _log.info("%s was not there yet, and was made with the tables audit_logs and bot_stats", self._path)
        return True

    async def _peek(self) -> Look:
        try:
            return await self._file.peek(look_at)
        except sqlite3.OperationalError:
            # A bot that was killed left a transaction, which whoever opens the file for writing takes back.
            return await self._file.read(look_at)

    def _judge(self, found: Look) -> None:
        self._was_there = True
        for original, table in zip(ORIGINALS, found, strict=True):
            if isinstance(table, Shape):
                self._problems.clear(original.name)
            elif table is None:
                self._problems.note(original.name, _NONE.format(table=original.name))
            else:
                self._problems.note(original.name, _OTHER.format(table=original.name, why=table.why))
        self.tables = Tables(_exact(found.audit_logs), _exact(found.bot_stats))

    async def _complete(self) -> None:
        """Add the columns that the old module would have added."""
        try:
            for original, table in zip(ORIGINALS, self.tables, strict=True):
                if table is not None and table.missing:
                    self._say(original, table.missing)
                    await self._file.write(partial(add_columns, original, table.missing))
        except sqlite3.Error as error:
            self._problems.note("mirror", in_words(error))
        else:
            self._judge(await self._file.read(look_at))

    def _say(self, original: Original, missing: tuple[str, ...]) -> None:
        if missing not in self._said_missing:
            self._said_missing.add(missing)
            names = ", ".join(missing)
            _log.info("%s: adding %s to %s, as the module that botmon replaces did", self._path, names, original.name)


def _exact(table: Shape | Other | None) -> Shape | None:
    return table if isinstance(table, Shape) else None


def _signature(path: Path) -> object:
    """What differs once the file has changed, or another one is there."""
    found: list[object] = []
    for name in (path.name, f"{path.name}-wal"):
        try:
            stat = path.with_name(name).stat()
        except FileNotFoundError:
            continue
        found += (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def _versions(db: sqlite3.Connection) -> _Versions:
    return _Versions(db.execute("PRAGMA schema_version").fetchone()[0], db.execute("PRAGMA data_version").fetchone()[0])
