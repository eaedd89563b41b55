"""Mirrors what was recorded into the host's tables: noted before, done in one transaction there, noted after."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from datetime import timedelta
from functools import partial
from typing import NamedTuple, Self

import psutil
from msgspec.structs import replace

from botmon_cog.clock import Clock
from botmon_cog.domain.rollup import MS_PER_DAY
from botmon_cog.host.file import BusyError, HostFile, Pause
from botmon_cog.host.problems import Problems
from botmon_cog.host.tables import Tables
from botmon_cog.host.writing import (
    Job,
    LateError,
    RolledBackError,
    UnreadError,
    Written,
    find_written,
    ids_given,
    write_people,
    write_piece,
)
from botmon_cog.store.host.intents import Intent, drop_intent, note_intent
from botmon_cog.store.host.mirroring import Done, keep, pass_over
from botmon_cog.store.host.people import days_since, keep_people, people_of
from botmon_cog.store.host.pieces import Piece, Stream, next_piece, piece_of
from botmon_cog.store.host.sources import Source
from botmon_cog.store.records import milliseconds
from botmon_cog.store.store import Store

GRACE = timedelta(seconds=5)
"""What was observed is mirrored so long after its end: the host's own row may come first."""
_PAUSE_S = 0.03
"""Between transactions, in which the host has its turn."""
_LATE_S, _SETTLED_AFTER_MS = 30.0, 60_000
"""An intent is carried out within so many seconds, and given up by another process after so many milliseconds."""
_PEOPLE_EVERY_S = 10.0
_MOST_PEOPLE = 100
"""Days whose people are written in one transaction."""
_LONGEST_S = 5.0
"""After so long a pass lets whoever wants to read have a turn."""
_FAR_AHEAD = 1_000
"""Up to where there is nothing to mirror is stored once it is so many numbers, or with what is mirrored."""


class _Owner(NamedTuple):
    """Who carries an intent out: one object in one process on one machine."""

    machine: str
    pid: str
    began: str
    number: str

    @classmethod
    def here(cls) -> Self:
        pid = os.getpid()
        return cls(socket.gethostname(), str(pid), _began(pid), secrets.token_hex(4))

    @property
    def text(self) -> str:
        return " ".join(self)

    def is_over(self, owner: str) -> bool:
        """Whether nobody carries that one's intents out any more: it is this one, or its process has ended."""
        if owner == self.text:
            return True
        machine, pid, began, _ = owner.split(" ")
        return machine == self.machine and _began(int(pid)) != began


def _began(pid: int) -> str:
    """When a process began; empty if there is none, or the system does not tell."""
    try:
        return repr(psutil.Process(pid).create_time())
    except (psutil.Error, OSError):
        return ""


