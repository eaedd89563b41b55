"""The two engines behind one face, so that a test is written once and holds on both."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

import asyncpg
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from botmon_cog.storage.postgres import PostgresStorage
from botmon_cog.storage.sqlite import SqliteStorage
from botmon_cog.storage.upkeep.rebuilding import Difference, days_with_all_rows, differences
from tests.storage_helpers import OTHER_TABLES, RAW_TABLES, ROLLUP_TABLES

AnyStorage = SqliteStorage | PostgresStorage
TABLES = (*RAW_TABLES, *ROLLUP_TABLES, *OTHER_TABLES)


class Engine:
    """One database of one engine.

    Attributes:
        url: as `[storage] url` takes it.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url

    @property
    def is_sqlite(self) -> bool:
        return self.name == "sqlite"

    def new(self, instance: str = "test", **options: Any) -> AnyStorage:
        """A storage over the database; the caller closes it."""
        make = SqliteStorage if self.is_sqlite else PostgresStorage
        return make(self.url, instance=instance, **options)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements beside every storage; what the last one finds."""
        if self.is_sqlite:
            with closing(sqlite3.connect(self.url, timeout=30)) as db, db:
                return [db.execute(statement).fetchall() for statement in statements][-1]
        found: list[tuple[Any, ...]] = []

        async def run() -> None:
            db = await asyncpg.connect(self.url)
            try:
                for statement in statements:
                    found[:] = [tuple(record) for record in await db.fetch(statement)]
            finally:
                await db.close()

        thread = threading.Thread(target=asyncio.run, args=[run()])  # a loop may be running here
        thread.start()
        thread.join()
        return found

    def tables(self) -> set[str]:
        """The names of all that there are, in the default schema."""
        if self.is_sqlite:
            query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        else:
            query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        return {name for (name,) in self.sql(query)}

    @asynccontextmanager
    async def storage(self, instance: str = "test", **options: Any) -> AsyncIterator[AnyStorage]:
        storage = self.new(instance, **options)
        try:
            yield storage
        finally:
            await storage.close()

    @asynccontextmanager
    async def empty(self) -> AsyncIterator[AnyStorage]:
        """A storage over nothing, many times a second."""
        storage = SqliteStorage(":memory:", instance="test") if self.is_sqlite else self.new()
        try:
            await storage.open()
            if not self.is_sqlite:
                await storage.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY", {})
            yield storage
        finally:
            await storage.close()

    def holds(
        self, check: Callable[..., Awaitable[None]], *drawn: SearchStrategy[Any], examples: int, of_server: int
    ) -> None:
        """Check `check(storage, *drawn)` on an empty database each time; `of_server` times on PostgreSQL."""

        @settings(deadline=None, derandomize=True, max_examples=examples if self.is_sqlite else of_server)
        @given(st.tuples(*drawn))
        def example(values: tuple[Any, ...]) -> None:
            async def run() -> None:
                async with self.empty() as storage:
                    await check(storage, *values)

            asyncio.run(run())

        example()


async def table(storage: AnyStorage, query: str) -> list[tuple[Any, ...]]:
    """What a query finds, as tuples."""
    return [tuple(row) for row in await storage.rows(query, {})]


async def dump(storage: AnyStorage, *names: str) -> dict[str, list[str]]:
    """All rows of tables (of all where none is named), in an order that is the same whoever wrote them when."""
    return {
        name: sorted(repr(row) for row in await table(storage, f"SELECT * FROM {name}"))  # noqa: S608
        for name in names or TABLES
    }


async def all_differences(storage: AnyStorage) -> list[Difference]:
    """Where the roll-ups of any day are not what counting its raw rows gives."""
    dialect = storage.dialect
    days = await storage.look(days_with_all_rows(dialect))
    return [found for day in days for found in await storage.look(differences(day, dialect))]
