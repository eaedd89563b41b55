"""The two engines behind one face, so that a test is written once and holds on both."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import asyncpg

from botmon_cog.database_url import is_postgres
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import Event, HistoryEntry
from botmon_cog.domain.reports import CommandCounts, HealthMoment, HourCount, Period
from botmon_cog.store.history import HistoryFilter
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.postgres.engine import PostgresEngine
from botmon_cog.store.schema import ALL_TABLES, LOG_TABLES, ROLLUP_TABLES
from botmon_cog.store.script import Execute, Query, Script
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.store import Store

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

AnyEngine = SqliteEngine | PostgresEngine
TABLES = tuple(dict.fromkeys(table.name for table in ALL_TABLES))
LOG = tuple(table.name for table in LOG_TABLES.values())
ROLLUPS = tuple(table.name for table in ROLLUP_TABLES)
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
IS_NIGHT = os.environ.get("BOTMON_EXAMPLES") == "random"


class Storage(Store):
    """A store of a run of its own, with what reports ask of it in single calls."""

    def __init__(self, engine: AnyEngine, instance: str = "test") -> None:
        super().__init__(engine, RunKey.new(instance, STARTED))
        self.taken = 0
        self.music_totals = self.reports.music_totals
        self.unique_users = self.reports.unique_users
        self.first_seen = self.reports.first_seen
        self.guild_name, self.guilds = self.reports.guild_name, self.reports.busiest_guilds
        self.outcomes_by_minute = self.log.outcomes_by_minute
        self.open, self.close, self.ping = engine.open, engine.close, engine.ping

    async def append(self, events: Sequence[Event]) -> Batch:
        """Append events without rolling them up."""
        batch = Batch(run=self.run, first_seq=self.taken + 1, events=list(events))
        self.taken = batch.last_seq
        if events:
            await self.log.append([batch])
        return batch

    async def write(self, events: Sequence[Event]) -> None:
        """Append events and roll up."""
        await self.append(events)
        await self.rollups.catch_up()

    async def history_of(self, wanted: HistoryFilter) -> list[HistoryEntry]:
        return await self.history.find(wanted)

    async def last_used(self, guild_id: str | None) -> Mapping[str, datetime]:
        return await self.reports.last_used(guild_id, datetime(1970, 1, 1, tzinfo=UTC))

    async def command_counts(self, guild_id: str | None, period: Period) -> list[CommandCounts]:
        return (await self.reports.counted(guild_id, period)).command_counts()

    async def hour_counts(self, guild_id: str | None, period: Period) -> list[HourCount]:
        return (await self.reports.counted(guild_id, period)).hour_counts()

    async def latencies(
        self, guild_id: str | None, period: Period, metric: str | None = None
    ) -> Mapping[tuple[str, str], Histogram]:
        return (await self.reports.counted(guild_id, period)).latencies(metric)

    async def latency_by_day(
        self, guild_id: str | None, period: Period, command: str, metric: str
    ) -> Mapping[str, Histogram]:
        return (await self.reports.counted(guild_id, period)).latency_by_day(command, metric)

    async def health_history(self, since: datetime) -> list[HealthMoment]:
        return await self.log.health_history(self.run.instance, since)

    async def health_changes(self, since: datetime) -> list[HealthMoment]:
        return await self.log.health_changes(self.run.instance, since)

    async def last_trouble(self) -> datetime | None:
        return await self.log.last_trouble(self.run.instance)

    async def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """What a query finds; `@name` is a table."""

        def script() -> Script[list[tuple[Any, ...]]]:
            return [tuple(row) for row in (yield Query(sql, values))]

        return await self.engine.read(script())


class Engine:
    """One database of one engine.

    Attributes:
        url: as `[storage] url` takes it.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url

    @classmethod
    def of(cls, url: str) -> Engine:
        """The database that a URL names."""
        return cls("postgres" if is_postgres(url) else "sqlite", url)

    @property
    def is_sqlite(self) -> bool:
        return self.name == "sqlite"

    def make(self, **options: Any) -> AnyEngine:
        """An engine over the database; the caller closes it."""
        return SqliteEngine(self.url, **options) if self.is_sqlite else PostgresEngine(self.url, **options)

    def new(self, instance: str = "test", **options: Any) -> Storage:
        """A store over the database; the caller closes it."""
        return Storage(self.make(**options), instance)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements beside every store; what the last one finds. `@name` is a table."""
        schema = "" if self.is_sqlite else "botmon."
        statements = tuple(statement.replace("@", schema) for statement in statements)
        if self.is_sqlite:
            with closing(sqlite3.connect(self.url, timeout=30)) as db, db:
                return [db.execute(statement).fetchall() for statement in statements][-1]

        async def run() -> list[tuple[Any, ...]]:
            db = await asyncpg.connect(self.url)
            try:
                return [[tuple(record) for record in await db.fetch(statement)] for statement in statements][-1]
            finally:
                await db.close()

        with ThreadPoolExecutor(1) as thread:  # a loop may be running here
            return thread.submit(asyncio.run, run()).result()

    def tables(self) -> set[str]:
        """The names of all that there are in the store."""
        if self.is_sqlite:
            query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        else:
            query = "SELECT tablename FROM pg_tables WHERE schemaname = 'botmon'"
        return {name for (name,) in self.sql(query)}

    @asynccontextmanager
    async def storage(self, instance: str = "test", **options: Any) -> AsyncIterator[Storage]:
        storage = self.new(instance, **options)
        try:
            yield storage
        finally:
            await storage.close()

    def beside(self, storage: Storage) -> AnyEngine:
        """Another engine over a store's database, as another process would have it; the caller closes it."""
        return SqliteEngine(storage.engine.description) if self.is_sqlite else self.make()

    @asynccontextmanager
    async def empty(self, *, on_disk: bool = False) -> AsyncIterator[Storage]:
        """A store over nothing, many times a second. `on_disk`: other engines can reach it."""
        folder = TemporaryDirectory() if self.is_sqlite and on_disk else None
        path = ":memory:" if folder is None else f"{folder.name}/botmon.db"
        storage = Storage(SqliteEngine(path)) if self.is_sqlite else self.new()
        try:
            await storage.open()
            if not self.is_sqlite:
                await storage.engine.write(_emptied())
            yield storage
        finally:
            await storage.close()
            if folder is not None:
                folder.cleanup()

    def holds(
        self,
        check: Callable[..., Awaitable[None]],
        *drawn: SearchStrategy[Any],
        examples: int,
        of_server: int,
        on_disk: bool = False,
    ) -> None:
        """Check `check(storage, *drawn)` on an empty database each time; `of_server` times on PostgreSQL.

        As often as that at night, where the examples are others each time; else half as often.
        """
        # Here, because it takes a child process that needs an engine as long to import as all else.
        from hypothesis import given, settings  # noqa: PLC0415
        from hypothesis import strategies as st  # noqa: PLC0415

        n = examples if self.is_sqlite else of_server

        @settings(deadline=None, max_examples=n if IS_NIGHT else (n + 1) // 2)
        @given(st.tuples(*drawn))
        def example(values: tuple[Any, ...]) -> None:
            async def run() -> None:
                async with self.empty(on_disk=on_disk) as storage:
                    await check(storage, *values)

            asyncio.run(run())

        example()


def _emptied() -> Script[None]:
    kept = {"marks"}  # one of them says which version the tables have
    yield Execute(f"TRUNCATE {', '.join(f'@{name}' for name in TABLES if name not in kept)} RESTART IDENTITY")
    yield Execute("DELETE FROM @marks WHERE name <> 'schema_version'")


async def dump(storage: Storage, *names: str) -> dict[str, list[str]]:
    """All rows of tables (of all if none is named), in an order that is the same whoever wrote them when."""
    return {
        name: sorted(repr(row) for row in await storage.rows(f"SELECT * FROM @{name}"))  # noqa: S608
        for name in names or TABLES
    }
