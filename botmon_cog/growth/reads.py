"""What the overview asks of the roll-ups. `RollUps.catch_up` comes first.

Days are whole ones since 1970 (UTC). What is asked of all servers reads the counts of its days once, in the order of
their key; what is asked of those that came or went looks each of them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from botmon_cog.domain.models import MembershipChange
from botmon_cog.domain.rollup import MS_PER_DAY, WHOLE_BOT, day_of
from botmon_cog.store.counting import every, one_by_one
from botmon_cog.store.engine import Engine
from botmon_cog.store.labels import id_texts, stored_id, texts_of
from botmon_cog.store.records import milliseconds
from botmon_cog.store.schema import GUILDS
from botmon_cog.store.script import Lookup, Query, Script

LOSS_DAYS = 30
"""What a server used before it went is counted over so many days."""

_JOINED, _LEFT = (list(MembershipChange).index(each) for each in (MembershipChange.JOINED, MembershipChange.LEFT))
_USE = f"""
SELECT scope, SUM(CASE WHEN day >= :first_day THEN n ELSE 0 END), SUM(CASE WHEN day < :first_day THEN n ELSE 0 END)
FROM (
    SELECT day, scope, SUM(n) AS n FROM @rollups
    WHERE day >= :before_day AND day <= :last_day AND scope <> {WHOLE_BOT} AND n > 0 GROUP BY day, scope
) AS daily GROUP BY scope
"""  # noqa: S608 (a number)
_RAN = f"{one_by_one('SUM(r.n)', 'rollups')} AND r.scope = :scope"
_LAST_DAYS = f"""
{every("day")} SELECT new.guild_id, MAX(every.day) FROM (
    SELECT DISTINCT guild_id FROM @guild_memberships WHERE occurred_ms >= :since AND change = {_JOINED}
) AS new CROSS JOIN every
WHERE EXISTS (SELECT 1 FROM @rollups AS r WHERE r.day = every.day AND r.scope = new.guild_id AND r.n > 0)
GROUP BY new.guild_id
"""  # noqa: S608 (text of ours)
_LOST = f"""
{every("day")} SELECT lost.guild_id, SUM(r.n), MAX(r.day) FROM (
    SELECT guild_id, MAX(occurred_ms) / {MS_PER_DAY} AS left_day FROM @guild_memberships
    WHERE occurred_ms >= :since AND change = {_LEFT} GROUP BY guild_id
) AS lost CROSS JOIN every CROSS JOIN @rollups AS r
WHERE r.day = every.day AND r.scope = lost.guild_id AND r.n > 0
  AND r.day <= lost.left_day AND r.day > lost.left_day - {LOSS_DAYS}
GROUP BY lost.guild_id
"""  # noqa: S608 (text of ours)
_OF_DAY = """
SELECT name_id FROM @rollups WHERE day = :day AND scope = :scope AND n > 0 ORDER BY n DESC, name_id LIMIT :limit
"""


class Use(NamedTuple):
    """Commands that ran in a server on the days of a period, and on those of the one before."""

    guild_id: str
    n: int
    previous_n: int


class LastUse(NamedTuple):
    """Commands that ran in a server within `LOSS_DAYS` before the bot left it, and the last day on which any did."""

    n: int
    day: int


class GrowthReads:
    """Every method raises StorageError if the database can't be read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def use(self, before_day: int, first_day: int, last_day: int) -> list[Use]:
        """Of all servers that used a command: from `first_day` to `last_day`, and from `before_day` until then."""
        return await self._engine.read(_use(before_day, first_day, last_day))

    async def ran(self, guild_id: str, first_day: int, last_day: int) -> int:
        """Commands that ran in one server on these days."""
        return await self._engine.read(_ran(guild_id, first_day, last_day))

    async def last_days(self, since: datetime, now: datetime) -> dict[str, int]:
        """The last day on which a command ran, of the servers that came since then and used one."""
        values = {"since": milliseconds(since), "first_day": day_of(since), "last_day": day_of(now)}
        rows = await self._engine.read(_rows(_LAST_DAYS, values))
        return {str(guild_id): day for guild_id, day in rows}

    async def lost(self, since: datetime, now: datetime) -> dict[str, LastUse]:
        """What those servers used that the bot left since then, as far as they used anything."""
        first_day = day_of(since) - LOSS_DAYS
        values = {"since": milliseconds(since), "first_day": first_day, "last_day": day_of(now)}
        rows = await self._engine.read(_rows(_LOST, values))
        return {str(guild_id): LastUse(n, day) for guild_id, n, day in rows}

    async def commands_of_day(self, guild_id: str, day: int, limit: int) -> tuple[str, ...]:
        """What ran most often in a server on one day."""
        return await self._engine.read(_commands_of_day(guild_id, day, limit))

    async def names(self, guild_ids: Iterable[str]) -> Mapping[str, str]:
        """The names of servers by their ids, as far as they are on record."""
        return await self._engine.read(_names(sorted(set(guild_ids))))


def _use(before_day: int, first_day: int, last_day: int) -> Script[list[Use]]:
    values = {"before_day": before_day, "first_day": first_day, "last_day": last_day}
    rows = yield Query(_USE, values)
    texts = yield from id_texts(scope for scope, _, _ in rows)
    return [Use(texts[scope], int(n), int(previous_n)) for scope, n, previous_n in rows]


def _ran(guild_id: str, first_day: int, last_day: int) -> Script[int]:
    values = {"first_day": first_day, "last_day": last_day, "scope": (yield from stored_id(guild_id))}
    return int((yield Query(_RAN, values))[0][0] or 0)


def _rows(query: str, values: Mapping[str, int]) -> Script[list[tuple[int, ...]]]:
    return [tuple(map(int, row)) for row in (yield Query(query, values))]


def _commands_of_day(guild_id: str, day: int, limit: int) -> Script[tuple[str, ...]]:
    values = {"day": day, "scope": (yield from stored_id(guild_id)), "limit": limit}
    name_ids = [name_id for (name_id,) in (yield Query(_OF_DAY, values))]
    texts = yield from texts_of(name_ids)
    return tuple(texts[name_id] for name_id in name_ids)


def _names(guild_ids: list[str]) -> Script[dict[str, str]]:
    stored: dict[int, str] = {}
    for guild_id in guild_ids:
        stored[(yield from stored_id(guild_id))] = guild_id
    rows = yield Lookup(GUILDS, [(id_,) for id_ in sorted(stored)], ("guild_id", "name"))
    return {stored[id_]: name for id_, name in rows}
