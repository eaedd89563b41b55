"""What is read from the `audit_logs` of a host: the rows, and what was observed of the same commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from botmon_cog.domain.models import Invocation
from botmon_cog.store.conditions import IS_COMMAND
from botmon_cog.store.host.intents import Intent, find_intent
from botmon_cog.store.host.sources import LOGGED, Sample, Source, change_source, encoded, source_of
from botmon_cog.store.labels import id_texts, texts_of
from botmon_cog.store.log import Batch, appended
from botmon_cog.store.records import milliseconds
from botmon_cog.store.retention import raw_since
from botmon_cog.store.schema import HOST_MATCHES, HOST_WAITING
from botmon_cog.store.script import Execute, Insert, Query, Row, Script, Session

_RANGES = (
    "SELECT first_id, last_id FROM @host_rows WHERE source_id = :source_id AND last_id > :read_id ORDER BY first_id"
)
_WAITING = "SELECT row_id, invocation FROM @host_waiting WHERE source_id = :source_id ORDER BY row_id"
_RUNS = """
SELECT id, token, started_ms, last_seq, seen_ms, ended_ms FROM @runs
WHERE token NOT IN (SELECT source_id FROM @host_sources)
"""
_STOP_WAITING = "DELETE FROM @host_waiting WHERE source_id = :source_id AND row_id = :row_id"
_SEEN = (
    "SELECT i.run_id, i.seq, i.started_ms, i.duration_us, i.guild_id, i.user_id, i.command_id FROM @invocations AS i"
)
_OBSERVED = f"""
{_SEEN} WHERE i.kind <> {LOGGED} AND {IS_COMMAND} AND NOT EXISTS (
    SELECT 1 FROM @host_matches AS m WHERE m.source_id = :source_id AND m.run_id = i.run_id AND m.seq = i.seq
)
"""  # noqa: S608 (code)
_OBSERVED_BETWEEN = f"{_OBSERVED} AND i.started_ms >= :since AND i.started_ms <= :until"
_OBSERVED_LATELY = f"{_OBSERVED} AND i.run_id = :run_id AND i.seq > :after"
_LOGGED_BEFORE = f"""
{_SEEN} JOIN @runs AS r ON r.id = i.run_id
WHERE i.started_ms >= :since AND i.started_ms <= :until AND (r.token <> :source_id OR i.seq <= :doubted_seq)
"""
# The mirror leaves out what has a row of the host's, and has to come by there first.
_FORGET_MATCHES = """
DELETE FROM @host_matches WHERE source_id = :source_id AND ended_ms < :before AND seq <= COALESCE((
    SELECT upto_seq FROM @host_mirrored AS m JOIN @runs AS r ON r.token = m.token
    WHERE m.source_id = :source_id AND m.is_observed = 1 AND r.id = run_id
), 0)
"""
_FORGET_ROWS = "DELETE FROM @host_rows WHERE source_id = :source_id AND last_id < :first_id"
_US_PER_MS = 1000


class Seen(NamedTuple):
    """An invocation of the log, as far as a host's row tells of it."""

    run_id: int
    seq: int
    started_ms: int
    ended_ms: int
    guild_id: str | None
    user_id: str | None
    command: str


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a database of the host's, and of who else writes to the store."""

    source: Source
    ranges: Sequence[tuple[int, int]]
    """Ids of rows that are ours, from the last known row on: first and last."""
    waiting: Sequence[tuple[int, Invocation]]
    """Rows that may belong to a command which still runs, and their ids."""
    intent: Intent | None
    first_run_ms: int | None
    """Nothing was observed before that; None: nothing was."""
    last_seqs: Mapping[int, int]
    """How far each run has come by now."""
    own_seq: int
    """How far this process's run has come."""
    others_run: bool
    """Whether another process observes commands too."""


class Taken(msgspec.Struct, kw_only=True):
    """What became of rows that were read: each of them is new, observed before, waits, or is left out."""

    read_id: int
    samples: Sequence[Sample]
    new: list[Invocation] = []
    matches: list[Seen] = []
    waits: list[tuple[int, Invocation]] = []
    resolved: list[int] = []
    """Ids of rows that don't wait any more."""


