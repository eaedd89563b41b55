"""The log: events as they were taken, appended and never changed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import compress, groupby
from operator import attrgetter, is_not
from typing import Any, NamedTuple, Self

import msgspec
from msgspec.structs import replace

from botmon_cog.domain.ended import Taken, events_of
from botmon_cog.domain.models import Event
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import HealthMoment
from botmon_cog.store import late
from botmon_cog.store.columns import Form, LogTable
from botmon_cog.store.conditions import IS_COMMAND, IS_RATED, IS_RATED_FAULT
from botmon_cog.store.engine import Engine
from botmon_cog.store.forgotten import forgotten
from botmon_cog.store.labels import label_ids_of, stored_id
from botmon_cog.store.records import Encoder, milliseconds, moment, stored_number
from botmon_cog.store.schema import GUILDS, LOG_TABLES
from botmon_cog.store.script import Exclude, Execute, Insert, Query, Recall, Row, Script, Session

_ENCODERS = {table: Encoder(table) for table in LOG_TABLES.values()}
_OUTCOMES = tuple(Outcome)
_NAMING = {table for table in LOG_TABLES.values() if any(column.form is Form.GUILD_NAME for column in table.of)}
"""What tells the names of guilds."""
_is_there = partial(is_not, None)
_GUILD_ID, _GUILD_NAME = attrgetter("guild_id"), attrgetter("guild_name")

_ADD_RUN = """
INSERT INTO @runs (token, instance, started_ms) VALUES (:token, :instance, :started_ms) ON CONFLICT (token) DO NOTHING
"""
_RUN_ID = "SELECT id FROM @runs WHERE token = :token"
_RAISE_LAST = "UPDATE @runs SET last_seq = :last WHERE id = :run_id AND last_seq < :last"
_COUNTED = f"""
i.started_ms >= :since AND i.is_own = 0 AND {IS_COMMAND} AND {IS_RATED} AND NOT EXISTS (
    SELECT 1 FROM @error_marks AS m WHERE m.fingerprint = i.fingerprint AND m.muted_until_ms > i.started_ms
)
"""  # noqa: S608 (codes)
_BY_MINUTE = f"""
SELECT i.started_ms / 60000, COUNT(*), SUM(CASE WHEN {IS_RATED_FAULT} THEN 1 ELSE 0 END)
FROM @invocations AS i WHERE {_COUNTED} {{guild}} GROUP BY 1 ORDER BY 1
"""  # noqa: S608 (codes)
_OF_INSTANCE = "run_id IN (SELECT id FROM @runs WHERE instance = :instance)"
_BY_COMMAND = f"""
SELECT i.started_ms / 60000, l.text, i.outcome, i.fingerprint, COUNT(*)
FROM @invocations AS i JOIN @labels AS l ON l.id = i.command_id
WHERE {_COUNTED} AND +i.{_OF_INSTANCE} GROUP BY 1, 2, 3, 4 ORDER BY 1
"""  # noqa: S608 (codes)
_CHECKS = f"""
SELECT c.occurred_ms, l.text, c.reason FROM @health_checks AS c JOIN @labels AS l ON l.id = c.status_id
WHERE c.occurred_ms >= :since AND {_OF_INSTANCE} ORDER BY c.occurred_ms, c.run_id, c.seq
"""  # noqa: S608 (text of ours)
_BEFORE = f"SELECT MAX(occurred_ms) FROM @health_checks WHERE occurred_ms < :since AND {_OF_INSTANCE}"  # noqa: S608
_LAST_TROUBLE = f"""
SELECT MAX(occurred_ms) FROM @health_checks
WHERE {_OF_INSTANCE} AND status_id NOT IN (SELECT id FROM @labels WHERE text = 'healthy')
"""  # noqa: S608 (text of ours)


class RunKey(msgspec.Struct, frozen=True, kw_only=True):
    """One start of one process, which numbers what it records. Known before the database is."""

    token: int
    """Random, 63 bits."""
    instance: str
    started_at: datetime

    @classmethod
    def new(cls, instance: str, now: datetime) -> Self:
        return cls(token=secrets.randbits(63) or 1, instance=instance, started_at=now)


class Batch(msgspec.Struct, kw_only=True):
    """Events of one run, numbered one after the other."""

    run: RunKey
    first_seq: int
    events: Sequence[Taken]
    is_repeat: bool = False
    """Whether it may be stored already."""

    @property
    def last_seq(self) -> int:
        return self.first_seq + len(self.events) - 1


class MinuteCount(NamedTuple):
    """Rated commands that ended alike within one minute."""

    minute: int
    """Since 1970."""
    command: str
    outcome: Outcome
    fingerprint: int | None
    n: int


class Log:
    """Appends events, and finds them again one by one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def append(self, batches: Sequence[Batch]) -> None:
        """Store events, all in one transaction. What is stored already changes nothing.

        Raises:
            ConflictError: one that is no repeat was stored already; nothing was stored.
            StorageError: nothing was stored.
        """
        session, found = await self._engine.write(appended(batches))
        session.note(found)

    async def outcomes_by_minute(self, since: datetime, guild_id: str | None = None) -> list[tuple[int, int, int]]:
        """(minutes since 1970, rated commands, faults of the bot) of all processes, oldest first.

        What failed while its error group was muted is in neither.
        """
        return await self._engine.read(_outcomes_by_minute(milliseconds(since), guild_id))

    async def outcomes_of(self, instance: str, since: datetime) -> list[MinuteCount]:
        """The same of one instance's processes, by command and outcome, oldest first."""
        return await self._engine.read(_outcomes_of(instance, milliseconds(since)))

    async def health_history(self, instance: str, since: datetime) -> list[HealthMoment]:
        """What the health checks of an instance found, oldest first."""
        return await self._engine.read(_checks(instance, milliseconds(since)))

    async def health_changes(self, instance: str, since: datetime) -> list[HealthMoment]:
        """Of those the ones that found another status or kind of reason than the check before, oldest first."""
        return await self._engine.read(_changes(instance, milliseconds(since)))

    async def last_trouble(self, instance: str) -> datetime | None:
        """When a health check of an instance last found it not healthy."""
        return await self._engine.read(_last_trouble(instance))


