"""Roll-ups: made from the log in lots, for everybody's rows, by whichever process comes first.

A lot and the watermarks of the runs that it counts are one transaction. So at every instant the roll-ups are what the
log says up to the watermarks, however a process ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from botmon_cog.domain.metric_days import add_points
from botmon_cog.domain.models import Durations
from botmon_cog.domain.rollup import EXECUTED_CELLS, Counts, Tally
from botmon_cog.store.engine import Engine
from botmon_cog.store.metric_days import POINTS, add_metric_days, points
from botmon_cog.store.packed import pack, unpack
from botmon_cog.store.records import unpack_durations
from botmon_cog.store.schema import GUILD_HOURLY, PEOPLE, ROLLUPS, SONG_TITLES
from botmon_cog.store.script import Exclude, Execute, Insert, Lookup, Pause, Query, Row, Script

LOT_ROWS = 10_000
"""The most rows that are rolled up in one transaction."""
RECOUNT_FROM = "recount_from"
"""The mark that says from which day on a rebuild counts again."""

_PIECE = 250
"""Rows or groups that are worked on at a time; other threads have their turn in between."""

_BEHIND = "SELECT id, rolled_up_seq, last_seq, recount_seq FROM @runs WHERE rolled_up_seq < last_seq ORDER BY id"
_ROWS_BEHIND = "SELECT COALESCE(SUM(last_seq - rolled_up_seq), 0) FROM @runs"
_ADVANCE = "UPDATE @runs SET rolled_up_seq = :upto WHERE id = :run_id"
_RECOUNT = "SELECT value FROM @marks WHERE name = :name"
_PIECE_OF = "WHERE run_id = :run_id AND seq > :after AND seq <= :upto"
INVOCATIONS = f"""
SELECT started_ms, guild_id, command_id, kind, outcome, user_id, duration_us, response_us, gateway_delay_us
FROM @invocations {_PIECE_OF} AND is_own = 0
"""  # noqa: S608 (text of ours)
MUSIC = f"SELECT occurred_ms, guild_id, type, duration_us, title FROM @music_events {_PIECE_OF}"  # noqa: S608
COUNTED = f"SELECT occurred_ms, guild_id, user_id FROM @counted_commands {_PIECE_OF}"  # noqa: S608
COMPLETIONS = f"""
SELECT started_ms, command_id, n, failed, durations FROM @autocomplete_calls {_PIECE_OF}
"""  # noqa: S608 (text of ours)
SAMPLES = f"""
SELECT occurred_ms, guild_id, name_id, value, success FROM @samples {_PIECE_OF}
AND unit_id IN (SELECT id FROM @labels WHERE text = 's')
"""  # noqa: S608 (text of ours)


class _Stretch(NamedTuple):
    """Rows of one run that are counted at once."""

    run_id: int
    after: int
    upto: int
    first_day: int


class RollUps:
    """Makes the roll-ups of one store."""

    def __init__(self, engine: Engine, lot_rows: int = LOT_ROWS) -> None:
        self._engine = engine
        self._lot_rows = lot_rows

    async def lot(self) -> int:
        """Count at most one lot of the rows that are not counted yet; returns how many it was.

        Raises:
            StorageError: nothing was counted.
        """
        return await self._engine.write(_lot(self._lot_rows))

    async def catch_up(self) -> None:
        """Count all that is in the log by now.

        Raises:
            StorageError: it ended in the middle, between two lots.
        """
        behind = await self.rows_behind()
        while behind > 0 and (counted := await self.lot()):
            behind -= counted

    async def rows_behind(self) -> int:
        """How many rows are in the log and not counted yet; numbers that were given to no row are among them."""
        return await self._engine.read(_rows_behind())


def _rows_behind() -> Script[int]:
    return int((yield Query(_ROWS_BEHIND))[0][0])


def _lot(most: int) -> Script[int]:
    yield Exclude()
    stretches: list[_Stretch] = []
    left = most
    recount_from = None
    for run_id, after, last, recount in (yield Query(_BEHIND)):
        if left <= 0:
            break
        upto = min(last, after + left)
        first_day = 0
        if after < recount:
            # Up to there a rebuild counts again, but not what it could not clear.
            upto = min(upto, recount)
            if recount_from is None:
                recount_from = int((yield Query(_RECOUNT, {"name": RECOUNT_FROM}))[0][0])
            first_day = recount_from
        stretches.append(_Stretch(run_id, after, upto, first_day))
        left -= upto - after
    if stretches:
        tally = yield from count(stretches)
        yield from add(tally)
        for stretch in stretches:
            yield Execute(_ADVANCE, {"upto": stretch.upto, "run_id": stretch.run_id})
    return most - left


def count(stretches: Sequence[tuple[int, int, int, int]]) -> Script[Tally]:
    """What rows of the log add up to: each stretch is (run, after which seq, up to which seq, first day)."""
    tally = Tally()
    for run_id, after, upto, first_day in stretches:
        for start in range(after, upto, _PIECE):
            piece: Mapping[str, Any] = {"run_id": run_id, "after": start, "upto": min(start + _PIECE, upto)}
            tally.add_invocations((yield Query(INVOCATIONS, piece)), first_day)
            yield Pause()
        whole: Mapping[str, Any] = {"run_id": run_id, "after": after, "upto": upto}
        tally.add_music((yield Query(MUSIC, whole)), first_day)
        tally.add_counted((yield Query(COUNTED, whole)), first_day)
        tally.add_samples((yield Query(SAMPLES, whole)), first_day)
        tally.add_completions(completions((yield Query(COMPLETIONS, whole))), first_day)
        add_points(tally.metrics, points((yield Query(POINTS, whole))), first_day)
    return tally


def completions(rows: Iterable[Row]) -> Iterator[tuple[int, int, int, int, Durations]]:
    """Rows of `COMPLETIONS` as a tally takes them."""
    for started_ms, command, n, failed, durations in rows:
        yield started_ms, command, n, failed, unpack_durations(bytes(durations))


def add(tally: Tally) -> Script[None]:
    """Add sums to the roll-ups. The script must have excluded others before."""
    # In the order of the keys: so the pages of a table are written one after the other.
    keys = sorted(tally.groups)
    for start in range(0, len(keys), _PIECE):
        piece = keys[start : start + _PIECE]
        stored: dict[tuple[int, int, int], bytes] = {
            (day, scope, name): data
            for day, scope, name, data in (yield Lookup(ROLLUPS, piece, ("day", "scope", "name_id", "data")))
        }
        rows = [(*key, *_merged(tally.groups[key], stored.get(key))) for key in piece]
        yield Insert(ROLLUPS, rows, "replace")
        yield Pause()
    people = sorted((*who, hours) for who, hours in tally.people.items())
    for start in range(0, len(people), 4 * _PIECE):
        yield Insert(PEOPLE, people[start : start + 4 * _PIECE], "unite")
        yield Pause()
    if tally.hourly:
        yield Insert(GUILD_HOURLY, sorted((*key, *counts) for key, counts in tally.hourly.items()), "add")
    if tally.titles:
        yield Insert(SONG_TITLES, sorted((*key, n) for key, n in tally.titles.items()), "add")
    yield from add_metric_days(tally.metrics)


def _merged(codes: Sequence[int], stored: bytes | None) -> tuple[int, bytes]:
    """(commands that ran, packed counts) of a group with what came."""
    counts = Counter({} if stored is None else unpack(bytes(stored)))
    counts.update(codes)
    return commands_of(counts), pack(counts)


def commands_of(counts: Counts) -> int:
    """How many ran."""
    return sum(counts[cell] for cell in EXECUTED_CELLS.intersection(counts))
