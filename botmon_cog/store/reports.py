"""What reports ask of the roll-ups. Whatever is asked, `RollUps.catch_up` comes first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botmon_cog.domain.models import MusicEventType
from botmon_cog.domain.reports import (
    AutocompleteCounts,
    BackgroundFailure,
    ComponentCounts,
    MembershipEntry,
    MusicTotals,
    Period,
    ServersUsing,
    SongCounts,
)
from botmon_cog.domain.rollup import HOURS_PER_DAY, WHOLE_BOT, day_of, round_seconds, start_of_hour
from botmon_cog.store.background import background_failures, guild_memberships
from botmon_cog.store.conditions import IS_EXECUTED
from botmon_cog.store.counted import Counted
from botmon_cog.store.counting import (
    BETWEEN,
    GROUPS,
    KNOWN_DAYS,
    between,
    counted,
    every,
    executed_hours,
    one_by_one,
)
from botmon_cog.store.engine import Engine
from botmon_cog.store.hours import days_by_noon, days_of, edges_of, whole_hours
from botmon_cog.store.labels import NOBODY, id_texts, known_label_id, stored_id, texts_of
from botmon_cog.store.sampled_calls import SampledCall, sampled_calls
from botmon_cog.store.schema import GUILDS, ROLLUPS
from botmon_cog.store.script import Lookup, Query, Row, Script
from botmon_cog.store.songs import counted_by_host, top_songs

_A_DAY_OF_HOURS = (1 << HOURS_PER_DAY) - 1
_LATELY_DAYS = 30

_LAST_DAYS = f"""
{one_by_one("r.name_id, MAX(r.day)", "rollups")} AND r.scope = :scope AND r.n > 0 GROUP BY r.name_id
"""
_FIRST_DAY = f"""
{every("day")} SELECT MIN(day) FROM every WHERE EXISTS (
    SELECT 1 FROM @rollups AS r WHERE r.day = every.day AND r.scope = :scope AND r.n > 0
)
"""  # noqa: S608 (text of ours)
_BUSIEST = """
SELECT scope, SUM(n) FROM @rollups WHERE scope <> 0 AND n > 0 AND day >= (SELECT MAX(day) FROM @rollups) - :days
GROUP BY scope ORDER BY SUM(n) DESC, scope LIMIT :limit
"""
_SERVERS_USING = """
SELECT COUNT(DISTINCT CASE WHEN name_id = :name_id THEN scope END), COUNT(DISTINCT scope) FROM @rollups
WHERE day >= :first_day AND day <= :last_day AND scope <> 0 AND n > 0
"""
_SEEN = """
AND {hours} & CASE {day} WHEN :first_day THEN CAST(:first_mask AS BIGINT) ELSE 16777215 END
            & CASE {day} WHEN :last_day THEN CAST(:last_mask AS BIGINT) ELSE 16777215 END <> 0
