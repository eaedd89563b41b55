"""Who asked to be erased, and which servers the bot has left: what is done about it survives a restart."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from botmon_cog.domain.rollup import MS_PER_DAY
from botmon_cog.store.ages import ages
from botmon_cog.store.engine import Engine
from botmon_cog.store.records import milliseconds
from botmon_cog.store.schema import ERASURES
from botmon_cog.store.script import Execute, Insert, Query, Recall, Script, Session

PASSES = 2
"""The second one finds what was on its way while the first one was made."""
SECOND_PASS_AFTER = timedelta(minutes=2)
_LONGEST_PASS = timedelta(minutes=15)
"""Whoever has not finished by then has ended, and another process does it."""
_RECENT_DAYS = 7

_DUE = "SELECT user_id, due_ms FROM @erasures WHERE passes_left > 0 AND due_ms <= :now ORDER BY due_ms"
_CLAIM = "UPDATE @erasures SET due_ms = :until WHERE user_id = :user_id AND due_ms = :due_ms AND passes_left > 0"
_DONE = """
UPDATE @erasures SET passes_left = passes_left - 1, due_ms = :due_ms WHERE user_id = :user_id AND passes_left > 0
"""
_NAMED = "SELECT guild_id FROM @guilds UNION SELECT scope FROM @settings WHERE scope <> 0"
_RECENT = "SELECT DISTINCT scope FROM @rollups WHERE day = :day AND scope <> 0"
_USED = "SELECT DISTINCT scope FROM @rollups WHERE day = :day AND scope = :guild_id"
_GONE = "SELECT guild_id, left_ms, purged_ms FROM @departures"
_LEFT = """
INSERT INTO @departures AS stored (guild_id, left_ms) VALUES (:guild_id, :left_ms)
ON CONFLICT (guild_id) DO UPDATE SET left_ms = excluded.left_ms, purged_ms = NULL WHERE stored.purged_ms IS NOT NULL
"""
_BACK = "DELETE FROM @departures WHERE guild_id = :guild_id"
_PURGED = "UPDATE @departures SET purged_ms = :now WHERE guild_id = :guild_id"


class Departure(NamedTuple):
    """A server that the bot has left."""

    guild_id: int
    left_ms: int
    purged_ms: int | None


class Requests:
    """Every method raises StorageError if the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- people --------------------------------------------------------------------------------------------------------

    async def note_erasure(self, user_id: int, now: datetime) -> None:
        """From now on, what arrives of the time before is taken up without them. The caller makes the first pass."""
        now_ms = milliseconds(now)
        until_ms = milliseconds(now + _LONGEST_PASS)
        await self._engine.write(_note(user_id, now_ms, until_ms))

    async def claim_erasures(self, now: datetime) -> list[int]:
        """Users of whom a pass is due. Of several processes, one is told of each."""
        return await self._engine.write(_claim(milliseconds(now)))

    async def pass_done(self, user_id: int, now: datetime) -> None:
        values = {"user_id": user_id, "due_ms": milliseconds(now + SECOND_PASS_AFTER)}
        await self._engine.write(_execute(_DONE, values))

    # -- servers -------------------------------------------------------------------------------------------------------

    async def known_guilds(self, now: datetime) -> set[int]:
        """Servers of which the store has a name, settings, or counts of the last days."""
        return await self._engine.read(_known(milliseconds(now) // MS_PER_DAY))

    async def departures(self) -> list[Departure]:
        return await self._engine.read(_departures())

    async def note_departure(self, guild_id: int, now: datetime) -> None:
        """The bot left it. Does nothing if that is known, and nothing is kept of it since it was purged."""
        await self._engine.write(_execute(_LEFT, {"guild_id": guild_id, "left_ms": milliseconds(now)}))

    async def cancel_departures(self, guild_ids: Collection[int]) -> None:
        """The bot is there again."""
        await self._engine.write(_cancel(guild_ids))

    async def due_departures(self, grace: timedelta, now: datetime) -> list[int]:
        """Servers that were left that long ago, and in which nobody has used a command since.

        No more time has passed than the newest row of the log allows: see `store.ages`.
        """
        return await self._engine.read(_due(grace // timedelta(milliseconds=1), milliseconds(now)))

    async def note_purged(self, guild_ids: Collection[int], now: datetime) -> None:
        await self._engine.write(_purged(guild_ids, milliseconds(now)))


def _note(user_id: int, now_ms: int, until_ms: int) -> Script[None]:
    yield Insert(ERASURES, [(user_id, now_ms, PASSES, until_ms)], "replace")


def _execute(sql: str, values: dict[str, Any]) -> Script[int]:
    return (yield Execute(sql, values))


def _claim(now_ms: int) -> Script[list[int]]:
    claimed: list[int] = []
    for user_id, due_ms in (yield Query(_DUE, {"now": now_ms})):
        until = now_ms + _LONGEST_PASS // timedelta(milliseconds=1)
        if (yield Execute(_CLAIM, {"user_id": user_id, "due_ms": due_ms, "until": until})):
            claimed.append(user_id)
    return claimed


def _known(today: int) -> Script[set[int]]:
    found = {guild_id for (guild_id,) in (yield Query(_NAMED))}
    for day in range(today - _RECENT_DAYS, today + 1):
        found |= {scope for (scope,) in (yield Query(_RECENT, {"day": day}))}
    return found


def _departures() -> Script[list[Departure]]:
    return [Departure(*row) for row in (yield Query(_GONE))]


def _cancel(guild_ids: Collection[int]) -> Script[None]:
    session: Session = yield Recall()
    for guild_id in guild_ids:
        session.guild_names.pop(guild_id, None)  # it may have been purged meanwhile, by another process
        yield Execute(_BACK, {"guild_id": guild_id})


def _due(grace_ms: int, now_ms: int) -> Script[list[int]]:
    as_of_ms = (yield from ages(now_ms)).as_of_ms
    if as_of_ms is None:
        return []
    departures: list[Departure] = yield from _departures()
    due = [each for each in departures if each.purged_ms is None and each.left_ms <= as_of_ms - grace_ms]
    used: set[int] = set()
    for each in due:
        if (yield from _is_used(each, now_ms)):
            used.add(each.guild_id)
    return [each.guild_id for each in due if each.guild_id not in used]


def _is_used(departure: Departure, now_ms: int) -> Script[bool]:
    """Whether its people have used commands later than on the day after it was left, as an app of their own."""
    for day in range(departure.left_ms // MS_PER_DAY + 2, now_ms // MS_PER_DAY + 1):
        if (yield Query(_USED, {"day": day, "guild_id": departure.guild_id})):
            return True
    return False


def _purged(guild_ids: Collection[int], now_ms: int) -> Script[None]:
    for guild_id in guild_ids:
        yield Execute(_PURGED, {"guild_id": guild_id, "now": now_ms})
