"""Reads the host's `audit_logs`: old rows chunk by chunk, and what the host goes on writing."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from botmon_cog.clock import Clock
from botmon_cog.domain import text
from botmon_cog.domain.models import Invocation
from botmon_cog.host.file import HostFile, Pause
from botmon_cog.host.matching import AFTER_MS, Key, key_of, keys_of, matched
from botmon_cog.host.problems import Problems
from botmon_cog.host.progress import RunProgress, spans_of
from botmon_cog.host.rows import SAMPLES, Chunk, HostRow, last_id, read_chunk, read_samples, select
from botmon_cog.host.shape import Shape
from botmon_cog.store.forgotten import forgotten
from botmon_cog.store.host.reading import Seen, State, Taken, logged_before, look, observed, take
from botmon_cog.store.host.sources import Sample, Source, doubt_source
from botmon_cog.store.records import milliseconds
from botmon_cog.store.rollup import LOT_ROWS
from botmon_cog.store.store import Store

_log = logging.getLogger(__name__)

CHUNK_ROWS = 500
_PAUSE_S = 0.02
"""Between chunks, in which the host has its turn."""
_MANY = 10 * CHUNK_ROWS
"""So many rows to read are worth a line in the log."""
_ALIVE = timedelta(minutes=5)
"""A process that was seen so lately is going on."""
_YOUNG_S = 10
"""A row may belong to a command that another process observes, and stores within that time."""
_CLOCKS_S = 60.0
"""Two clocks disagree by no more."""

IsRunning = Callable[[str | None, str | None, str], bool]
"""(guild id, user id, command) -> whether the observer has such an invocation open."""
Flush = Callable[[], Awaitable[object]]
"""Lets what was recorded reach the store; False if not all of it is there."""


class Reader:
    """Reads one table.

    Attributes:
        is_waiting: whether rows wait for a command to end.
    """

    def __init__(
        self,
        path: Path,
        file: HostFile,
        store: Store,
        problems: Problems,
        clock: Clock,
        *,
        flush: Flush,
        is_running: IsRunning,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._path = path
        self._file = file
        self._store = store
        self._problems = problems
        self._clock = clock
        self._flush = flush
        self._is_running = is_running
        self._pause = pause
        self._began_s = clock.now().timestamp()
        self._waiting: Sequence[HostRow] = ()
        self._progress = RunProgress()
        self._consumed: Counter[Key] = Counter()
        self._unrolled = 0

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    async def state(self, source_id: int) -> State:
        """What the store has by now."""
        alive_since = self._clock.now() - _ALIVE
        state = await self._store.engine.read(look(source_id, self._store.run.token, alive_since))
        self._waiting = [_waiting_row(row_id, row) for row_id, row in state.waiting]
        self._progress.note(self._clock.now().timestamp(), state.last_seqs)
        return state

    # -- the table as a whole ------------------------------------------------------------------------------------------

    async def same_table(self, source: Source) -> Source:
        """The source, which is in doubt if the table is not the one that was read: it was emptied, or replaced."""
        last_id, found = await self._file.read(partial(_ends, source.samples))
        known = dict(source.samples)
        is_other = any(known[row_id] != digest for row_id, digest in found)
        if not is_other and last_id >= source.read_id:
            return source
        _log.warning(
            "%s: audit_logs is not the table that was read before (it was emptied, or the file replaced); "
            "it is read anew, and what is known of it is left out",
            self._path,
        )
        await self._store.engine.write(doubt_source(source, last_id))
        self._consumed.clear()
        return (await self.state(source.source_id)).source

    async def read(self, source: Source, shape: Shape) -> Source | None:
        """Read what is not known yet; None if another process does the same, or is adding rows at the moment."""
        query = select(shape.missing)
        is_first = True
        while True:
            chunk = await self._file.read(
                partial(read_chunk, query=query, after=source.read_id, most=CHUNK_ROWS, now=self._clock.now())
            )
            is_last = len(chunk.rows) < CHUNK_ROWS
            if is_first and not is_last:
                await self._announce(source)
            is_first = False
            if chunk.rows or self._waiting:
                taken = await self._take(source, chunk)
                if taken is None:
                    return None
                source = taken
            if is_last:
                return source
            await self._pause(_PAUSE_S)

    async def _announce(self, source: Source) -> None:
        # They are not counted: that would lock the host out for as long as it takes.
        last, _ = await self._file.read(partial(_ends, ()))
        n = last - source.read_id
        if n >= _MANY:
            what = "rows of audit_logs anew" if source.read_id < source.doubted_id else "old rows of audit_logs"
            _log.info("%s: reading up to %s %s", self._path, text.count(n), what)

    # -- rows ----------------------------------------------------------------------------------------------------------

    async def _take(self, source: Source, chunk: Chunk) -> Source | None:
        """Store what is new among the rows that follow on those which are known; None as `read`."""
        asked = [row for row in (*chunk.rows, *self._waiting) if self._is_recent(row)]
        running = {row.row_id for row in asked if self._runs(row)}
        # What has ended by now is recorded, and is in the store after this.
        is_stored = not asked or await self._flush() is not False
        state = await self.state(source.source_id)
        if state.source.read_id != source.read_id:
            return None
        rows = chunk.rows
        if state.intent is not None:  # what comes after these may have been mirrored by another process
            rows = [row for row in rows if row.row_id <= state.intent.last_id]
        own = [row for row in rows if row.invocation is not None and not _is_ours(row.row_id, state.ranges)]
        own = await self._without_known(state.source, await self._without_forgotten(own))
        matches = await self._matches(state, [*self._waiting, *own])
        now_s = self._clock.now().timestamp()

        def must_wait(row: HostRow) -> bool:
            is_young = state.others_run and now_s - row.executed_s < _YOUNG_S
            return row.row_id in running or is_young or (not is_stored and self._is_recent(row))

        taken, waiting = sort(own, self._waiting, matches, must_wait)
        if rows:
            taken.read_id, taken.samples = rows[-1].row_id, _samples(state.source, chunk, rows[-1].row_id)
        elif not taken.resolved:
            return state.source if not chunk.rows else None
        else:
            taken.read_id, taken.samples = state.source.read_id, state.source.samples
        done = await self._store.engine.write(take(state.source, taken))
        if done is None:
            return None
        source, session, found = done
        session.note(found)
        self._waiting = waiting
        self._count_odd(chunk, rows)
        await self._roll_up(len(taken.new))
        return source if len(rows) == len(chunk.rows) else None

    async def _without_forgotten(self, rows: list[HostRow]) -> list[HostRow]:
        """The same rows; those of people who are not to be recorded, or were erased, tell of nobody."""
        gone = await self._store.engine.read(forgotten()) if rows else None
        if not gone:
            return rows
        return [row if row.invocation is None else row._replace(invocation=gone.of(row.invocation)) for row in rows]

    def _is_recent(self, row: HostRow) -> bool:
        """Whether this process may have observed it."""
        return row.executed_s >= self._began_s - _CLOCKS_S

    def _runs(self, row: HostRow) -> bool:
        assert row.invocation is not None
        guild_id, user_id = row.invocation.guild_id, row.invocation.user_id
        return self._is_running(
            None if guild_id is None else str(guild_id),
            None if user_id is None else str(user_id),
            row.invocation.command,
        )

    async def _without_known(self, source: Source, rows: list[HostRow]) -> list[HostRow]:
        """The rows that are not in the log yet, of a table that is in doubt."""
        doubted = [row for row in rows if row.row_id <= source.doubted_id]
        if not doubted:
            return rows
        began = [_began_ms(row) for row in doubted]
        logged, raw_since = await self._store.engine.read(logged_before(source, min(began) - 1_000, max(began) + 1_000))
        known = keys_of(logged) - self._consumed
        # Rows of which the log has had no memory since then were rolled up long ago, if they were ever read.
        forgotten_ms = raw_since if raw_since is not None and source.doubted_seq else 0
        consumed: Counter[Key] = Counter()
        new: list[HostRow] = []
        for row in doubted:
            key = key_of(row)
            if known[key] > consumed[key]:
                consumed[key] += 1
            elif _began_ms(row) >= forgotten_ms:
                new.append(row)
        self._consumed = consumed
        return [*new, *(row for row in rows if row.row_id > source.doubted_id)]

    async def _matches(self, state: State, rows: Sequence[HostRow]) -> Mapping[int, Seen]:
        """By the id of the row, the observed invocation that it tells of."""
        if state.first_run_ms is None:
            return {}
        rows = [row for row in rows if row.executed_s * 1000 >= state.first_run_ms - AFTER_MS]
        if not rows:
            return {}
        ended_ms = [row.executed_s * 1000 for row in rows]
        later_than = self._progress.before(min(ended_ms), state.last_seqs)
        spans = [] if later_than is not None else spans_of(ended_ms)
        found = await self._store.engine.read(observed(state.source.source_id, spans, later_than or {}))
        return matched(rows, found)

    def _count_odd(self, chunk: Chunk, rows: Sequence[HostRow]) -> None:
        n = sum(row.invocation is None for row in rows)
        why = "of audit_logs can't be understood and"
        such = f"(such as {chunk.odd})"
        self._problems.count("odd rows", n, f"row {why} was skipped {such}", f"rows {why} were skipped {such}")

    async def _roll_up(self, n: int) -> None:
        self._unrolled += n
        if self._unrolled >= LOT_ROWS:
            self._unrolled = 0
            await self._store.rollups.lot()


def sort(
    rows: Iterable[HostRow],
    waiting: Iterable[HostRow],
    matches: Mapping[int, Seen],
    must_wait: Callable[[HostRow], bool],
) -> tuple[Taken, list[HostRow]]:
    """What becomes of rows that are read now and of those that waited, and which of them wait from now on."""
    taken = Taken(read_id=0, samples=())
    still: list[HostRow] = []
    for is_waiting, row in (*((True, row) for row in waiting), *((False, row) for row in rows)):
        assert row.invocation is not None
        if row.row_id in matches:
            taken.matches.append(matches[row.row_id])
        elif must_wait(row):
            still.append(row)
            if not is_waiting:
                taken.waits.append((row.row_id, row.invocation))
            continue
        else:
            taken.new.append(row.invocation)
        if is_waiting:
            taken.resolved.append(row.row_id)
    return taken, still


def _waiting_row(row_id: int, invocation: Invocation) -> HostRow:
    ended = invocation.started_at + timedelta(seconds=invocation.duration_s or 0)
    return HostRow(row_id, invocation, int(ended.timestamp()))


def _began_ms(row: HostRow) -> int:
    assert row.invocation is not None
    return milliseconds(row.invocation.started_at)


def _is_ours(row_id: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= row_id <= last for first, last in ranges)


def _samples(source: Source, chunk: Chunk, upto: int) -> Sequence[Sample]:
    """The last rows that are known, once those up to an id are."""
    read = [sample for sample in chunk.samples if sample[0] <= upto]
    return [*source.samples, *read][-SAMPLES:]


def _ends(samples: Sequence[Sample], db: sqlite3.Connection) -> tuple[int, Sequence[Sample]]:
    """The last id that the table gave, and what the rows that are known hold by now."""
    return last_id(db, "audit_logs"), read_samples(db, [row_id for row_id, _ in samples])