"""
_PEOPLE_OF_GUILD = (
    f"{one_by_one('{what}', 'people')} AND r.guild_id = :guild_id{_SEEN.format(hours='r.hours', day='r.day')}"
)
_PEOPLE = (
    "SELECT {what} FROM @people AS r WHERE r.day >= :first_day AND r.day <= :last_day"  # noqa: S608 (text of ours)
    f"{_SEEN.format(hours='r.hours', day='r.day')}"
)
_MUSIC = "COALESCE(SUM(songs), 0), COALESCE(SUM(playtime_s), 0), COALESCE(SUM(skips), 0), COALESCE(SUM(pauses), 0)"
_MUSIC_TOTALS = (
    f"SELECT {_MUSIC} FROM @guild_hourly WHERE hour >= :first_hour AND hour <= :last_hour",  # noqa: S608
    f"SELECT {_MUSIC} FROM @host_days WHERE day >= :first_day AND day <= :last_day",  # noqa: S608
)
_KNOWN_HOURS = "SELECT (SELECT MIN(hour) FROM @guild_hourly), (SELECT MAX(hour) FROM @guild_hourly)"
_MUSIC_OF_GUILD = (
    f"{one_by_one(_MUSIC, 'guild_hourly', 'hour')} AND r.guild_id = :guild_id",
    f"{one_by_one(_MUSIC, 'host_days')} AND r.guild_id = :guild_id",
)

# Parts of hours: from the log itself.
_USERS_BETWEEN = f"""
SELECT DISTINCT user_id FROM @invocations WHERE {BETWEEN} AND {IS_EXECUTED} AND user_id IS NOT NULL
"""  # noqa: S608 (text of ours)
_MUSIC_BETWEEN = """
SELECT type, duration_us FROM @music_events WHERE occurred_ms >= :since AND occurred_ms < :until {guild}
"""


class Reports:
    """`guild_id` None means the whole bot. Every method raises StorageError if the database can't be read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def counted(self, guild_id: str | None, period: Period) -> Counted:
        """Commands and times of a period."""
        return await self._engine.read(counted(guild_id, period))

    async def components(self, guild_id: str | None, period: Period) -> list[ComponentCounts]:
        """Buttons, select menus and modals, most used first. Times are of the days (UTC) that the period touches."""
        return (await self._engine.read(counted(guild_id, period))).component_counts()

    async def autocomplete(self, period: Period) -> list[AutocompleteCounts]:
        """Commands whose options were completed in a period, anywhere; most used first. Times as of `components`."""
        return (await self._engine.read(counted(None, period))).autocomplete_counts()

    async def background_failures(self, since: datetime) -> list[BackgroundFailure]:
        """Listeners, loops and tasks that raised, those that did last first."""
        return await self._engine.read(background_failures(since))

    async def guild_memberships(self, since: datetime) -> list[MembershipEntry]:
        """Servers that the bot joined or left, oldest first."""
        return await self._engine.read(guild_memberships(since))

    async def unique_users(self, guild_id: str | None, period: Period) -> int:
        """How many people used commands that ran."""
        return await self._engine.read(_unique_users(guild_id, period))

    async def music_totals(self, guild_id: str | None, period: Period, now: datetime | None = None) -> MusicTotals:
        """Songs, skips and pauses of a period.

        What a host counted besides is known by days (UTC) only: a day counts if its noon lies in the period, and today
        if `now` does, where that is earlier.
        """
        return await self._engine.read(_music_totals(guild_id, period, now))

    async def top_songs(
        self, guild_id: str | None, period: Period, now: datetime | None = None, most: int = 5
    ) -> list[SongCounts]:
        """The songs that were played most, where titles are stored. Days count as for `music_totals`."""
        return await self._engine.read(top_songs(guild_id, period, now, most))

    async def music_of_host(self, since: datetime) -> frozenset[MusicEventType]:
        """What a host counts in its own `bot_stats`, as of the days (UTC) from that moment's on."""
        return await self._engine.read(counted_by_host(since))

    async def last_used(self, guild_id: str | None, since: datetime) -> Mapping[str, datetime]:
        """The hour in which each command ran last, of those that ran on that day or later."""
        return await self._engine.read(_last_used(guild_id, day_of(since)))

    async def servers_using(self, command: str, period: Period) -> ServersUsing:
        """In how many servers a command ran, and in how many any did, on the days (UTC) that the period touches."""
        return await self._engine.read(_servers_using(command, period))

    async def sampled_calls(
        self, command: str | None, guild_id: str | None, since: datetime, until: datetime
    ) -> list[SampledCall]:
        """At most 2,000 calls of one command, or of all, between two moments: the last ones."""
        return await self._engine.read(sampled_calls(command, guild_id, since, until))

    async def first_seen(self, guild_id: str | None) -> datetime | None:
        """The hour of the first command that ran."""
        return await self._engine.read(_first_seen(guild_id))

    async def guild_name(self, guild_id: str) -> str | None:
        return await self._engine.read(_guild_name(guild_id))

    async def busiest_guilds(self, limit: int) -> list[tuple[str, int]]:
        """(guild id, commands that ran within the last 30 days that have any), busiest first."""
        return await self._engine.read(_busiest_guilds(limit))


# -- people, music -----------------------------------------------------------------------------------------------------


def _unique_users(guild_id: str | None, period: Period) -> Script[int]:
    scope = WHOLE_BOT if guild_id is None else (yield from stored_id(guild_id))
    first, end = whole_hours(period)
    last = end - 1
    values = days_of(first, end) | {
        "first_mask": -1 << first % HOURS_PER_DAY & _A_DAY_OF_HOURS,
        "last_mask": (1 << last % HOURS_PER_DAY + 1) - 1,
    }
    if guild_id is not None:
        values["guild_id"] = scope
    query = _PEOPLE if guild_id is None else _PEOPLE_OF_GUILD
    edges = edges_of(period)
    if not edges:
        return (
            int((yield Query(query.replace("{what}", "COUNT(DISTINCT r.user_id)"), values))[0][0]) if end > first else 0
        )
    users: set[Row] = set()
    if end > first:
        users.update((yield Query(query.replace("{what}", "DISTINCT r.user_id"), values)))
    for since, until in edges:
        users.update((yield Query(*between(_USERS_BETWEEN, guild_id, scope, since, until))))
    return len({tuple(row) for row in users})


