"""The embedded engine: one SQLite file, written by one thread and read by another."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from botmon_cog.database_url import IN_MEMORY
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import Event, MetricValue, Outcome
from botmon_cog.domain.reports import CommandCounts, HealthMoment, HistoryEntry, HourCount, MusicTotals, Period
from botmon_cog.errors import StorageError
from botmon_cog.storage import queries
from botmon_cog.storage.base import AlertState, HistoryFilter
from botmon_cog.storage.batch import roll_up_all, storable, store
from botmon_cog.storage.connection import BorrowedConnection, OwnConnection, Runner, connect, use_wal
from botmon_cog.storage.migrator import migrate, refuse_newer

if TYPE_CHECKING:
    import aiosqlite

T = TypeVar("T")
Row = tuple[Any, ...]

_HOUR = timedelta(hours=1)


class SqliteStorage:
    """See `Storage`.

    Args:
        source: a file's path, `:memory:`, or a host's open `aiosqlite.Connection`. On such a connection's file we work
            beside it, with connections of our own that keep our transactions out of the host's; only where it has no
            file do we work through it.
        instance: the name of this process in what it writes.
    """

    def __init__(self, source: str | aiosqlite.Connection, *, instance: str, busy_timeout_s: float = 5.0) -> None:
        self.description = source if isinstance(source, str) else "the host's connection"
        self._source = source
        self._instance = instance
        self._busy_timeout_s = busy_timeout_s
        self._connections: tuple[Runner, Runner] | None = None
        self._is_migrated = False

    async def open(self) -> None:
        if self._is_migrated:
            return
        if self._connections is None:
            made = await self._connect()
            self._connections = self._connections or made  # another task may have been faster; unused ones hold nothing
        connections = self._connections
        await _guarded(connections[0].run(_upgrade))  # two at once run one after the other; the second does nothing
        self._is_migrated = self._connections is connections

    async def _connect(self) -> tuple[Runner, Runner]:
        """The connections for writing and for reading: WAL lets a reader pass the writer."""
        if isinstance(self._source, str):
            path = self._source
        else:
            borrowed = BorrowedConnection(self._source)
            file = await _guarded(borrowed.file())
            if file is None:
                return borrowed, borrowed
            path = self.description = file
        writer = OwnConnection(lambda: connect(path, self._busy_timeout_s))
        return writer, writer if path == IN_MEMORY else OwnConnection(lambda: connect(path, self._busy_timeout_s))

    async def close(self) -> None:
        self._is_migrated = False
        connections, self._connections = self._connections, None
        closing = asyncio.gather(*(connection.close() for connection in dict.fromkeys(connections or ())))
        await _guarded(asyncio.shield(closing))  # whoever stops waiting does not stop the closing

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run something on the connection for writing."""
        return await self._on(0, work)

    async def _rows(self, query: str, bound: Mapping[str, Any]) -> list[Row]:
        return await self._on(1, lambda db: db.execute(query, bound).fetchall())

    async def _on(self, which: int, work: Callable[[sqlite3.Connection], T]) -> T:
        await self.open()
        if self._connections is None:
            raise StorageError("the storage was closed meanwhile")
        return await _guarded(self._connections[which].run(work))

    async def write(self, events: Sequence[Event]) -> None:
        await self._write(lambda db: store(db, events, self._instance))

    async def ping(self) -> int:
        def work(db: sqlite3.Connection) -> int:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
            return int(db.execute(queries.SIZE_BYTES).fetchone()[0])

        return await self._write(work)

    async def history(self, wanted: HistoryFilter) -> list[HistoryEntry]:
        values = {name: getattr(wanted, name) for name in queries.HISTORY_FILTERS}
        bound: dict[str, Any] = {
            k: _text(v) if isinstance(v, datetime) else v for k, v in values.items() if v is not None
        }
        rows = await self._rows(queries.history(list(bound)), bound | {"limit": wanted.limit, "offset": wanted.offset})
        return [_history_entry(row) for row in rows]

    async def command_counts(self, guild_id: str | None, period: Period) -> list[CommandCounts]:
        rows = await self._rows(queries.scoped(queries.COMMAND_TOTALS, guild_id), _scope(guild_id, period))
        names = ["command", "n", *(outcome.value for outcome in Outcome)]
        return [CommandCounts(**dict(zip(names, row, strict=True))) for row in rows]

    async def hour_counts(self, guild_id: str | None, period: Period) -> list[HourCount]:
        rows = await self._rows(queries.scoped(queries.HOURLY_TOTALS, guild_id), _scope(guild_id, period))
        return [HourCount(start=_hour_start(hour), n=n, faults=faults) for hour, n, faults in rows]

    async def unique_users(self, guild_id: str | None, period: Period) -> int:
        last = period.end - _HOUR
        masks = {
            "first_date": period.start.date().isoformat(),
            "last_date": last.date().isoformat(),
            "first_mask": (-1 << period.start.hour) & 0xFFFFFF,
            "last_mask": (1 << (last.hour + 1)) - 1,
        }
        rows = await self._rows(queries.scoped(queries.UNIQUE_USERS, guild_id), _scope(guild_id, period) | masks)
        return int(rows[0][0])

    async def music_totals(self, guild_id: str | None, period: Period) -> MusicTotals:
        rows = await self._rows(queries.scoped(queries.MUSIC_TOTALS, guild_id), _scope(guild_id, period))
        songs, playtime_s, skips, pauses = rows[0]
        return MusicTotals(songs_played=songs, playtime_s=int(playtime_s), skips=skips, pauses=pauses)

    async def latencies(self, guild_id: str | None, period: Period) -> Mapping[tuple[str, str], Histogram]:
        query = queries.LATENCY_OF_ALL if guild_id is None else queries.LATENCY_OF_GUILD
        found: dict[tuple[str, str], Histogram] = {}
        for command, metric, bucket, n in await self._rows(query, _scope(guild_id, period)):
            found.setdefault((command, metric), Histogram()).add(bucket, n)
        return found

    async def latency_by_day(
        self, guild_id: str | None, period: Period, command: str, metric: str
    ) -> Mapping[str, Histogram]:
        query = queries.LATENCY_BY_DAY_OF_ALL if guild_id is None else queries.LATENCY_BY_DAY_OF_GUILD
        found: dict[str, Histogram] = {}
        bound = _scope(guild_id, period) | {"command": command, "metric": metric}
        for date, bucket, n in await self._rows(query, bound):
            found.setdefault(date, Histogram()).add(bucket, n)
        return found

    async def metric_values(self, guild_id: str | None, period: Period, limit: int) -> list[MetricValue]:
        bound = {"guild_id": guild_id, "since": _text(period.start), "until": _text(period.end), "limit": limit}
        rows = await self._rows(queries.scoped(queries.METRIC_VALUES, guild_id), bound)
        return [MetricValue(name=name, unit=unit, value=value, success=bool(ok)) for name, unit, value, ok in rows]

    async def outcomes_by_minute(self, since: datetime, guild_id: str | None = None) -> list[tuple[int, int, int]]:
        bound = {"guild_id": guild_id, "since": _text(since)}
        rows = await self._rows(queries.scoped(queries.OUTCOMES_BY_MINUTE, guild_id), bound)
        return [(int(minute), int(n), int(faults)) for minute, n, faults in rows]

    async def last_used(self, guild_id: str | None) -> Mapping[str, datetime]:
        rows = await self._rows(queries.scoped(queries.LAST_USED, guild_id), {"guild_id": guild_id})
        return {command: _hour_start(hour) for command, hour in rows}

    async def first_seen(self, guild_id: str | None) -> datetime | None:
        rows = await self._rows(queries.scoped(queries.FIRST_HOUR, guild_id), {"guild_id": guild_id})
        return None if rows[0][0] is None else _hour_start(rows[0][0])

    async def guild_name(self, guild_id: str) -> str | None:
        rows = await self._rows(queries.GUILD_NAME, {"guild_id": guild_id})
        return str(rows[0][0]) if rows else None

    async def guilds(self, limit: int) -> list[tuple[str, int]]:
        rows = await self._rows(queries.GUILDS, {"limit": limit})
        return [(str(guild_id), int(n)) for guild_id, n in rows]

    async def health_history(self, since: datetime) -> list[HealthMoment]:
        rows = await self._rows(queries.HEALTH_HISTORY, {"since": _text(since), "instance": self._instance})
        return [HealthMoment(occurred_at=_moment(when), status=status, reason=reason) for when, status, reason in rows]

    async def last_trouble(self) -> datetime | None:
        rows = await self._rows(queries.LAST_TROUBLE, {"instance": self._instance})
        return _moment(rows[0][0]) if rows[0][0] else None

    async def get_alert(self, key: str) -> AlertState | None:
        rows = await self._rows(queries.GET_ALERT, {"instance": self._instance, "key": key})
        return AlertState(state=rows[0][0], since=_moment(rows[0][1]), reason=rows[0][2]) if rows else None

    async def put_alert(self, key: str, alert: AlertState) -> None:
        bound = {
            "instance": self._instance,
            "key": key,
            "state": alert.state,
            "since": _text(alert.since),
            "reason": alert.reason and storable(alert.reason),
        }
        await self._write(lambda db: db.execute(queries.PUT_ALERT, bound).rowcount)


