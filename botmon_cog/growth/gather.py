"""From what is on record to the values that the overview and the growth view tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from msgspec.structs import replace

from botmon_cog.domain.inventory import all_servers
from botmon_cog.domain.periods import report_period, start_of_day
from botmon_cog.domain.reports import MembershipEntry, Period, StatisticsReport, added_up
from botmon_cog.domain.rollup import day_of, iso_date
from botmon_cog.growth.memberships import came_and_left, changes, gone, retained
from botmon_cog.growth.processes import all_processes, newest_first, processes
from botmon_cog.growth.reads import LOSS_DAYS, GrowthReads, LastUse, Use
from botmon_cog.growth.values import Growth, Loss, Overview, Processes, ServerUse, UnusedCommand, Week
from botmon_cog.runtime import MonitoringSystem

BUSY = 20
"""Commands in the period before: a server that used fewer and now none has hardly gone quiet."""
WEEKS = 8
RETENTION_DAYS = 60
"""How far back the servers came whose staying is told."""

_PROCESSES_SEEN = timedelta(days=1)
_LOOKED_BACK = timedelta(days=400)
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
_MOST_BUSIEST = 5
_MOST_COUNTED = 10
_MOST_LOSSES = 3
_MOST_LAST_COMMANDS = 2


async def overview(system: MonitoringSystem, name: str) -> Overview:
    """Of the named period, as `/stats` has them: `weekly`, `monthly`. All that was recorded by now is counted first.

    Raises:
        StorageError: the database can't be read.
    """
    now = system.clock.now()
    period = report_period(name, now, await system.settings.zone(None))
    statistics = await system.statistics.report(None, period)
    entries = changes(await system.store.reports.guild_memberships(statistics.previous.start))
    came, left = came_and_left(entries, period.start, period.end)
    recent = await system.store.fleet.recent(now - _PROCESSES_SEEN)
    return Overview(
        statistics=statistics,
        servers=all_servers(each.servers for each in newest_first(recent) if each.servers is not None),
        came=came,
        left=left,
        processes=processes(recent, now, system.fleet.lively),
        **await _servers(system, statistics, entries),
        unused=await _unused(system, statistics, now),
    )


async def fleet(system: MonitoringSystem) -> Processes:
    """All processes, as they are now. Raises as `overview`."""
    now = system.clock.now()
    return all_processes(await system.store.fleet.recent(now - _PROCESSES_SEEN), now, system.fleet.lively)


async def growth(system: MonitoringSystem) -> Growth:
    """Of the last weeks. Raises as `overview`."""
    await system.recorder.catch_up()
    now = system.clock.now()
    zone = await system.settings.zone(None)
    monday = now.astimezone(zone).date() - now.astimezone(zone).weekday() * _DAY
    starts = [start_of_day(monday - 7 * back * _DAY, zone) for back in reversed(range(WEEKS))]
    period = Period(name="growth", start=starts[0], end=report_period("today", now, zone).end, timezone=str(zone))
    since = now - RETENTION_DAYS * _DAY
    entries = changes(await system.store.reports.guild_memberships(min(since, period.start)))
    recent = await system.store.fleet.recent(now - _PROCESSES_SEEN)
    servers = all_servers(each.servers for each in newest_first(recent) if each.servers is not None)
    reads = GrowthReads(system.store.engine)
    new = [entry for entry in entries if entry.occurred_at >= since]
    lost = {id_: entry for id_, entry in gone(entries).items() if entry.occurred_at >= now - LOSS_DAYS * _DAY}
    came, left = came_and_left(entries, period.start, period.end)
    return Growth(
        period=period,
        servers=servers,
        came=came,
        left=left,
        weeks=_weeks(entries, [*starts, period.end], servers, zone),
        retained=retained(new, await reads.last_days(since, now), now),
        losses=await _losses(reads, lost, now),
        lost=len(lost),
    )


# -- servers -----------------------------------------------------------------------------------------------------------


async def _servers(
    system: MonitoringSystem, statistics: StatisticsReport, entries: Sequence[MembershipEntry]
) -> dict[str, tuple[ServerUse, ...]]:
    """The busiest servers, counted to the hour, and those that have gone quiet: of those that the bot has not left."""
    reads = GrowthReads(system.store.engine)
    period, previous = statistics.period, statistics.previous
    use = await reads.use(day_of(previous.start), day_of(period.start), day_of(period.end - _INSTANT))
    has_left = gone(entries)
    use = [each for each in use if each.guild_id not in has_left]
    busiest = sorted((each for each in use if each.n), key=lambda each: (-each.n, each.guild_id))[:_MOST_COUNTED]
    quiet = [each for each in use if not each.n and each.previous_n >= BUSY]
    quiet.sort(key=lambda each: (-each.previous_n, each.guild_id))
    counted: list[Use] = []
    for each in busiest:
        n, previous_n = [await _ran(system, reads, each.guild_id, of) for of in (period, previous)]
        counted.append(Use(each.guild_id, n, previous_n))
    counted.sort(key=lambda each: (-each.n, each.guild_id))
    names = await reads.names(each.guild_id for each in (*counted, *quiet))
    return {
        key: tuple(
            ServerUse(guild_id=each.guild_id, name=names.get(each.guild_id), n=each.n, previous_n=each.previous_n)
            for each in found
        )
        for key, found in {"busiest": [each for each in counted if each.n][:_MOST_BUSIEST], "quiet": quiet}.items()
    }


async def _ran(system: MonitoringSystem, reads: GrowthReads, guild_id: str, period: Period) -> int:
    """Commands that ran: by whole days (UTC), and to the hour only before the first and after the last of these."""
    first = datetime.combine((period.start + _DAY - _INSTANT).astimezone(UTC), time(), UTC)
    end = datetime.combine(period.end.astimezone(UTC), time(), UTC)
    if first >= end:
        return await _ran_between(system, guild_id, period)
    n = await reads.ran(guild_id, day_of(first), day_of(end) - 1)
    if period.start < first:
        n += await _ran_between(system, guild_id, replace(period, end=first))
    if end < period.end:
        n += await _ran_between(system, guild_id, replace(period, start=end))
    return n


async def _ran_between(system: MonitoringSystem, guild_id: str, period: Period) -> int:
    return added_up((await system.store.reports.counted(guild_id, period)).command_counts()).executed


async def _unused(system: MonitoringSystem, statistics: StatisticsReport, now: datetime) -> tuple[UnusedCommand, ...]:
    if not statistics.unused_commands:
        return ()
    last_used = await system.store.reports.last_used(None, now - _LOOKED_BACK)
    found = [UnusedCommand(command=name, last_used=last_used.get(name)) for name in statistics.unused_commands]
    return tuple(sorted(found, key=lambda each: (each.last_used is None, each.last_used or now, each.command)))


# -- growth ------------------------------------------------------------------------------------------------------------


def _weeks(
    entries: Sequence[MembershipEntry], bounds: Sequence[datetime], servers: int | None, zone: tzinfo
) -> tuple[Week, ...]:
    """From the last one back: how many servers there were before is how many there are, without what changed since."""
    found: list[Week] = []
    for start, end in reversed([*pairwise(bounds)]):
        came, left = came_and_left(entries, start, end)
        first_day = start.astimezone(zone).date()
        found.append(Week(first_day=first_day, came=came, left=left, servers=servers))
        servers = None if servers is None else servers - came + left
    return tuple(reversed(found))


async def _losses(reads: GrowthReads, lost: dict[str, MembershipEntry], now: datetime) -> tuple[Loss, ...]:
    used = await reads.lost(now - LOSS_DAYS * _DAY, now)
    nothing = LastUse(0, 0)

    def size(entry: MembershipEntry) -> tuple[int, int, str]:
        return -used.get(entry.guild_id, nothing).n, -(entry.member_count or 0), entry.guild_id

    return tuple(
        [
            await _loss(reads, entry, used.get(entry.guild_id))
            for entry in sorted(lost.values(), key=size)[:_MOST_LOSSES]
        ]
    )


async def _loss(reads: GrowthReads, entry: MembershipEntry, use: LastUse | None) -> Loss:
    return Loss(
        guild_id=entry.guild_id,
        name=entry.guild_name,
        members=entry.member_count,
        left_at=entry.occurred_at.astimezone(UTC),
        n=0 if use is None else use.n,
        last_used=None if use is None else date.fromisoformat(iso_date(use.day)),
        last_commands=() if use is None else await reads.commands_of_day(entry.guild_id, use.day, _MOST_LAST_COMMANDS),
    )