def _music_totals(guild_id: str | None, period: Period, now: datetime | None) -> Script[MusicTotals]:
    scope = WHOLE_BOT if guild_id is None else (yield from stored_id(guild_id))
    hours, host_days = _MUSIC_TOTALS if guild_id is None else _MUSIC_OF_GUILD
    of_guild = {} if guild_id is None else {"guild_id": scope}
    first, end = whole_hours(period)
    ((oldest, newest),) = yield Query(_KNOWN_HOURS)
    known = {"first_hour": max(first, oldest or 0), "last_hour": min(end - 1, newest or 0)}
    (ours,) = yield Query(hours, known | of_guild)
    first, end = days_by_noon(period, now)
    (theirs,) = yield Query(host_days, {"first_day": first, "last_day": end - 1, **of_guild})
    songs, playtime_s, skips, pauses = (int(n) + int(m) for n, m in zip(ours, theirs, strict=True))
    kinds = list(MusicEventType)
    for since, until in edges_of(period):
        for kind, duration_us in (yield Query(*between(_MUSIC_BETWEEN, guild_id, scope, since, until))):
            songs += kinds[kind] is MusicEventType.SONG_PLAYED
            skips += kinds[kind] is MusicEventType.SKIP
            pauses += kinds[kind] is MusicEventType.PAUSE
            playtime_s += round_seconds(duration_us)
    return MusicTotals(songs_played=songs, playtime_s=playtime_s, skips=skips, pauses=pauses)


# -- first and last ----------------------------------------------------------------------------------------------------


def _known(guild_id: str | None) -> Script[dict[str, Any]]:
    """All days that there are, in a scope."""
    scope = WHOLE_BOT if guild_id is None else (yield from stored_id(guild_id))
    ((first, last),) = yield Query(KNOWN_DAYS)
    return {"first_day": 1 if first is None else first, "last_day": last or 0, "scope": scope}


def _last_used(guild_id: str | None, since: int) -> Script[dict[str, datetime]]:
    values = yield from _known(guild_id)
    values["first_day"] = max(values["first_day"], since)
    days: list[tuple[int, int]] = [(int(name_id), int(day)) for name_id, day in (yield Query(_LAST_DAYS, values))]
    keys = [(day, values["scope"], name_id) for name_id, day in days]
    rows = yield Lookup(ROLLUPS, keys, ("day", "name_id", "data"))
    texts = yield from texts_of(name_id for name_id, _ in days)
    return {
        texts[name_id]: start_of_hour(day * HOURS_PER_DAY + max(executed_hours(bytes(data))))
        for name_id, day, data in sorted((name_id, day, data) for day, name_id, data in rows)
    }


def _first_seen(guild_id: str | None) -> Script[datetime | None]:
    values = yield from _known(guild_id)
    ((day,),) = yield Query(_FIRST_DAY, values)
    if day is None:
        return None
    rows = yield Query(GROUPS, {**values, "first_day": day, "last_day": day})
    return start_of_hour(day * HOURS_PER_DAY + min(hour for _, _, data in rows for hour in executed_hours(bytes(data))))


# -- guilds ------------------------------------------------------------------------------------------------------------


def _guild_name(guild_id: str) -> Script[str | None]:
    found = yield Lookup(GUILDS, [((yield from stored_id(guild_id)),)], ("name",))
    return str(found[0][0]) if found else None


def _servers_using(command: str, period: Period) -> Script[ServersUsing]:
    name_id = yield from known_label_id(command)
    values = {**days_of(*whole_hours(period)), "name_id": NOBODY if name_id is None else name_id}
    ((n, of),) = yield Query(_SERVERS_USING, values)
    return ServersUsing(n=int(n), of=int(of))


def _busiest_guilds(limit: int) -> Script[list[tuple[str, int]]]:
    rows = yield Query(_BUSIEST, {"limit": limit, "days": _LATELY_DAYS})
    texts = yield from id_texts(scope for scope, _ in rows)
    return [(texts[scope], int(n)) for scope, n in rows]
