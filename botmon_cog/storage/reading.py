"""What reports ask of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import MusicEvent, MusicEventType, Outcome
from botmon_cog.domain.reports import CommandCounts, HealthMoment, HistoryEntry, HourCount, MusicTotals, Period
from botmon_cog.domain.rollup import HOURS_PER_DAY, METRICS, Rollup, day_of, hour_of, iso_date, start_of_hour
from botmon_cog.storage import queries
from botmon_cog.storage.base import HistoryFilter
from botmon_cog.storage.engine import Bound, SqlEngine
from botmon_cog.storage.rows import Row

_HOUR = timedelta(hours=1)
_A_DAY_OF_HOURS = (1 << HOURS_PER_DAY) - 1


class SqlReading(SqlEngine):
    """The verbs of `Storage` that report."""

    async def history(self, wanted: HistoryFilter) -> list[HistoryEntry]:
        values = {name: getattr(wanted, name) for name in queries.HISTORY_FILTERS}
        bound = {
            k: self.dialect.moment(v) if isinstance(v, datetime) else v for k, v in values.items() if v is not None
        }
        rows = await self.rows(queries.history(bound), bound | {"limit": wanted.limit, "offset": wanted.offset})
        return [self._history_entry(row) for row in rows]

    def _history_entry(self, row: Row) -> HistoryEntry:
        id_, timestamp, command, kind, outcome, success, *rest = row
        try:
            moment = self.when(timestamp)
        except (ValueError, OverflowError):  # an old row's timestamp may be anything
            moment = None
        names = HistoryEntry.__struct_fields__[6:]
        return HistoryEntry(
            id=id_,
            timestamp=moment,
            command=command,
            kind=kind,
            outcome=outcome,
            success=None if success is None else bool(success),
            **dict(zip(names, rest, strict=True)),
        )

    async def command_counts(self, guild_id: str | None, period: Period) -> list[CommandCounts]:
        found: dict[str, list[int]] = {}
        for row in [
            *await self._over_hours(queries.COMMAND_TOTALS, guild_id, period),
            *await self._at_the_edges(queries.COMMANDS_BETWEEN, guild_id, period),
        ]:
            command, counts = row[0], [int(n) for n in row[1:]]
            known = found.get(command)
            found[command] = counts if known is None else [a + b for a, b in zip(known, counts, strict=True)]
        names = ["n", *(outcome.value for outcome in Outcome)]
        made = [CommandCounts(command=c, **dict(zip(names, counts, strict=True))) for c, counts in found.items()]
        return sorted(made, key=lambda counts: (-counts.n, counts.command))

    async def hour_counts(self, guild_id: str | None, period: Period) -> list[HourCount]:
        if not _is_whole(period.start):
            return await self._odd_hour_counts(guild_id, period.start, period.end)
        rows = await self._over_hours(queries.HOURLY_TOTALS, guild_id, period)
        found = [HourCount(start=start_of_hour(hour), n=int(n), faults=int(faults)) for hour, n, faults in rows]
        for since, until in _edges(period):  # clocks that change by half an hour make such an end
            found += await self._odd_hour_counts(guild_id, since, until)
        return found

    async def _odd_hour_counts(self, guild_id: str | None, since: datetime, until: datetime) -> list[HourCount]:
        """Of hours that begin or end at other minutes than ours, from the raw rows."""
        query = queries.scoped(queries.HOURS_BETWEEN, guild_id).replace("{epoch}", self.dialect.epoch)
        bound = self._between(guild_id, since, until) | {"start_s": int(since.timestamp())}
        return [
            HourCount(start=since + int(position) * _HOUR, n=n, faults=faults)
            for position, n, faults in await self.rows(query, bound)
        ]

    async def unique_users(self, guild_id: str | None, period: Period) -> int:
        first, end = _whole_hours(period)
        last = end - 1
        masks = {
            "first_mask": -1 << first % HOURS_PER_DAY & _A_DAY_OF_HOURS,
            "last_mask": (1 << last % HOURS_PER_DAY + 1) - 1,
        }
        bound = _days(first, end) | masks | _of(guild_id)
        n = max(bound["last_day"] - bound["first_day"] + 1, 0)
        if _edges(period):
            rows = await self.rows(queries.over_days(queries.USERS, guild_id, n), bound) if end > first else ()
            return len({*rows, *await self._at_the_edges(queries.USERS_BETWEEN, guild_id, period)})
        if end <= first:
            return 0
        rows = await self.rows(queries.over_days(queries.UNIQUE_USERS, guild_id, n), bound)
        return int(rows[0][0])

    async def music_totals(self, guild_id: str | None, period: Period) -> MusicTotals:
        found = await self._over_hours(queries.MUSIC_TOTALS, guild_id, period)
        legacy = await self.rows(
            queries.scoped(queries.LEGACY_MUSIC, guild_id),
            {"first_hour": _next_hour(period.start), "end_hour": _next_hour(period.end), **_of(guild_id)},
        )
        edges = Rollup.of(
            MusicEvent(
                event_id="", type=MusicEventType(kind), occurred_at=period.start, guild_id="", duration_s=duration_s
            )
            for kind, duration_s in await self._at_the_edges(queries.MUSIC_BETWEEN, guild_id, period)
        )
        songs, playtime_s, skips, pauses = (
            sum(map(int, counts)) for counts in zip(*found, *legacy, *edges.music.values(), strict=True)
        )
        return MusicTotals(songs_played=songs, playtime_s=playtime_s, skips=skips, pauses=pauses)

    async def latencies(
        self, guild_id: str | None, period: Period, metric: str | None = None
    ) -> Mapping[tuple[str, str], Histogram]:
        found: dict[tuple[str, int], dict[int, int]] = {}
        metrics = range(len(METRICS)) if metric is None else [METRICS.index(metric)]
        bound = {"first_metric": metrics[0], "last_metric": metrics[-1]}
        for command, of, bucket, n in await self._latency_rows(queries.LATENCIES, guild_id, period, bound):
            counts = found.get((command, of))
            if counts is None:
                counts = found[command, of] = {}
            counts[bucket] = counts.get(bucket, 0) + int(n)
        return {(command, METRICS[of]): Histogram(counts) for (command, of), counts in found.items()}

    async def latency_by_day(
        self, guild_id: str | None, period: Period, command: str, metric: str
    ) -> Mapping[str, Histogram]:
        found: dict[str, Histogram] = {}
        bound = {"command": command, "metric": METRICS.index(metric)}
        for day, bucket, n in await self._latency_rows(queries.LATENCIES_BY_DAY, guild_id, period, bound):
            found.setdefault(iso_date(day), Histogram()).add(bucket, int(n))
        return found

    async def _latency_rows(
        self, forms: Mapping[str, str], guild_id: str | None, period: Period, more: Bound
    ) -> Sequence[Row]:
        first, end = hour_of(period.start), _next_hour(period.end)
        if period.end <= period.start:
            return ()
        if guild_id is None:
            query = queries.over_hours(forms["hour"], None, end - first)
            return await self.rows(query, {"first_hour": first, "end_hour": end, **more})
        days = _days(first, end)
        query = queries.over_days(forms["day"], guild_id, days["last_day"] - days["first_day"] + 1)
        return await self.rows(query, {**days, "guild_id": guild_id, **more})

    async def outcomes_by_minute(self, since: datetime, guild_id: str | None = None) -> list[tuple[int, int, int]]:
        query = queries.scoped(queries.OUTCOMES_BY_MINUTE, guild_id).replace("{epoch}", self.dialect.epoch)
        rows = await self.rows(query, {"since": self.dialect.moment(since), **_of(guild_id)})
        return [(int(minute), int(n), int(faults)) for minute, n, faults in rows]

    async def last_used(self, guild_id: str | None) -> Mapping[str, datetime]:
        rows = await self.rows(queries.scoped(queries.LAST_USED, guild_id), _of(guild_id))
        return {command: start_of_hour(hour) for command, hour in rows}

    async def first_seen(self, guild_id: str | None) -> datetime | None:
        rows = await self.rows(queries.scoped(queries.FIRST_HOUR, guild_id), _of(guild_id))
        return None if rows[0][0] is None else start_of_hour(rows[0][0])

    async def guild_name(self, guild_id: str) -> str | None:
        rows = await self.rows(queries.GUILD_NAME, {"guild_id": guild_id})
        return str(rows[0][0]) if rows else None

    async def guilds(self, limit: int) -> list[tuple[str, int]]:
        rows = await self.rows(queries.GUILDS, {"limit": limit})
        return [(str(guild_id), int(n)) for guild_id, n in rows]

    async def health_history(self, since: datetime) -> list[HealthMoment]:
        return await self._health_moments(queries.HEALTH_HISTORY, since)

    async def health_changes(self, since: datetime) -> list[HealthMoment]:
        return await self._health_moments(queries.HEALTH_CHANGES, since)

    async def _health_moments(self, query: str, since: datetime) -> list[HealthMoment]:
        rows = await self.rows(query, {"since": self.dialect.moment(since), "instance": self.instance})
        return [
            HealthMoment(occurred_at=self.when(when), status=status, reason=reason) for when, status, reason in rows
        ]

    async def last_trouble(self) -> datetime | None:
        rows = await self.rows(queries.LAST_TROUBLE, {"instance": self.instance})
        return self.when(rows[0][0]) if rows[0][0] else None

    # -- periods -------------------------------------------------------------------------------------------------------

    async def _over_hours(self, query: str, guild_id: str | None, period: Period) -> Sequence[Row]:
        """What the roll-ups hold of the whole hours of a period."""
        first, end = _whole_hours(period)
        made = queries.over_hours(query, guild_id, end - first)
        return await self.rows(made, {"first_hour": first, "end_hour": end, **_of(guild_id)})

    async def _at_the_edges(self, query: str, guild_id: str | None, period: Period) -> Sequence[Row]:
        """What the raw rows hold of the parts of hours at both ends of a period."""
        made = queries.scoped(query, guild_id)
        return [
            row
            for since, until in _edges(period)
            for row in await self.rows(made, self._between(guild_id, since, until))
        ]

    def _between(self, guild_id: str | None, since: datetime, until: datetime) -> dict[str, Any]:
        return {"since": self.dialect.moment(since), "until": self.dialect.moment(until), **_of(guild_id)}


def _of(guild_id: str | None) -> dict[str, Any]:
    return {} if guild_id is None else {"guild_id": guild_id}


def _is_whole(moment: datetime) -> bool:
    return start_of_hour(hour_of(moment)) == moment


def _next_hour(moment: datetime) -> int:
    """The first hour (UTC) that begins no earlier."""
    return hour_of(moment) + (not _is_whole(moment))


def _whole_hours(period: Period) -> tuple[int, int]:
    """(first, end) of the hours (UTC) that are wholly in a period."""
    first = _next_hour(period.start)
    return first, max(hour_of(period.end), first)


def _edges(period: Period) -> list[tuple[datetime, datetime]]:
    """The parts of hours at both ends, for periods of zones whose hours are not UTC's."""
    first, end = (start_of_hour(hour) for hour in _whole_hours(period))
    if first > period.end:
        return [(period.start, period.end)]
    return [(since, until) for since, until in ((period.start, first), (end, period.end)) if since < until]


def _days(first_hour: int, end_hour: int) -> dict[str, int]:
    """The days (UTC) that a run of hours touches."""
    return {
        "first_day": day_of(start_of_hour(first_hour)),
        "last_day": day_of(start_of_hour(end_hour) - timedelta.resolution),
    }
