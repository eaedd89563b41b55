"""Where somebody is in the log: looked through by its keys, in pieces that keep nobody waiting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from botmon_cog.privacy.mentions import Mentions
from botmon_cog.privacy.subject import Subject
from botmon_cog.store.columns import LogTable
from botmon_cog.store.schema import COUNTED_COMMANDS, INVOCATIONS, MUSIC_EVENTS, SAMPLES
from botmon_cog.store.script import Query, Script

LOOKED_THROUGH = (INVOCATIONS, MUSIC_EVENTS, COUNTED_COMMANDS, SAMPLES)
_ROWS_AT_ONCE = 50_000
_RUNS_AT_ONCE = 200

_RUNS = "SELECT id, last_seq FROM @runs ORDER BY id"
_PIECE = "run_id = :run_id AND seq > :after AND seq <= :upto"
_NAMES = "SELECT DISTINCT username FROM @invocations WHERE username IS NOT NULL AND {condition}"
_GUILD_NAMES = "SELECT name FROM @guilds WHERE {condition}"


class Stretch(NamedTuple):
    """Numbers of one run: after the first, up to the last."""

    run_id: int
    after: int
    upto: int


Key = tuple[int, int]
"""Run and number."""


def stretches() -> Script[list[list[Stretch]]]:
    """All that is in the log by now, in lots that are looked through at once."""
    found: list[list[Stretch]] = [[]]
    room = _ROWS_AT_ONCE
    for run_id, last_seq in (yield Query(_RUNS)):
        for piece in _pieces(run_id, last_seq):
            if room <= 0 or len(found[-1]) >= _RUNS_AT_ONCE:
                found.append([])
                room = _ROWS_AT_ONCE
            found[-1].append(piece)
            room -= piece.upto - piece.after
    return [lot for lot in found if lot]


def _pieces(run_id: int, last_seq: int) -> Iterator[Stretch]:
    for after in range(0, last_seq, _ROWS_AT_ONCE):
        yield Stretch(run_id, after, min(after + _ROWS_AT_ONCE, last_seq))


def names_of(subject: Subject) -> Script[list[str]]:
    """What they are, or were, called."""
    query = _GUILD_NAMES if subject.is_guilds else _NAMES
    return [name for (name,) in (yield Query(query.replace("{condition}", subject.condition), subject.values))]


def rows_of(table: LogTable, subject: Subject, lot: Sequence[Stretch]) -> Script[list[Key]]:
    """The keys of their rows."""
    query = f"SELECT run_id, seq FROM @{table.name} WHERE {_PIECE} AND {subject.condition}"  # noqa: S608 (names)
    return (yield from _keys(query, subject.values, lot))


def mentioning(mentions: Mentions, lot: Sequence[Stretch]) -> Script[list[Key]]:
    """The keys of invocations, of whomever, whose texts may mention them."""
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for patterns, columns in (
        (mentions.id_patterns, ("parameters", "details")),
        (mentions.patterns, ("error_message",)),
    ):
        for pattern in patterns:
            name = f"word_{len(values)}"
            values[name] = pattern
            conditions += [f"{column} LIKE :{name} ESCAPE '|'" for column in columns]
    if not conditions:
        return []
    query = f"SELECT run_id, seq FROM @invocations WHERE {_PIECE} AND ({' OR '.join(conditions)})"  # noqa: S608 (columns)
    return (yield from _keys(query, values, lot))


def _keys(query: str, values: Mapping[str, Any], lot: Sequence[Stretch]) -> Script[list[Key]]:
    found: list[Key] = []
    for stretch in lot:
        found += [(run_id, seq) for run_id, seq in (yield Query(query, {**values, **stretch._asdict()}))]
    return found
