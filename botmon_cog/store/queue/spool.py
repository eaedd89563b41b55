"""What waits on disk for the store: one SQLite file, shared by all processes that name it.

With a rollback journal it is one file and needs no shared memory; every commit is synced.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from botmon_cog.clock import Clock
from botmon_cog.errors import SpoolError
from botmon_cog.store.log import Batch
from botmon_cog.store.queue import spool_file
from botmon_cog.store.queue.spool_file import Chunk
from botmon_cog.store.sqlite.connection import Connection
from botmon_cog.store.sqlite.file import Identity, identity, is_damage, set_aside

_log = logging.getLogger(__name__)

T = TypeVar("T")

_TRIES = 3
"""With the file that was open, after it was replaced, and once a new one is made."""
_CLOSE_TIMEOUT_S = 5.0


class _NoFileError(SpoolError):
    """There is no spool, and none is to be made."""


class _ReplacedError(SpoolError):
    """What is at the path is not the file that is open."""


class Spool:
    """Batches, each in a chunk of its own until it is removed, and notes.

    The file is made when there is something to keep, and stays. It is opened by the first use, and again by the first
    one after `close`. One thread does all that touches the disk, in the order in which it is asked for.

    Attributes:
        size_bytes: of all rows in the file.
        is_full: whether the last `add` found no room for all of its rows.
        lost: rows that were in the file and can't be read any more.
        trouble: why the file can't be used; None if the last use went well. The first one of a row is logged.
    """

    def __init__(self, path: Callable[[], Path], *, max_bytes: int, clock: Clock) -> None:
        """`path` is asked each time the file is opened. `max_bytes`: of rows; notes are not limited."""
        self._path = path
        self._max_bytes = max_bytes
        self._clock = clock
        self._connection: Connection | None = None
        self._makes_file = False
        self._opened: tuple[Path, Identity | None] | None = None
        self._damaged: tuple[Path, Identity | None] | None = None
        self._is_known = False
        self._rows = 0
        self._stored: frozenset[Chunk] = frozenset()
        """What was removed without the disk having done so yet."""
        self.size_bytes = 0
        self.is_full = False
        self.lost = 0
        self.trouble: str | None = None

    @property
    def rows(self) -> int:
        """How many were in the file when it was used last, of all runs."""
        return max(self._rows - sum(chunk.n for chunk in self._stored), 0)

    @property
    def has_more(self) -> bool:
        """Whether there are rows, or may be because nobody has looked yet."""
        return not self._is_known or self.rows > 0

    # -- rows ----------------------------------------------------------------------------------------------------------

    async def add(self, batch: Batch) -> int:
        """Keep a batch; returns how many of its events, from the first on. Less than all: there is no more room.

        A batch that was kept before, in part or not, is kept once.

        Raises:
            SpoolError: none was kept.
        """
        kept = await self._run(lambda db: spool_file.add(db, batch, self._max_bytes), 0, makes_file=True)
        self.is_full = kept < len(batch.events)
        return kept

    def add_now(self, batches: Iterable[Batch]) -> int:
        """As `add`, without an event loop and its thread: for the end of a process. Returns how many rows were kept.

        Raises:
            SpoolError: the last of the batches were not kept.
        """
        kept = 0
        try:
            db = spool_file.connect(self._path(), makes_file=True)
            assert db is not None  # it was to be made
            with closing(db):
                for batch in batches:
                    n = spool_file.add(db, batch, self._max_bytes)
                    kept += n
                    if n < len(batch.events):
                        break
        except Exception as error:
            raise SpoolError(str(error)) from error
        return kept

    async def oldest(self, max_rows: int, token: int | None = None) -> list[Batch]:
        """The oldest chunks, in the order of their runs and numbers: one, and as many more as have `max_rows` together.

        With a token, those of that run alone. A chunk that can't be read is lost.

        Raises:
            SpoolError: they can't be read now.
        """
        skipped = self._stored
        nothing: tuple[list[Batch], list[Chunk]] = ([], [])
        batches, bad = await self._run(lambda db: spool_file.oldest(db, max_rows, token, skipped), nothing)
        if bad:
            n = sum(chunk.n for chunk in bad)
            _log.error("%d rows in the spool can't be read and are lost", n)
            self.lost += n
            await self._remove(bad)
        return batches

    async def remove(self, batches: Sequence[Batch]) -> None:
        """Let go of batches that are in the store. `oldest` does not return them again, even if this fails.

        Raises:
            SpoolError: they are still in the file; the next removal tries again.
        """
        await self._remove([Chunk(batch.run.token, batch.first_seq, len(batch.events)) for batch in batches])

    async def _remove(self, chunks: Iterable[Chunk]) -> None:
        removed = self._stored = self._stored.union(chunks)
        if not removed:
            return

        def work(db: sqlite3.Connection) -> None:
            spool_file.remove(db, removed)
            self._stored -= removed  # before the rows are counted again

        await self._run(work, None)
        self.is_full = False

    async def rewrite(self, change: spool_file.Change) -> int:
        """Put changed events in place of those in the file; returns how many are others now. Raises SpoolError."""
        return await self._run(lambda db: spool_file.rewrite(db, change), 0)

    # -- notes ---------------------------------------------------------------------------------------------------------

    async def read_note(self, key: str) -> bytes | None:
        """None if there is no such note. Raises SpoolError."""
        return await self._run(lambda db: spool_file.read_note(db, key), None)

    async def write_note(self, key: str, value: bytes) -> None:
        """Keep a note in place of the one before it. Raises SpoolError."""
        await self._run(lambda db: spool_file.write_note(db, key, value), None, makes_file=True)

    async def swap_note(self, key: str, before: bytes | None, value: bytes) -> bool:
        """Keep a note in place of just `before`, or of none; False if another stands there. Raises SpoolError."""
        return await self._run(lambda db: spool_file.swap_note(db, key, before, value), False, makes_file=True)

    async def remove_notes(self, prefix: str) -> None:
        """All whose key begins so. Raises SpoolError."""
        await self._run(lambda db: spool_file.remove_notes(db, prefix), None)

    async def remove_note(self, key: str) -> None:
        """Raises SpoolError."""
        await self._run(lambda db: spool_file.remove_note(db, key), None)

    # -- the file ------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Finish what was asked for, and close the file; a disk that hangs is waited for 5 s."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await connection.close()
            except TimeoutError:
                _log.error("the spool's disk does not answer")

    async def _run(self, work: Callable[[sqlite3.Connection], T], without: T, *, makes_file: bool = False) -> T:
        """What `work` returns, or `without` if there is no file and none is to be made.

        Raises:
            SpoolError: nothing was done.
        """
        failure: Exception | None = None
        for _ in range(_TRIES):
            self._makes_file = self._makes_file or makes_file
            connection = self._connection = self._connection or Connection(self._connect, "botmon-spool")
            try:
                result = await connection.run(partial(self._work, work))
            except Exception as error:  # noqa: BLE001 (SQLite's, the disk's, or that of a value that can't be encoded)
                is_ours = self._connection is connection  # else somebody else has closed it meanwhile
                await self._forget(connection)
                if isinstance(error, _NoFileError) and not makes_file:
                    self.trouble = None
                    return without
                failure = error
                if not is_ours or isinstance(error, _NoFileError | _ReplacedError) or is_damage(error):
                    continue
                break
            self.trouble = None
            return result
        if self.trouble is None:
            _log.error("can't use the spool: %s", failure)
        self.trouble = str(failure)
        raise SpoolError(self.trouble) from failure

    async def _forget(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
        await connection.close()

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        path = self._path()
        if self._damaged is not None and self._damaged == (path, identity(path)):
            size_bytes = path.stat().st_size
            kept = set_aside(path, self._clock.now(), spool_file.TABLES)
            self._lose(f"the spool was damaged and is kept as {kept} ({size_bytes} bytes)")
        try:
            db = spool_file.connect(path, makes_file=self._makes_file)
        except sqlite3.Error as error:
            if is_damage(error):
                self._damaged = path, identity(path)
            raise
        if db is None:
            self._stored = frozenset()
            self._take_stock(0, 0)
            raise _NoFileError
        self._opened = path, identity(path)
        self._makes_file = False
        return db

    def _work(self, work: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
        if self._opened is None or self._opened[1] != identity(self._opened[0]):
            self._lose("the spool was removed or replaced while in use")
            raise _ReplacedError
        try:
            result = work(db)
        except sqlite3.Error as error:
            if is_damage(error):
                self._damaged = self._opened
            raise
        with suppress(sqlite3.Error):  # the work is done, whatever this says
            self._take_stock(*spool_file.totals(db))
        return result

    def _take_stock(self, rows: int, size_bytes: int) -> None:
        self._rows, self.size_bytes, self._is_known = rows, size_bytes, True

    def _lose(self, how: str) -> None:
        """The file is gone, and what was in it."""
        _log.error("%s: %s rows are lost", how, self.rows if self._is_known else "an unknown number of")
        self.lost += self.rows
        self._stored = frozenset()
        self._take_stock(0, 0)
