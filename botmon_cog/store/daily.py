"""What the methods of the original ask: days of a guild, and commands since a moment.

Days are those of UTC, and commands executed and people are what a host means by them: everything that was observed or
counted, but not what it only logged. `RollUps.catch_up` comes first. `guild_id` None means the whole bot.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from botmon_cog.domain.report import Report
from botmon_cog.domain.reports import CommandCounts, Period
from botmon_cog.domain.rollup import EXECUTED, HOURS_PER_DAY, WHOLE_BOT, start_of_day
from botmon_cog.store.conditions import HAS_TIMED_DURATION, IS_COMMAND
from botmon_cog.store.counting import KNOWN_DAYS, counted, one_by_one
from botmon_cog.store.engine import Engine
from botmon_cog.store.labels import stored_id, texts_of
from botmon_cog.store.records import milliseconds, moment
from botmon_cog.store.script import Query, Row, Script

_FIRST = date(1970, 1, 1)
_LAST_DAY = (date.max - _FIRST).days
_DAY = timedelta(days=1)
_US_PER_S = 1e6

_INVOKED = f"{one_by_one('r.day, SUM(r.n)', 'rollups')} AND r.scope = :scope GROUP BY r.day"
_PEOPLE = f"""
{one_by_one("r.day, COUNT(*)", "people")} AND r.guild_id = :scope AND r.hours & {EXECUTED} <> 0 GROUP BY r.day
"""
_HOURLY_COUNTS = (
    f"r.hour / {HOURS_PER_DAY}, SUM(songs), SUM(playtime_s), SUM(skips), SUM(pauses), SUM(logged), SUM(counted)"
)
_HOURLY = f"{one_by_one(_HOURLY_COUNTS, 'guild_hourly', 'hour')} AND r.guild_id = :scope GROUP BY 1"
_HOST_COUNTS = "r.day, SUM(songs), SUM(playtime_s), SUM(skips), SUM(pauses), MAX(users), SUM(commands)"
_HOST = f"{one_by_one(_HOST_COUNTS, 'host_days')} AND r.guild_id = :scope GROUP BY r.day"

_GUILDS = f"""
SELECT COUNT(*) FROM (
    SELECT scope FROM @rollups WHERE scope <> {WHOLE_BOT} UNION SELECT guild_id FROM @guild_hourly
    WHERE guild_id <> {WHOLE_BOT}
    UNION SELECT guild_id FROM @host_days
) AS known
"""  # noqa: S608 (text of ours)

_SINCE = (
    f"FROM @invocations WHERE started_ms >= :since AND is_own = 0 AND {IS_COMMAND} AND {HAS_TIMED_DURATION} {{guild}}"
)
_MEAN = f"SELECT COUNT(*), SUM(duration_us) {_SINCE}"
_TIMED = (
    f"SELECT command_id, COUNT(*), SUM(duration_us), MIN(duration_us), MAX(duration_us) {_SINCE} GROUP BY command_id"
)
_SLOW = f"""
SELECT command_id, COUNT(*), SUM(duration_us), MAX(started_ms + duration_us / 1000) {_SINCE}
AND duration_us > :threshold_us GROUP BY command_id
"""


class Day(Report, frozen=True, kw_only=True):
    """One day of a guild: what we counted, and what the host counted besides."""

    day: date
    songs: int = 0
    playtime_s: int = 0
    skips: int = 0
    pauses: int = 0
    users: int = 0
    """People who executed commands: ours or the host's, whichever are more, for they may be the same."""
    commands: int = 0
    """Executed, as the host means it."""


class Timed(Report, frozen=True, kw_only=True):
    """The durations of one command, as far as they were measured."""

    command: str
    n: int
    mean_s: float
    min_s: float
    max_s: float


class Slow(Report, frozen=True, kw_only=True):
    """The calls of one command that took longer than a threshold."""

    command: str
    n: int
    mean_s: float
    last_at: datetime
    """When the last one ended."""


class Totals(Report, frozen=True, kw_only=True):
    """Commands, observed and logged."""

    total: int
    """All that were invoked."""
    successful: int
    mean_s: float | None
    """Of the durations that were measured and are still in the log; None if there are none."""
    faults: int
    """Those that were the bot's fault and are rated, or that the host logged as failed."""