class Mirror:
    """Writes to one database of the host's.

    Attributes:
        has_stirred: whether something else may have been written with what we wrote; whoever reads that sets it back.
    """

    def __init__(
        self, file: HostFile, store: Store, problems: Problems, clock: Clock, pause: Pause = asyncio.sleep
    ) -> None:
        self._file = file
        self._store = store
        self._problems = problems
        self._clock = clock
        self._pause = pause
        self.has_stirred = False
        self._owner = _Owner.here()
        self._ahead: dict[Stream, int] = {}
        self._stored_ahead: dict[Stream, int] = {}
        self._unkept: tuple[Intent, Done] | None = None
        """What was committed, and could not be noted yet."""
        self._touched: set[tuple[int, int]] | None = None
        """(day, guild) of which the people may be more by now; None: of the last two days."""
        self._told_people_at: float | None = None

    # -- what is due ---------------------------------------------------------------------------------------------------

    async def is_due(self, source: Source) -> bool:
        """Whether there is anything to mirror by now."""
        return await self._next(source, is_last=False) is not None

    async def _next(self, source: Source, *, is_last: bool) -> Piece | None:
        before = None if is_last else milliseconds(self._clock.now() - GRACE)
        piece, empty = await self._store.engine.read(next_piece(source.source_id, self._ahead, before))
        self._ahead.update(empty)
        return piece

    # -- mirroring -----------------------------------------------------------------------------------------------------

    async def run(self, source: Source, tables: Tables, *, is_last: bool, at_once: bool) -> bool:
        """Mirror all that is due; everything there is if `is_last`, and however long it takes if `at_once`.

        Returns:
            Whether that was done; False if the table has to be read first, or another process is at it.
        """
        began_s = self._clock.monotonic()
        while (piece := await self._next(source, is_last=is_last)) is not None:
            stream = piece.token, piece.is_observed
            upto_seq = piece.upto_seq
            if tables.audit_logs is None:
                piece = replace(piece, rows=())
            if tables.bot_stats is None:
                piece = replace(piece, additions=())
            if piece.rows or piece.additions:
                written = await self._mirror(source, piece, tables)
                if written is None:
                    return False
                source = written
                await self._pause(_PAUSE_S)
            self._ahead[stream] = upto_seq
            if not at_once and self._clock.monotonic() - began_s >= _LONGEST_S:
                break
        await self._pass_over(source, is_last=is_last)
        return True

    async def _pass_over(self, source: Source, *, is_last: bool) -> None:
        """Store up to where there is nothing to mirror, so that nobody has to look there again."""
        ahead = {stream: upto - self._stored_ahead.get(stream, 0) for stream, upto in self._ahead.items()}
        if any(n >= (1 if is_last else _FAR_AHEAD) for n in ahead.values()):
            await self._store.engine.write(pass_over(source, self._ahead))
            self._stored_ahead = dict(self._ahead)

    async def _mirror(self, source: Source, piece: Piece, tables: Tables) -> Source | None:
        ids = partial(ids_given, of_logs=tables.audit_logs is not None, of_stats=tables.bot_stats is not None)
        last_id, stats_id = await self._file.read(ids)
        began_s = self._clock.monotonic()
        intent = Intent(
            source_id=source.source_id,
            owner=self._owner.text,
            made_ms=milliseconds(self._clock.now()),
            token=piece.token,
            is_observed=piece.is_observed,
            after_seq=piece.after_seq,
            upto_seq=piece.upto_seq,
            seqs=tuple(row.seq for row in piece.rows),
            last_id=last_id,
            stats_id=stats_id,
        )
        if not await self._store.engine.write(note_intent(source, intent)):
            return None
        job = Job(
            piece=piece,
            read_id=None if tables.audit_logs is None else source.read_id,
            is_late=lambda: self._clock.monotonic() - began_s >= _LATE_S,
            has_triggers=any(table is not None and table.has_triggers for table in tables),
        )
        try:
            written = await self._commit(job)
        except (BusyError, LateError, UnreadError):  # nothing was committed
            await self._store.engine.write(drop_intent(intent))
            raise
        self.has_stirred = self.has_stirred or job.has_triggers or not (written.is_next or not written.row_ids)
        return await self._keep(intent, written)

    async def _commit(self, job: Job) -> Written:
        """Carry it out, without the rows for which a trigger takes everything back."""
        refused: dict[object, str] = {}
        while True:
            try:
                written = await self._file.write(partial(write_piece, job._replace(refused=frozenset(refused))))
            except RolledBackError as error:
                refused[error.refused] = error.why
                await self._pause(_PAUSE_S)
            else:
                why = written.why or next(iter(refused.values()), None)
                return written._replace(refused=written.refused + len(refused), why=why)

    async def _keep(self, intent: Intent, written: Written) -> Source | None:
        """Note what was committed; None if another process has settled the intent meanwhile."""
        done = Done(
            row_ids=written.row_ids,
            additions=written.additions,
            read_id=written.row_ids[-1] if written.is_next else None,
            samples=written.samples[-8:],
        )
        self._unkept = intent, done
        kept = await self._keep_done(intent, done)
        because = f"its tables ({written.why}); botmon's own database has"
        one, many = f"row was refused by {because} it", f"rows were refused by {because} them"
        self._problems.count("refused", written.refused, one, many)
        return kept

    async def _keep_done(self, intent: Intent, done: Done) -> Source | None:
        source = await self._store.engine.write(keep(intent, done, {}))
        self._unkept = None
        if self._touched is not None:
            self._touched.update((addition.day, addition.guild) for _, addition in done.additions)
        return source

    # -- after an end that came too early ------------------------------------------------------------------------------

    async def settle(self, intent: Intent, tables: Tables) -> bool:
        """Find out what became of an intent, and note it; False if another process is still at it."""
        if self._unkept is not None and self._unkept[0] == intent:
            await self._keep_done(*self._unkept)
            return True
        self._unkept = None
        now_ms = milliseconds(self._clock.now())
        if not self._owner.is_over(intent.owner) and abs(now_ms - intent.made_ms) < _SETTLED_AFTER_MS:
            return False
        piece = await self._store.engine.read(piece_of(intent))
        if piece is not None and tables.audit_logs is None:
            piece = replace(piece, rows=())
        if piece is not None and tables.bot_stats is None:
            piece = replace(piece, additions=())
        written = None if piece is None else await self._file.read(partial(find_written, intent, piece))
        if written is None:
            await self._store.engine.write(drop_intent(intent))
        else:
            await self._keep(intent, written)
        return True

    # -- people --------------------------------------------------------------------------------------------------------

    async def tell_people(self, source: Source, tables: Tables, *, at_once: bool) -> None:
        """Raise the number of people in `bot_stats` to what we counted; that is no sum.

        For that the log is rolled up; unless it is to be done `at_once`, not with every pass.
        """
        now_s = self._clock.monotonic()
        if tables.bot_stats is None or self._touched == set():
            return
        if not at_once and self._told_people_at is not None and now_s - self._told_people_at < _PEOPLE_EVERY_S:
            return
        engine = self._store.engine
        if self._touched is None:
            day = milliseconds(self._clock.now()) // MS_PER_DAY
            self._touched = set(await engine.read(days_since(source.source_id, day - 1)))
        days = set(self._touched)
        if not days:
            return
        await self._store.rollups.catch_up()
        people = await engine.read(people_of(source.source_id, days))
        for start in range(0, len(people), _MOST_PEOPLE):
            some = people[start : start + _MOST_PEOPLE]
            raised = await self._file.write(partial(write_people, [(day, id_, n) for day, _, id_, n in some]))
            told = [(day, guild, n) for (day, guild, _, n), is_ours in zip(some, raised, strict=True) if is_ours]
            await engine.write(keep_people(source.source_id, told))
            await self._pause(_PAUSE_S)
        self._touched -= days
        self._told_people_at = now_s
