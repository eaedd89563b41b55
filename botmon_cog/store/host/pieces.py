"""What is to be mirrored into a database of the host's, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.rollup import HOURS_PER_DAY, MS_PER_DAY, NO_GUILD, Tally
from botmon_cog.store.conditions import IS_COMMAND
from botmon_cog.store.host.intents import Intent
from botmon_cog.store.host.reading import ended_ms
from botmon_cog.store.host.sources import LOGGED
from botmon_cog.store.labels import id_texts, texts_of
from botmon_cog.store.rollup import COUNTED, MUSIC
from botmon_cog.store.schema import GUILDS
from botmon_cog.store.script import Lookup, Query, Row, Script

ROWS = 100
"""The most invocations that are mirrored in one transaction."""
_SPAN = 2_000
"""The most numbers of a run that are looked through at a time."""

_BEHIND = """
SELECT r.id, r.token, r.last_seq, COALESCE(t.upto_seq, 0), COALESCE(o.upto_seq, 0) FROM @runs AS r
LEFT JOIN @host_mirrored AS t ON t.source_id = :source_id AND t.token = r.token AND t.is_observed = 0
LEFT JOIN @host_mirrored AS o ON o.source_id = :source_id AND o.token = r.token AND o.is_observed = 1
WHERE (r.last_seq > COALESCE(t.upto_seq, 0) OR r.last_seq > COALESCE(o.upto_seq, 0))
AND r.token NOT IN (SELECT source_id FROM @host_sources) ORDER BY r.id
"""
_RUN_ID = "SELECT id FROM @runs WHERE token = :token"
_PIECE = "WHERE run_id = :run_id AND seq > :after AND seq <= :upto"
_INVOCATIONS = f"""
SELECT seq, command_id, outcome, started_ms, duration_us, guild_id, user_id, username, parameters, details,
       error_message, is_own,
       (SELECT COUNT(*) FROM @host_matches AS m
        WHERE m.source_id = :source_id AND m.run_id = i.run_id AND m.seq = i.seq)
FROM @invocations AS i {_PIECE} AND kind {{is}} {LOGGED} AND {IS_COMMAND} ORDER BY seq LIMIT {ROWS + 1}
"""  # noqa: S608 (text of ours)
_OUTCOMES = list(Outcome)

Stream = tuple[int, bool]
"""The token of a run, and whether it is what was observed, or all else."""
Counts = tuple[int, int, int, int, int]
"""Songs, playtime in s, skips, pauses, commands executed."""


class Mirrored(NamedTuple):
    """An invocation as a host's `audit_logs` tells of it."""

    seq: int
    command: str
    outcome: Outcome
    ended_ms: int
    duration_us: int | None
    guild_id: str
    guild_name: str | None
    user_id: str
    username: str | None
    parameters: str | None
    details: str | None
    error_message: str | None


