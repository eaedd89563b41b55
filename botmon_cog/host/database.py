"""One database of the host's: what there is in it, what is read from it, and what is mirrored into it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from pathlib import Path

from botmon_cog.clock import Clock
from botmon_cog.host.erasing import Column, count_mirrored, erase_mirrored
from botmon_cog.host.file import BusyError, HostFile, Pause, in_words
from botmon_cog.host.mirror import Mirror
from botmon_cog.host.problems import Problems
from botmon_cog.host.reader import Flush, IsRunning, Reader
from botmon_cog.host.shape import Shape
from botmon_cog.host.source_finder import SourceFinder
from botmon_cog.host.stats_reader import StatsReader
from botmon_cog.host.tables import NO_TABLES, Tables, TableWatch
from botmon_cog.host.writing import LateError, UnreadError
from botmon_cog.store.host.mirroring import pass_over
from botmon_cog.store.host.reading import forget
from botmon_cog.store.host.sources import Source
from botmon_cog.store.sqlite.place import GoneError
from botmon_cog.store.store import Store

_BUSY_AFTER_S = 60.0
_TIDY_EVERY_S = 3600.0
_MATCHES_FOR = timedelta(days=1)
_TRIES = 3
_BUSY = "has been locked by another program for more than a minute; what is to be read and written waits"


class HostDatabase:
    """Reads and mirrors. What SQLite says to that becomes a problem; what the store says, `StorageError`, is raised.

    Attributes:
        problems: what is not read or mirrored, and why.
        is_known: whether everything in it has been read.
    """

    def __init__(
        self,
        path: Path,
        store: Store,
        clock: Clock,
        *,
        mirrors: bool,
        flush: Flush,
        is_running: IsRunning,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.problems = Problems(path)
        self.is_known = False
        self._path = path
        self._store = store
        self._pause = pause
        self._clock = clock
        self._mirrors = mirrors
        self._file = HostFile(path, may_write=mirrors, pause=pause)
        self._reader = Reader(
            path, self._file, store, self.problems, clock, flush=flush, is_running=is_running, pause=pause
        )
        self._stats = StatsReader(self._file, store, self.problems, clock, pause)
        self._finder = SourceFinder(path, self._file, store, clock)
        self._mirror = Mirror(self._file, store, self.problems, clock, pause)
        self._watch = TableWatch(path, self._file, self.problems, mirrors=mirrors)
        self._read_upto: tuple[int, int] | None = None
        """The version of the data of which all is known."""
        self._source: Source | None = None
        self._passed_over = 0
        self._busy_since: float | None = None
        self._tidied_at = clock.monotonic()

    @property
    def is_waiting(self) -> bool:
        """Whether rows wait for a command to end."""
        return self._reader.is_waiting

    async def close(self) -> None:
        await self._file.close()

    # -- reading -------------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Read what is new."""
        self.is_known = False
        await self._guarded(self._look(), "file")

    async def _look(self) -> None:
        if not await self._watch.look():
            return
        logs, stats = tables = self._watch.tables
        version = self._watch.version
        self._source = self._source or await self._finder.find(has_logs=logs is not None)
        state = await self._reader.state(self._source.source_id)
        is_alone = True
        if state.intent is not None:
            is_alone = await self._mirror.settle(state.intent, tables)
            state = await self._reader.state(self._source.source_id)
        # What comes of a trigger when we write is no change by another connection.
        is_new = version != self._read_upto or self._mirror.has_stirred
        source = state.source
        if logs is not None and (is_new or self._reader.is_waiting):
            source = await self._reader.read(await self._reader.same_table(source), logs)
        if source is not None and stats is not None and (is_new or self._stats.is_due):
            source = await self._stats.read(source, stats) if is_alone else None
        if source is not None:
            self._source, self._read_upto, self.is_known = source, version, True
            self._mirror.has_stirred = False
            await self._pass_over(source, state.own_seq)
            await self._tidy(source, logs)

    async def _pass_over(self, source: Source, own_seq: int) -> None:
        """Without a mirror, what is recorded is never mirrored: else all of it would come as soon as there is one."""
        if not self._mirrors and own_seq != self._passed_over:
            token = self._store.run.token
            await self._store.engine.write(pass_over(source, {(token, False): own_seq, (token, True): own_seq}))
            self._passed_over = own_seq

    async def _tidy(self, source: Source, logs: Shape | None) -> None:
        """Once an hour, forget what is of no use any more."""
        now_s = self._clock.monotonic()
        if logs is None or now_s - self._tidied_at < _TIDY_EVERY_S:
            return
        self._tidied_at = now_s
        first_id = await self._file.read(_first_id)
        await self._store.engine.write(
            forget(source.source_id, matched_before=self._clock.now() - _MATCHES_FOR, first_id=first_id)
        )

    # -- mirroring -----------------------------------------------------------------------------------------------------

    @property
    def _written(self) -> Tables:
        """The tables that are written to."""
        return self._watch.tables.complete if self._mirrors else NO_TABLES

    @property
    def is_mirrored(self) -> bool:
        return self._written != NO_TABLES

    async def is_due(self) -> bool:
        """Whether there is anything to mirror."""
        return self.is_mirrored and self._source is not None and await self._mirror.is_due(self._source)

    async def mirror(self, *, is_last: bool, at_once: bool) -> None:
        """Mirror what is due, if everything in the file is known.

        Args:
            is_last: whether everything is due.
            at_once: whether what is not done with every pass is done, too.
        """
        if self.is_known and self.is_mirrored:
            await self._guarded(self._write(is_last=is_last, at_once=at_once), "mirror")

    async def _write(self, *, is_last: bool, at_once: bool) -> None:
        for _ in range(_TRIES):
            if not self.is_known or self._source is None:
                return
            try:
                is_done = await self._mirror.run(self._source, self._written, is_last=is_last, at_once=at_once)
            except UnreadError:
                self._read_upto = None
                is_done = False
            except LateError:
                is_done = False
            if is_done:
                await self._mirror.tell_people(self._source, self._written, at_once=at_once)
                return
            await self._look()

    # -- erasing -------------------------------------------------------------------------------------------------------

    async def erase(self, column: Column, ids: Sequence[str]) -> int:
        """Take people, or servers, out of the rows that we mirrored; returns how many these were."""
        found: list[int] = []

        async def work() -> None:
            if (source_id := await self._mirrored_to()) is not None:
                engine = self._store.engine
                found.append(await erase_mirrored(self._file, engine, source_id, column, ids, self._pause))
                self._source = None  # it is another version of it by now

        await self._guarded(work(), "mirror")
        return sum(found)

    async def count_of(self, column: Column, ids: Sequence[str]) -> int:
        """How many rows `erase` would change, in a file that is where the store knows it. Changes nothing.

        Raises:
            StorageError: the store is away.
            sqlite3.Error, OSError, BusyError, GoneError: as `HostFile`.
        """
        source = await self._finder.known()
        return (
            0 if source is None else await count_mirrored(self._file, self._store.engine, source.source_id, column, ids)
        )

    async def _mirrored_to(self) -> int | None:
        """The source whose `audit_logs` has rows of ours that we may change; None if there is none."""
        if not self._path.exists() or not await self._watch.look() or self._written.audit_logs is None:
            return None
        source = self._source or await self._finder.find(has_logs=True)
        return source.source_id

    # -- for people ----------------------------------------------------------------------------------------------------

    async def servers(self) -> int | None:
        """How many rows `servers` has; None if there is no such table, or it can't be read."""
        read = self._file.read if self._file.is_open else self._file.peek
        try:
            return await read(_servers) if self._path.exists() else None
        except (sqlite3.Error, OSError, BusyError, GoneError):
            return None

    async def _guarded(self, work: Awaitable[None], topic: str) -> None:
        try:
            await work
        except BusyError:
            now_s = self._clock.monotonic()
            self._busy_since = now_s if self._busy_since is None else self._busy_since
            if now_s - self._busy_since >= _BUSY_AFTER_S:
                self.problems.note("lock", _BUSY)
        except GoneError:
            self._forget()
        except (sqlite3.Error, OSError) as error:
            self.problems.note(topic, in_words(error))
            self._watch.forget()
            await self._file.close()
        else:
            self._busy_since = None
            self.problems.clear("lock")
            if self._watch.version is not None or self._path.exists():
                self.problems.clear(topic)

    def _forget(self) -> None:
        """Another file is there by now."""
        self._watch.forget()
        self._source = self._read_upto = None


def _first_id(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT COALESCE(MIN(id), 0) FROM audit_logs").fetchone()[0])


def _servers(db: sqlite3.Connection) -> int | None:
    tables = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'servers' COLLATE NOCASE"
    if not db.execute(tables).fetchone()[0]:
        return None
    return int(db.execute("SELECT COUNT(*) FROM servers").fetchone()[0])