# -- appending ---------------------------------------------------------------------------------------------------------


def appended(batches: Sequence[Batch]) -> Script[tuple[Session, Session]]:
    """Returns the session, and what it may note once this is committed.

    Of a batch that may be stored already only those rows are stored that are not there yet, by run and number, and
    those that the roll-ups have passed are counted. It may be old: who was erased since is left out of it.
    """
    repeats = [batch for batch in batches if batch.is_repeat]
    if repeats:
        yield Exclude()  # before anything is locked: else we could wait for a roll-up that waits for us
        if gone := (yield from forgotten()):
            batches = [replace(batch, events=gone.applied(events_of(batch.events))) for batch in batches]
            repeats = [batch for batch in batches if batch.is_repeat]
    session: Session = yield Recall()
    found = Session()
    pieces = [piece for batch in batches for piece in _pieces(batch)]
    texts: set[str] = set()
    for piece in pieces:
        texts |= _ENCODERS[piece.table].labels(piece.events)
    labels = found.labels = yield from label_ids_of(texts)
    for batch in batches:
        known = session.run_ids.get(batch.run.token) or found.run_ids.get(batch.run.token)
        found.run_ids[batch.run.token] = yield from _raised_run(batch, known)
    rows: dict[LogTable, list[Row]] = {}
    for piece in pieces:
        run_id = found.run_ids[piece.token]
        made = _ENCODERS[piece.table].rows(run_id, piece.first_seq, piece.events, labels)
        rows.setdefault(piece.table, []).extend(made)
    passed = yield from late.passed(
        (found.run_ids[batch.run.token], batch.first_seq, batch.last_seq) for batch in repeats
    )
    for table in LOG_TABLES.values():
        if table in rows:
            yield Insert(table, rows[table], "ignore", is_new=not repeats and not table.is_once)
    yield from late.count(passed)
    found.guild_names = _new_guild_names(pieces, labels, session.guild_names)
    if found.guild_names:
        yield Insert(GUILDS, sorted(found.guild_names.items()), "replace")
    return session, found