async def _guarded(work: Awaitable[T]) -> T:
    """Await database work; what SQLite raises becomes a `StorageError`."""
    try:
        return await work
    except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:  # the last two: a value that can't be bound
        raise StorageError(str(error)) from error


def _upgrade(db: sqlite3.Connection) -> None:
    refuse_newer(db)
    use_wal(db)
    migrate(db, roll_up_all)


def _scope(guild_id: str | None, period: Period) -> dict[str, Any]:
    """The bounds of a period, in hours and in dates; a date that is touched counts whole."""
    return {
        "guild_id": guild_id,
        "first_hour": int(period.start.timestamp()) // 3600,
        "end_hour": -(-int(period.end.timestamp()) // 3600),
        "dates": msgspec.json.encode(_dates(period)).decode(),
    }


def _dates(period: Period) -> list[str]:
    """The UTC days that a period touches."""
    first, last = period.start.date(), (period.end - timedelta(microseconds=1)).date()
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def _hour_start(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def _text(moment: datetime) -> str:
    """As the rows have it; whole seconds without a fraction, as in old rows, because the shorter text is the lesser."""
    text = moment.astimezone(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
    return text.removesuffix(".000")


def _moment(text: str) -> datetime:
    """Raises ValueError for a text that is no date. What names no zone is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _history_entry(row: Row) -> HistoryEntry:
    id_, timestamp, command, kind, outcome, success, *rest = row
    try:
        moment = _moment(str(timestamp))
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
