"""PostgreSQL, for several machines: the same tables, written in the same way."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from botmon_cog.domain.models import Event
from botmon_cog.errors import MissingExtraError, StorageError
from botmon_cog.storage import tables
from botmon_cog.storage.alerting import SqlAlerting
from botmon_cog.storage.engine import Bound, Query
from botmon_cog.storage.postgres.asyncpg_types import Connection, Pool, create_pool, outages
from botmon_cog.storage.postgres.batch import perform, store
from botmon_cog.storage.postgres.loop_thread import LoopThread
from botmon_cog.storage.postgres.schema import migrate
from botmon_cog.storage.postgres.sql import numbered
from botmon_cog.storage.reading import SqlReading
from botmon_cog.storage.rows import Row
from botmon_cog.storage.script import Script, run_async
from botmon_cog.storage.upkeep import maintained as upkeep
from botmon_cog.storage.upkeep.rebuilding import Dialect
from botmon_cog.storage.uptime import SqlUptime

T = TypeVar("T")

_SIZE_BYTES = "SELECT SUM(pg_total_relation_size(to_regclass(name))) FROM unnest(CAST(:names AS TEXT[])) AS name"
_POOL_MAX = 3
"""One writes, the others read."""

DIALECT = Dialect(
    epoch="CAST(FLOOR(EXTRACT(EPOCH FROM timestamp)) AS BIGINT)",
    moment=lambda when: when,
    lock=tuple(
        f"LOCK TABLE {table.name} IN EXCLUSIVE MODE" for table in (*tables.RAW_TABLES.values(), *tables.ROLLUP_TABLES)
    ),
)


class PostgresStorage(SqlReading, SqlAlerting, SqlUptime):
    """See `Storage`. The connections live on the event loop of a thread of their own, so that what asyncpg does per
    statement costs the bot's loop nothing.

    Args:
        url: as asyncpg takes it; what it leaves out comes from the `PG*` variables and the password file.
        schema: made where it is missing.
        connect_timeout_s: for a connection to be made, and for one of the pool to become free.
        command_timeout_s: for a statement.
        busy_timeout_s: for a lock that another process holds.
        is_read_only: nothing is written, and the schema is neither made nor upgraded.
    """

    engine = "postgres"

    trouble: str | None = None

    def __init__(
        self,
        url: str,
        *,
        instance: str,
        schema: str = "public",
        connect_timeout_s: float = 5.0,
        command_timeout_s: float = 30.0,
        busy_timeout_s: float = 5.0,
        is_read_only: bool = False,
    ) -> None:
        if importlib.util.find_spec("asyncpg") is None:
            raise MissingExtraError("storing in PostgreSQL", "postgres")
        self.description = _without_secrets(url)
        self.instance = instance
        self._url = url
        self._schema = schema
        self._connect_timeout_s = connect_timeout_s
        self._command_timeout_s = command_timeout_s
        self._busy_timeout_s = busy_timeout_s
        self._is_read_only = is_read_only
        self._thread: LoopThread | None = None
        self._pool: Pool | None = None
        self._opening: asyncio.Lock | None = None

    @property
    def dialect(self) -> Dialect:
        return DIALECT

    @property
    def upkeep(self) -> upkeep.Upkeep:
        return upkeep.POSTGRES

    def when(self, found: Any) -> datetime:
        if not isinstance(found, datetime):
            raise ValueError(f"{found!r} is no moment")  # noqa: TRY004 (what an old row holds, not a wrong argument)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)

    async def open(self) -> None:
        await self._run(self._ready)

    async def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            await thread.stop(self._close_pool)

    async def _close_pool(self) -> None:
        pool, self._pool, self._opening = self._pool, None, None
        if pool is not None:
            try:
                async with asyncio.timeout(self._connect_timeout_s):
                    await pool.close()
            except (TimeoutError, *outages()):
                pool.terminate()

    async def rows(self, query: str, bound: Bound) -> Sequence[Row]:
        text, values = numbered(query, bound)
        return await self._on_connection(lambda db: db.fetch(text, *values))

    async def execute(self, statement: str, bound: Bound) -> int:
        text, values = numbered(statement, bound)
        return await self._on_connection(lambda db: _changed(db.execute(text, *values)))

    async def write(self, events: Sequence[Event]) -> None:
        await self._on_connection(lambda db: store(db, events, self.instance))

    async def transact(self, script: Script[T]) -> T:
        async def work(db: Connection) -> T:
            async with db.transaction():
                return await run_async(script, lambda step: perform(db, step))

        return await self._on_connection(work)

    async def look(self, script: Script[T]) -> T:
        async def work(db: Connection) -> T:
            async with db.transaction(isolation="repeatable_read", readonly=True):
                return await run_async(script, lambda step: perform(db, step))

        return await self._on_connection(work)

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Query, None]:
        stack = AsyncExitStack()

        async def begin() -> Connection:
            pool = await self._ready()
            db = await stack.enter_async_context(pool.acquire(timeout=self._connect_timeout_s))
            await stack.enter_async_context(db.transaction(isolation="repeatable_read", readonly=True))
            await db.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            await db.fetchval("SELECT 1")  # what is seen is settled by the first look
            return db

        db = await self._run(begin)

        async def rows(query: str, bound: Bound) -> Sequence[Row]:
            text, values = numbered(query, bound)
            return await self._run(lambda: db.fetch(text, *values))

        try:
            yield rows
        finally:
            with suppress(StorageError):  # nothing was written; a connection that is gone has forgotten it all
                await self._run(stack.aclose)

    async def ping(self) -> int:
        names = [table.name for table in (*tables.RAW_TABLES.values(), *tables.ROLLUP_TABLES)]
        rows = await self.rows(_SIZE_BYTES, {"names": names})
        return int(rows[0][0] or 0)

    async def _on_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async def run() -> T:
            pool = await self._ready()
            async with pool.acquire(timeout=self._connect_timeout_s) as db:
                return await work(db)

        return await self._run(run)

    async def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine function in our thread; what asyncpg raises becomes a `StorageError`."""
        if self._thread is None:
            self._thread = LoopThread("botmon-postgres")
        try:
            return await self._thread.run(work)
        except StorageError:
            raise
        except TimeoutError as error:
            raise StorageError(f"{self.description} did not answer in time") from error
        except outages() as error:
            raise StorageError(f"{self.description}: {type(error).__name__}: {error}") from error

    async def _ready(self) -> Pool:
        """The pool, made and the schema upgraded at the first call. Runs in our thread."""
        if self._pool is not None:
            return self._pool
        self._opening = self._opening or asyncio.Lock()
        async with self._opening:
            if self._pool is None:
                self._pool = await self._open_pool()
        return self._pool

    async def _open_pool(self) -> Pool:
        settings = {
            "search_path": self._schema,
            "application_name": f"botmon {self.instance}",
            "timezone": "UTC",
            "statement_timeout": f"{self._command_timeout_s * 1000:.0f}",
            "lock_timeout": f"{self._busy_timeout_s * 1000:.0f}",
            "idle_in_transaction_session_timeout": f"{2 * self._command_timeout_s * 1000:.0f}",
        }
        if self._is_read_only:
            settings["default_transaction_read_only"] = "on"
        async with AsyncExitStack() as stack:
            pool = await create_pool(
                self._url,
                min_size=0,  # a background task would fill it up again and log each failure
                max_size=_POOL_MAX,
                timeout=self._connect_timeout_s,
                command_timeout=self._command_timeout_s + 1,  # the server's own is the first to end a statement
                server_settings=settings,
            )
            stack.callback(pool.terminate)
            async with pool.acquire(timeout=self._connect_timeout_s) as db:
                if not self._is_read_only:
                    await migrate(db, self._schema, DIALECT)
            stack.pop_all()
        return pool


async def _changed(running: Awaitable[str]) -> int:
    """The number of rows in a status such as `DELETE 3`."""
    count = (await running).rpartition(" ")[2]
    return int(count) if count.isdecimal() else 0


def _without_secrets(url: str) -> str:
    """Server and database, for people."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"PostgreSQL {host or 'server'}{parts.path}"