class Daily:
    """Every method raises StorageError if the database can't be read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def days(self, guild_id: str, first: date, last: date) -> list[Day]:
        """The days on which there was anything, from `first` to `last` inclusive, oldest first."""
        return await self._engine.read(_days(guild_id, _number(first), _number(last)))

    async def totals(self, guild_id: str | None, since: datetime) -> Totals:
        """All commands that started at `since` or later."""
        return await self._engine.read(_totals(guild_id, since))

    async def top(self, guild_id: str | None, since: datetime, limit: int = 10) -> list[tuple[str, int]]:
        """(command, how often it was used since), most used first."""
        found = await self._engine.read(_counted_since(guild_id, since))
        return [(counts.command, counts.n) for counts in found if counts.n][:limit]

    async def guilds(self) -> int:
        """How many guilds anything is known of."""
        return await self._engine.read(_guilds())

    async def timed(self, guild_id: str | None, since: datetime) -> list[Timed]:
        """The durations of each command, the slowest mean first."""
        return await self._engine.read(_timed(guild_id, since))

    async def slow(self, guild_id: str | None, since: datetime, threshold_s: float) -> list[Slow]:
        """The calls that took longer than `threshold_s`, by command, the slowest mean first."""
        return await self._engine.read(_slow(guild_id, since, threshold_s))


def _number(day: date) -> int:
    return (day - _FIRST).days


# -- days --------------------------------------------------------------------------------------------------------------


def _days(guild_id: str, first: int, last: int) -> Script[list[Day]]:
    scope = yield from stored_id(guild_id)
    days: dict[str, Any] = {"first_day": first, "last_day": last, "scope": scope}
    hours: dict[str, Any] = {
        "first_hour": first * HOURS_PER_DAY,
        "last_hour": (last + 1) * HOURS_PER_DAY - 1,
        "scope": scope,
    }
    invoked = _by_day((yield Query(_INVOKED, days)))
    people = _by_day((yield Query(_PEOPLE, days)))
    hourly = _by_day((yield Query(_HOURLY, hours)))
    host = _by_day((yield Query(_HOST, days)))
    found: list[Day] = []
    for day in sorted({*invoked, *people, *hourly, *host}):
        *music, logged, only_counted = hourly.get(day, (0,) * 6)
        *host_music, host_users, host_commands = host.get(day, (0,) * 6)
        songs, playtime_s, skips, pauses = (ours + theirs for ours, theirs in zip(music, host_music, strict=True))
        made = Day(
            day=_FIRST + day * _DAY,
            songs=songs,
            playtime_s=playtime_s,
            skips=skips,
            pauses=pauses,
            users=max(*people.get(day, (0,)), host_users),
            # Where roll-ups are kept for a shorter time than hours, there is nothing to take the logged ones from.
            commands=max(*invoked.get(day, (0,)), logged) - logged + only_counted + host_commands,
        )
        if made != Day(day=made.day):
            found.append(made)
    return found


def _by_day(rows: Iterable[Row]) -> dict[int, tuple[int, ...]]:
    return {int(day): tuple(map(int, sums)) for day, *sums in rows}


# -- since a moment ----------------------------------------------------------------------------------------------------


def _counted_since(guild_id: str | None, since: datetime) -> Script[list[CommandCounts]]:
    """From the roll-ups, which outlive single rows; only the rest of the first hour is counted row by row."""
    ((first, last),) = yield Query(KNOWN_DAYS)
    if first is None:
        return []
    start, end = max(since, start_of_day(first)), start_of_day(min(last + 1, _LAST_DAY))
    if start >= end:
        return []
    return (yield from counted(guild_id, Period(name="since", start=start, end=end))).command_counts()


def _totals(guild_id: str | None, since: datetime) -> Script[Totals]:
    commands = yield from _counted_since(guild_id, since)
    ((measured, duration_us),) = yield from _since(_MEAN, guild_id, since)
    return Totals(
        total=sum(counts.n for counts in commands),
        successful=sum(counts.ok for counts in commands),
        mean_s=_mean_s(duration_us, measured) if measured else None,
        faults=sum(counts.faults for counts in commands),
    )


def _guilds() -> Script[int]:
    return int((yield Query(_GUILDS))[0][0])


def _timed(guild_id: str | None, since: datetime) -> Script[list[Timed]]:
    rows = yield from _since(_TIMED, guild_id, since)
    texts = yield from texts_of(row[0] for row in rows)
    found = [
        Timed(
            command=texts[command],
            n=n,
            mean_s=_mean_s(total_us, n),
            min_s=shortest_us / _US_PER_S,
            max_s=longest_us / _US_PER_S,
        )
        for command, n, total_us, shortest_us, longest_us in rows
    ]
    return sorted(found, key=lambda timed: (-timed.mean_s, timed.command))


def _slow(guild_id: str | None, since: datetime, threshold_s: float) -> Script[list[Slow]]:
    rows = yield from _since(_SLOW, guild_id, since, threshold_us=threshold_s * _US_PER_S)
    texts = yield from texts_of(row[0] for row in rows)
    found = [
        Slow(command=texts[command], n=n, mean_s=_mean_s(total_us, n), last_at=moment(ended_ms))
        for command, n, total_us, ended_ms in rows
    ]
    return sorted(found, key=lambda slow: (-slow.mean_s, slow.command))


def _since(query: str, guild_id: str | None, since: datetime, **values: Any) -> Script[list[Row]]:
    values["since"] = milliseconds(since)
    if guild_id is not None:
        values["guild_id"] = yield from stored_id(guild_id)
    query = query.replace("{guild}", "" if guild_id is None else "AND guild_id = :guild_id")
    return [tuple(row) for row in (yield Query(query, values))]


def _mean_s(total_us: int, n: int) -> float:
    return int(total_us) / n / _US_PER_S
