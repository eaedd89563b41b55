"""What was mirrored into a database of the host's: how far each run is, which rows are ours, what we added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from botmon_cog.store.host.intents import Intent, drop_intent
from botmon_cog.store.host.pieces import Addition, Stream
from botmon_cog.store.host.sources import Sample, Source, change_source, encoded, source_of
from botmon_cog.store.schema import HOST_LEDGER, HOST_MIRRORED, HOST_ROWS
from botmon_cog.store.script import Execute, Insert, Lookup, Query, Row, Script

_RANGE_BEFORE = "SELECT first_id FROM @host_rows WHERE source_id = :source_id AND last_id = :last_id"
_CHANGE = "UPDATE @host_sources SET version = version + 1 WHERE source_id = :source_id"
_KNOWN = "UPDATE @host_sources SET samples = :samples, read_id = :read_id WHERE source_id = :source_id"


class Done(msgspec.Struct, kw_only=True):
    """What was mirrored of a piece."""

    row_ids: Sequence[int]
    """Of the rows in `audit_logs`, ascending."""
    additions: Sequence[tuple[int, Addition]]
    """The ids of the rows in `bot_stats`, and what was added there."""
    read_id: int | None = None
    """The table is known up to this id by now; None: as before."""
    samples: Sequence[Sample] = ()


def pass_over(source: Source, empty: Mapping[Stream, int]) -> Script[bool]:
    """Note that there is nothing to mirror up to these numbers; False if another process was quicker."""
    if not (yield from change_source(source)):
        return False
    yield from _raise_marks(source.source_id, empty)
    return True


def keep(intent: Intent, done: Done, empty: Mapping[Stream, int]) -> Script[Source | None]:
    """Note what was done of an intent, and forget it; None if another process has settled it meanwhile.

    `empty`: up to where else there is nothing to mirror.
    """
    if not (yield from drop_intent(intent)):
        return None
    yield Execute(_CHANGE, {"source_id": intent.source_id})
    source = yield from source_of(intent.source_id)
    yield from _raise_marks(intent.source_id, {**empty, (intent.token, intent.is_observed): intent.upto_seq})
    yield from _keep_rows(intent.source_id, done.row_ids)
    yield from _keep_additions(intent.source_id, done.additions)
    if done.read_id is not None and done.read_id > source.read_id:
        samples = encoded(done.samples)
        yield Execute(_KNOWN, {"source_id": intent.source_id, "samples": samples, "read_id": done.read_id})
    return (yield from source_of(intent.source_id))


def _raise_marks(source_id: int, marks: Mapping[Stream, int]) -> Script[None]:
    rows = [(source_id, token, int(is_observed), upto) for (token, is_observed), upto in sorted(marks.items())]
    if rows:
        yield Insert(HOST_MIRRORED, rows, "replace")


def _keep_rows(source_id: int, ids: Sequence[int]) -> Script[None]:
    ranges: list[list[int]] = []
    for id_ in ids:
        if ranges and ranges[-1][1] == id_ - 1:
            ranges[-1][1] = id_
        else:
            ranges.append([id_, id_])
    if not ranges:
        return
    before = yield Query(_RANGE_BEFORE, {"source_id": source_id, "last_id": ranges[0][0] - 1})
    if before:
        ranges[0][0] = before[0][0]
    yield Insert(HOST_ROWS, [(source_id, first, last) for first, last in ranges], "replace")


def _keep_additions(source_id: int, additions: Sequence[tuple[int, Addition]]) -> Script[None]:
    columns = tuple(HOST_LEDGER.columns)
    keys = [(source_id, addition.day, addition.guild) for _, addition in additions]
    known: dict[Row, Row] = {row[:3]: row for row in (yield Lookup(HOST_LEDGER, keys, columns))}
    rows: list[Row] = []
    for row_id, (day, guild, _, (songs, playtime_s, skips, pauses, commands)) in additions:
        key = source_id, day, guild
        before = known.get(key)
        if before is None or before[3] != row_id:  # else what we had added went with the row
            before = (*key, row_id, 0, 0, 0, 0, 0, 0)
        sums = (before[4] + songs, before[5] + playtime_s, before[6] + skips, before[7] + pauses)
        rows.append((*key, row_id, *sums, before[8], before[9] + commands))
    if rows:
        yield Insert(HOST_LEDGER, rows, "replace")
