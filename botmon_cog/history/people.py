"""Who uses the bot most, counted from the log: the roll-ups know people by hours, not by commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from botmon_cog.domain.periods import start_of_day
from botmon_cog.domain.reports import Period
from botmon_cog.history.reads import OF_RANGE, OF_STRETCH, Stretch, ranges
from botmon_cog.store.conditions import IS_COMMAND, IS_EXECUTED
from botmon_cog.store.counting import of_guild
from botmon_cog.store.engine import Engine
from botmon_cog.store.labels import id_texts, stored_id
from botmon_cog.store.records import milliseconds
from botmon_cog.store.script import Query, Script

_DAY = timedelta(days=1)
_BY_PERSON = f"""
SELECT user_id, COUNT(*), MAX(username) FROM @invocations
WHERE {OF_RANGE} {{guild}} AND {OF_STRETCH} AND is_own = 0 AND user_id IS NOT NULL AND {IS_COMMAND} AND {IS_EXECUTED}
GROUP BY user_id
"""  # noqa: S608 (codes)
_UNRECORDED = "SELECT user_id FROM @unrecorded"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What one person did within a period.

    Attributes:
        username: the last one on record.
        days: of how many days, in the zone of the period, there are commands.
    """

    user_id: str
    username: str | None
    commands: int
    days: int


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Those who used commands that ran, of one server or of all.

    Attributes:
        top: those who used most, the first first.
        n: how many there are.
        commands: of all of them.
    """

    period: Period
    top: tuple[Person, ...] = ()
    n: int = 0
    commands: int = 0


async def read_people(engine: Engine, guild_id: str | None, period: Period, most: int) -> People:
    """The `most` people who used most commands. Day by day, so that others that read have their turn in between.

    Who has asked not to be recorded, or was erased, is not among them.

    Raises:
        StorageError: the database can't be read.
    """
    commands: dict[int, int] = {}
    days: dict[int, int] = {}
    names: dict[int, str] = {}
    for start, end in _days(period):
        of_day: dict[int, int] = {}
        for user_id, n, username in await engine.read(_by_person(guild_id, start, end)):
            of_day[user_id] = of_day.get(user_id, 0) + int(n)
            if username is not None:
                names[user_id] = username
        for user_id, n in of_day.items():
            commands[user_id] = commands.get(user_id, 0) + n
            days[user_id] = days.get(user_id, 0) + 1
    for user_id in await engine.read(_unrecorded()) & commands.keys():
        del commands[user_id]
    first = sorted(commands, key=lambda user_id: (-commands[user_id], -days[user_id], user_id))[:most]
    texts = await engine.read(id_texts(first))
    return People(
        period=period,
        top=tuple(
            Person(user_id=texts[id_], username=names.get(id_), commands=commands[id_], days=days[id_]) for id_ in first
        ),
        n=len(commands),
        commands=sum(commands.values()),
    )


def _days(period: Period) -> Iterator[tuple[datetime, datetime]]:
    """The days of a period in its zone, oldest first, the first and the last as far as they are in it."""
    start = period.start
    while start < period.end:
        end = min(start_of_day(period.local(start).date() + _DAY, period.zone), period.end)
        yield start, end
        start = end


def _by_person(guild_id: str | None, start: datetime, end: datetime) -> Script[list[tuple[int, int, str | None]]]:
    stretch = Stretch(milliseconds(start), milliseconds(end))
    values: dict[str, Any] = stretch._asdict()
    if guild_id is not None:
        values["guild_id"] = yield from stored_id(guild_id)
    query = of_guild(_BY_PERSON, guild_id)
    found: list[tuple[int, int, str | None]] = []
    for range_ in (yield from ranges(stretch)):
        found += yield Query(query, values | range_._asdict())
    return found


def _unrecorded() -> Script[set[int]]:
    return {int(user_id) for (user_id,) in (yield Query(_UNRECORDED))}