class Addition(NamedTuple):
    """What a day (since 1970, UTC) of a guild is to have more in `bot_stats`."""

    day: int
    guild: int
    """As the store has it."""
    guild_id: str
    counts: Counts


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What one run recorded after one number and up to another, as far as it is mirrored."""

    token: int
    is_observed: bool
    after_seq: int
    upto_seq: int
    rows: tuple[Mirrored, ...]
    additions: tuple[Addition, ...]


def next_piece(
    source_id: int, ahead: Mapping[Stream, int], ended_before_ms: int | None
) -> Script[tuple[Piece | None, dict[Stream, int]]]:
    """The first piece that is due, None if there is none; and up to where there is nothing, by stream.

    Args:
        source_id: the database of the host's.
        ahead: up to where there is nothing, as far as that is known.
        ended_before_ms: what was observed is due if it ended before that; None: all of it.
    """
    empty: dict[Stream, int] = {}
    for run_id, token, last_seq, *marks in (yield Query(_BEHIND, {"source_id": source_id})):
        for is_observed, mark in zip((False, True), marks, strict=True):
            stream = token, is_observed
            after = max(mark, ahead.get(stream, 0))
            while after < last_seq:
                upto = min(last_seq, after + _SPAN)
                due_ms = ended_before_ms if is_observed else None
                piece = yield from _piece(source_id, run_id, stream, after, upto, due_ms)
                if piece.rows or piece.additions:
                    return piece, empty
                if piece.upto_seq <= after:
                    break
                after = empty[stream] = piece.upto_seq
    return None, empty


def piece_of(intent: Intent) -> Script[Piece | None]:
    """What an intent is about; None if the run is gone."""
    runs = yield Query(_RUN_ID, {"token": intent.token})
    if not runs:
        return None
    stream = intent.token, intent.is_observed
    piece = yield from _piece(
        intent.source_id, runs[0][0], stream, intent.after_seq, intent.upto_seq, None, intent.seqs
    )
    return msgspec.structs.replace(piece, upto_seq=intent.upto_seq)


def _piece(
    source_id: int,
    run_id: int,
    stream: Stream,
    after: int,
    upto: int,
    due_ms: int | None,
    seqs: Sequence[int] | None = None,
) -> Script[Piece]:
    """`seqs`: the invocations that go to `audit_logs`; None: all that have a place there and no row of the host's."""
    token, is_observed = stream
    values = {"source_id": source_id, "run_id": run_id, "after": after, "upto": upto}
    found: Sequence[Row] = yield Query(_INVOCATIONS.replace("{is}", "<>" if is_observed else "="), values)
    rows: list[Row] = []
    for row in found:
        if len(rows) == ROWS or (due_ms is not None and ended_ms(row[3], row[4]) >= due_ms):
            upto = row[0] - 1
            break
        rows.append(row)
    values = {"run_id": run_id, "after": after, "upto": upto}
    tally = Tally()
    if not is_observed:
        tally.add_music((yield Query(MUSIC, values)))
        tally.add_counted((yield Query(COUNTED, values)))
    return Piece(
        token=token,
        is_observed=is_observed,
        after_seq=after,
        upto_seq=upto,
        rows=tuple((yield from _mirrored(row for row in rows if _has_place(row, seqs)))),
        additions=tuple((yield from _additions(tally, rows if is_observed else ()))),
    )


def _has_place(row: Row, seqs: Sequence[int] | None) -> bool:
    guild_id, user_id, is_own, matches = row[5], row[6], row[11], row[12]
    if None in {guild_id, user_id}:
        return False
    return row[0] in seqs if seqs is not None else not is_own and not matches


def _mirrored(rows: Iterable[Row]) -> Script[list[Mirrored]]:
    rows = list(rows)
    commands = yield from texts_of(row[1] for row in rows)
    ids = yield from id_texts(id_ for row in rows for id_ in row[5:7])
    guilds = sorted({row[5] for row in rows})
    names = dict((yield Lookup(GUILDS, [(id_,) for id_ in guilds], ("guild_id", "name"))))
    return [
        Mirrored(
            seq=seq,
            command=commands[command_id],
            outcome=_OUTCOMES[outcome],
            ended_ms=ended_ms(started_ms, duration_us),
            duration_us=duration_us,
            guild_id=ids[guild_id],
            guild_name=names.get(guild_id),
            user_id=ids[user_id],
            username=username,
            parameters=parameters,
            details=details,
            error_message=error_message,
        )
        for (
            seq,
            command_id,
            outcome,
            started_ms,
            duration_us,
            guild_id,
            user_id,
            username,
            parameters,
            details,
            error_message,
            *_,
        ) in rows
    ]


def _additions(tally: Tally, observed: Iterable[Row]) -> Script[list[Addition]]:
    sums: dict[tuple[int, int], list[int]] = {}
    for (hour, guild), (songs, playtime_s, skips, pauses, _, counted) in tally.hourly.items():
        if guild != NO_GUILD:  # else of a server that is to be forgotten
            _add(sums, hour // HOURS_PER_DAY, guild, (songs, playtime_s, skips, pauses, counted))
    for row in observed:
        started_ms, guild, is_own = row[3], row[5], row[11]
        code: int = row[2]
        if guild is not None and not is_own and _OUTCOMES[code].is_executed:
            _add(sums, started_ms // MS_PER_DAY, guild, (0, 0, 0, 0, 1))
    ids = yield from id_texts(guild for _, guild in sums)
    return [
        Addition(day, guild, ids[guild], (counts[0], counts[1], counts[2], counts[3], counts[4]))
        for (day, guild), counts in sorted(sums.items())
    ]


def _add(sums: dict[tuple[int, int], list[int]], day: int, guild: int, counts: Counts) -> None:
    known = sums.setdefault((day, guild), [0] * len(counts))
    for n, count in enumerate(counts):
        known[n] += count