def look(source_id: int, own_token: int, alive_since: datetime) -> Script[State]:
    """`alive_since`: a run that was seen later is going on."""
    source = yield from source_of(source_id)
    of_source = {"source_id": source_id}
    ranges = yield Query(_RANGES, of_source | {"read_id": source.read_id})
    waiting = yield Query(_WAITING, of_source)
    runs = yield Query(_RUNS)
    since_ms = milliseconds(alive_since)
    return State(
        source=source,
        ranges=[(first, last) for first, last in ranges],
        waiting=[(row_id, msgspec.json.decode(text, type=Invocation)) for row_id, text in waiting],
        intent=(yield from find_intent(source_id)),
        first_run_ms=min((started_ms for _, _, started_ms, *_ in runs), default=None),
        last_seqs={run_id: last_seq for run_id, _, _, last_seq, *_ in runs},
        own_seq=next((last_seq for _, token, _, last_seq, *_ in runs if token == own_token), 0),
        others_run=any(
            token != own_token and ended_ms is None and seen_ms is not None and seen_ms >= since_ms
            for _, token, _, _, seen_ms, ended_ms in runs
        ),
    )


def take(source: Source, taken: Taken) -> Script[tuple[Source, Session, Session] | None]:
    """Append new rows to the log and note how far the table is known; None if another process was quicker.

    Returns:
        The source as it is then, the session, and what that may note once this is committed.
    """
    last_seq = source.last_seq + len(taken.new)
    values: dict[str, Any] = {"read_id": taken.read_id, "last_seq": last_seq, "samples": encoded(taken.samples)}
    if not (yield from change_source(source, **values)):
        return None
    batch = Batch(run=source.run, first_seq=source.last_seq + 1, events=taken.new)
    session, found = yield from appended([batch] if taken.new else [])
    if taken.matches:
        rows = [(source.source_id, seen.run_id, seen.seq, seen.ended_ms) for seen in taken.matches]
        yield Insert(HOST_MATCHES, rows, "ignore")
    for row_id in taken.resolved:
        yield Execute(_STOP_WAITING, {"source_id": source.source_id, "row_id": row_id})
    if taken.waits:
        waits = [(source.source_id, row_id, msgspec.json.encode(row).decode()) for row_id, row in taken.waits]
        yield Insert(HOST_WAITING, waits, "replace")
    return (yield from source_of(source.source_id)), session, found


def observed(source_id: int, spans: Sequence[tuple[int, int]], later_than: Mapping[int, int]) -> Script[list[Seen]]:
    """What was observed and has no row of the host's yet.

    Args:
        source_id: the database of the host's.
        spans: when it began, in milliseconds since 1970, both ends included; they don't overlap.
        later_than: besides those, everything that these runs recorded after these numbers.
    """
    found: dict[tuple[int, int], Row] = {}
    for since, until in spans:
        values = {"source_id": source_id, "since": since, "until": until}
        found.update(((row[0], row[1]), row) for row in (yield Query(_OBSERVED_BETWEEN, values)))
    for run_id, after in later_than.items():
        values = {"source_id": source_id, "run_id": run_id, "after": after}
        found.update(((row[0], row[1]), row) for row in (yield Query(_OBSERVED_LATELY, values)))
    return (yield from _seen(list(found.values())))


def logged_before(source: Source, since: int, until: int) -> Script[tuple[list[Seen], int | None]]:
    """What began between two moments (milliseconds since 1970), of all that was logged before there was a doubt.

    Returns:
        The invocations, and since when none was removed (None: none ever was).
    """
    values = {
        "source_id": source.source_id,
        "doubted_seq": source.doubted_seq,
        "since": since,
        "until": until,
    }
    found = yield from _seen((yield Query(_LOGGED_BEFORE, values)))
    return found, (yield from raw_since())


def _seen(rows: Sequence[Row]) -> Script[list[Seen]]:
    ids = yield from id_texts(id_ for row in rows for id_ in row[4:6] if id_ is not None)
    commands = yield from texts_of(row[6] for row in rows)
    return [
        Seen(
            run_id=run_id,
            seq=seq,
            started_ms=started_ms,
            ended_ms=ended_ms(started_ms, duration_us),
            guild_id=None if guild_id is None else ids[guild_id],
            user_id=None if user_id is None else ids[user_id],
            command=commands[command_id],
        )
        for run_id, seq, started_ms, duration_us, guild_id, user_id, command_id in rows
    ]


def ended_ms(started_ms: int, duration_us: int | None) -> int:
    """When an invocation ended, in milliseconds since 1970."""
    return started_ms + (duration_us or 0) // _US_PER_MS


def forget(source_id: int, *, matched_before: datetime, first_id: int) -> Script[None]:
    """Forget what is of no use any more: old matches, and which rows were ours that are not there any more.

    `first_id`: of the oldest row that is there.
    """
    yield Execute(_FORGET_MATCHES, {"source_id": source_id, "before": milliseconds(matched_before)})
    yield Execute(_FORGET_ROWS, {"source_id": source_id, "first_id": first_id})