class _Piece(NamedTuple):
    """Events of one kind, numbered one after the other."""

    token: int
    table: LogTable
    first_seq: int
    events: Sequence[Event]


def _pieces(batch: Batch) -> list[_Piece]:
    """A batch's events, cleaned, where they change from one kind to another."""
    found: list[_Piece] = []
    seq = batch.first_seq
    for kind, events in groupby(events_of(batch.events), type):
        table = LOG_TABLES[kind]
        piece = _Piece(batch.run.token, table, seq, _ENCODERS[table].cleaned(list(events)))
        found.append(piece)
        seq += len(piece.events)
    return found


def _new_guild_names(pieces: Sequence[_Piece], labels: Mapping[str, int], known: Mapping[int, str]) -> dict[int, str]:
    """The names of guilds by their stored ids, as far as they are not known to be stored."""
    named: dict[int | str | None, str] = {}
    for piece in pieces:
        if piece.table in _NAMING:
            names = [*map(_GUILD_NAME, piece.events)]
            named.update(compress(zip(map(_GUILD_ID, piece.events), names, strict=True), map(_is_there, names)))
    if str in set(map(type, named)):
        named = {stored_number(id_, labels): name for id_, name in named.items() if id_ is not None}
    return {id_: name for id_, name in named.items() if isinstance(id_, int) and known.get(id_) != name}


def _raised_run(batch: Batch, known: int | None) -> Script[int]:
    """The id of a batch's run, whose last number is raised."""
    run_id = known or (yield from _run_id(batch.run))
    if not (yield Execute(_RAISE_LAST, {"last": batch.last_seq, "run_id": run_id})):
        # It is a repeat, or the run is gone: after months without a row, or with a server's last commits.
        run_id = yield from _run_id(batch.run)
        yield Execute(_RAISE_LAST, {"last": batch.last_seq, "run_id": run_id})
    return run_id


def _run_id(run: RunKey) -> Script[int]:
    values: dict[str, Any] = {"token": run.token, "instance": run.instance, "started_ms": milliseconds(run.started_at)}
    yield Execute(_ADD_RUN, values)
    return (yield Query(_RUN_ID, {"token": run.token}))[0][0]


# -- reading -----------------------------------------------------------------------------------------------------------


def _outcomes_by_minute(since: int, guild_id: str | None) -> Script[list[tuple[int, int, int]]]:
    values: dict[str, Any] = {"since": since}
    if guild_id is not None:
        values["guild_id"] = yield from stored_id(guild_id)
    query = _BY_MINUTE.replace("{guild}", "" if guild_id is None else "AND guild_id = :guild_id")
    return [(int(minute), int(n), int(faults)) for minute, n, faults in (yield Query(query, values))]


def _outcomes_of(instance: str, since: int) -> Script[list[MinuteCount]]:
    rows = yield Query(_BY_COMMAND, {"instance": instance, "since": since})
    return [
        MinuteCount(int(minute), command, _OUTCOMES[outcome], fingerprint, int(n))
        for minute, command, outcome, fingerprint, n in rows
    ]


def _checks(instance: str, since: int) -> Script[list[HealthMoment]]:
    rows = yield Query(_CHECKS, {"instance": instance, "since": since})
    return [HealthMoment(occurred_at=moment(ms), status=status, reason=_reason(reason)) for ms, status, reason in rows]


def _reason(stored: str | None) -> Reason | None:
    return None if stored is None else msgspec.json.decode(stored, type=Reason)


def _kind(check: HealthMoment) -> tuple[object, ...]:
    return (check.status, *(check.reason.kind if check.reason is not None else ()))


def _changes(instance: str, since: int) -> Script[list[HealthMoment]]:
    ((before,),) = yield Query(_BEFORE, {"instance": instance, "since": since})
    checks = yield from _checks(instance, since if before is None else before)
    found = [
        check
        for earlier, check in zip([None, *checks], checks, strict=False)
        if earlier is None or _kind(earlier) != _kind(check)
    ]
    return [check for check in found if milliseconds(check.occurred_at) >= since]


def _last_trouble(instance: str) -> Script[datetime | None]:
    ((ms,),) = yield Query(_LAST_TROUBLE, {"instance": instance})
    return None if ms is None else moment(ms)
