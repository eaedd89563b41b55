"""People of the days to which we added something. Their number is no sum: the larger one holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from botmon_cog.domain.rollup import EXECUTED
from botmon_cog.store.labels import id_texts
from botmon_cog.store.schema import HOST_LEDGER
from botmon_cog.store.script import Execute, Lookup, Query, Row, Script

_FEW = 50
"""So many guilds of a day are counted one by one; of more, all guilds of the day are counted at once."""
_OF_DAY = f"SELECT guild_id, COUNT(*) FROM @people WHERE day = :day AND hours & {EXECUTED} <> 0"  # noqa: S608 (number)
_OF_ONE = f"{_OF_DAY} AND guild_id = :guild_id GROUP BY guild_id"
_OF_ALL = f"{_OF_DAY} GROUP BY guild_id"
_TOUCHED = "SELECT day, guild_id FROM @host_ledger WHERE source_id = :source_id AND day >= :day"
_PUT_USERS = """
UPDATE @host_ledger SET users = :users WHERE source_id = :source_id AND day = :day AND guild_id = :guild_id
"""


def people_of(source_id: int, days: Iterable[tuple[int, int]]) -> Script[list[tuple[int, int, str, int]]]:
    """(day, guild, its id as text, people) of days of guilds to which we added something and have more people by now.

    `days`: (day, guild).
    """
    keys = [(source_id, day, guild) for day, guild in sorted(days)]
    known: dict[int, dict[int, int]] = {}
    for day, guild, users in (yield Lookup(HOST_LEDGER, keys, ("day", "guild_id", "users"))):
        known.setdefault(day, {})[guild] = users
    found: list[tuple[int, int, int]] = []
    for day, users in known.items():
        counted = yield from _counted(day, users)
        found += [(day, guild, n) for guild, n in counted if n > users.get(guild, n)]
    ids = yield from id_texts(guild for _, guild, _ in found)
    return [(day, guild, ids[guild], n) for day, guild, n in sorted(found)]


def _counted(day: int, guilds: Iterable[int]) -> Script[list[Row]]:
    """(guild, people), of these guilds at least."""
    guilds = list(guilds)
    if len(guilds) > _FEW:
        return (yield Query(_OF_ALL, {"day": day}))
    found: list[Row] = []
    for guild in guilds:
        found += yield Query(_OF_ONE, {"day": day, "guild_id": guild})
    return found


def days_since(source_id: int, day: int) -> Script[list[tuple[int, int]]]:
    """(day, guild) of all to which we added something on that day or later."""
    rows: Sequence[Row] = yield Query(_TOUCHED, {"source_id": source_id, "day": day})
    return [(day, guild) for day, guild in rows]


def keep_people(source_id: int, people: Sequence[tuple[int, int, int]]) -> Script[None]:
    """Note how many people we wrote: (day, guild, people)."""
    for day, guild, n in people:
        values: dict[str, Any] = {"source_id": source_id, "day": day, "guild_id": guild, "users": n}
        yield Execute(_PUT_USERS, values)
