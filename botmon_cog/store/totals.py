"""What is kept of an instance's totals, and what the log holds beyond that: together they are exact at every instant.

The mark `totals.<instance>` holds the totals and, of each run of the instance, up to which number they count it. Rows
that came later are added to them, from the log; so it does not matter when the process ended, and how.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from botmon_cog.domain.models import BackgroundKind, Kind, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.totals import Call, KeptTotals, Totals
from botmon_cog.store.engine import Engine
from botmon_cog.store.log import RunKey
from botmon_cog.store.records import clean
from botmon_cog.store.schema import MARKS
from botmon_cog.store.script import Exclude, Insert, Pause, Query, Script

_MARK = "SELECT value FROM @marks WHERE name = :name"
_RUNS = """
SELECT id, token, last_seq FROM @runs
WHERE instance = :instance AND token <> :own AND token NOT IN (SELECT source_id FROM @host_sources) ORDER BY id
"""
_BEYOND = "WHERE run_id = :run_id AND seq > :after AND seq <= :upto"
_INVOCATIONS = f"""
SELECT seq, l.text, kind, outcome, duration_us, response_us, gateway_delay_us FROM @invocations
JOIN @labels AS l ON l.id = command_id {_BEYOND} AND is_own = 0 ORDER BY seq LIMIT :most
"""  # noqa: S608 (text of ours)
_COMPLETIONS = f"""
SELECT l.text, n, failed FROM @autocomplete_calls JOIN @labels AS l ON l.id = command_id {_BEYOND} ORDER BY seq
"""  # noqa: S608 (text of ours)
_BACKGROUND = f"SELECT kind, SUM(n) FROM @background_failures {_BEYOND} GROUP BY kind"  # noqa: S608 (text of ours)
_MUSIC = f"SELECT type, COUNT(*) FROM @music_events {_BEYOND} GROUP BY type"  # noqa: S608 (text of ours)
_PEOPLE = "SELECT COUNT(DISTINCT user_id) FROM @people WHERE day = :day"
_PIECE, _LOT = 1_000, 20_000
"""Rows that are counted without a pause, and in one transaction: weeks of them, if metrics were off meanwhile."""

_KINDS, _OUTCOMES = tuple(Kind), tuple(Outcome)
_BACKGROUND_KINDS, _MUSIC_TYPES = tuple(BackgroundKind), tuple(MusicEventType)
_times = itemgetter(4, 5, 6)

Held = Mapping[int, int]
"""By a run's token: the number of the last row that is counted."""


class Recalled(NamedTuple):
    """What is known of an instance.

    Attributes:
        owner: the token of the run that kept the totals; None if nobody ever did.
        held: of the runs that are in the store, but for the one that asks.
    """

    owner: int | None
    totals: Totals
    held: Held


class _Kept(msgspec.Struct, kw_only=True):
    held: dict[int, int]
    totals: KeptTotals


class TotalsStore:
    """Of one instance. Every method raises StorageError if the database is away."""

    def __init__(self, engine: Engine, run: RunKey) -> None:
        self._engine = engine
        self._run = run
        self._mark = clean(f"totals.{run.instance}")

    async def recall(self) -> Recalled:
        """The totals as they were kept, with all that the instance's earlier runs have stored since.

        If nobody ever kept any they begin with this run.
        """
        kept = await self._engine.read(_recall(self._mark, self._run))
        more, held = await self.beyond(kept.held)
        kept.totals.merge(more)
        return kept._replace(held=held)

    async def beyond(self, held: Held) -> tuple[Totals, Held]:
        """What other runs of the instance have stored beyond what is counted, and up to where that is counted then."""
        found = Totals()
        while True:
            totals, held, is_all = await self._engine.read(_beyond(self._run, held))
            found.merge(totals)
            if is_all:
                return found, held

    async def keep(self, totals: bytes, recalled_from: int | None) -> bool:
        """Put totals, as `encoded` has them, in place of those that are kept.

        False: another process has made them its own since they were recalled; nothing was changed.
        """
        owners = {self._run.token} if recalled_from is None else {self._run.token, recalled_from}
        return await self._engine.write(_keep(self._mark, self._run.token, totals.decode(), owners))

    async def people(self, day: int) -> int:
        """How many used the bot on a day (since 1970, UTC), as far as it is rolled up; in all processes."""
        return await self._engine.read(_people(day))


def encoded(totals: Totals, held: Held) -> bytes:
    """What `TotalsStore.keep` takes."""
    return msgspec.json.encode(_Kept(held=dict(held), totals=totals.kept()))


def _recall(mark: str, run: RunKey) -> Script[Recalled]:
    rows = yield Query(_MARK, {"name": mark})
    if not rows:
        runs = yield Query(_RUNS, {"instance": run.instance, "own": run.token})
        return Recalled(None, Totals(), {token: last for _, token, last in runs})
    owner, _, data = rows[0][0].partition(" ")
    kept = msgspec.json.decode(data, type=_Kept)
    return Recalled(int(owner), kept.totals.totals(), kept.held)


def _beyond(run: RunKey, held: Held) -> Script[tuple[Totals, Held, bool]]:
    """One lot: what else reads the store has its turn in between."""
    totals = Totals()
    reached: dict[int, int] = {}
    left = _LOT
    is_all = True
    for run_id, token, last in (yield Query(_RUNS, {"instance": run.instance, "own": run.token})):
        after = held.get(token, 0)
        upto = reached[token] = max(min(last, after + left), after)
        if upto > after:
            yield from _add(totals, {"run_id": run_id, "after": after, "upto": upto})
        left -= upto - after
        is_all = is_all and upto >= last
    return totals, reached, is_all


def _add(totals: Totals, stretch: Mapping[str, Any]) -> Script[None]:
    """Count rows of one run, in the order in which its process counted them."""
    after = stretch["after"]
    while rows := (yield Query(_INVOCATIONS, {**stretch, "after": after, "most": _PIECE})):
        calls: list[Call] = [(command, _KINDS[kind], _OUTCOMES[outcome]) for _, command, kind, outcome, *_ in rows]
        totals.add_invocations(calls, map(_times, rows))
        after = rows[-1][0]
        yield Pause()
    for command, n, failed in (yield Query(_COMPLETIONS, stretch)):
        totals.add_completions(command, n, failed)
    for kind, n in (yield Query(_BACKGROUND, stretch)):
        totals.background[_BACKGROUND_KINDS[kind]] += int(n)
    for kind, n in (yield Query(_MUSIC, stretch)):
        totals.music[_MUSIC_TYPES[kind]] += int(n)


def _keep(mark: str, token: int, totals: str, owners: set[int]) -> Script[bool]:
    yield Exclude()
    rows = yield Query(_MARK, {"name": mark})
    if rows and int(rows[0][0].partition(" ")[0]) not in owners:
        return False
    yield Insert(MARKS, [(mark, f"{token} {totals}")], "replace")
    return True


def _people(day: int) -> Script[int]:
    return int((yield Query(_PEOPLE, {"day": day}))[0][0])
