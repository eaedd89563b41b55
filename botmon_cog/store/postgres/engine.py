"""PostgreSQL, for several machines."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import TypeVar

from botmon_cog.database_url import described
from botmon_cog.errors import ConflictError, MissingExtraError, StorageError
from botmon_cog.loop_thread import LoopThread
from botmon_cog.store.postgres.asyncpg_types import Connection, connect, failures, is_conflict, is_loss
from botmon_cog.store.postgres.link import READ, WRITE, Link, begin
from botmon_cog.store.postgres.opening import prepare
from botmon_cog.store.postgres.steps import Steps, qualified
from botmon_cog.store.schema import ALL_TABLES
from botmon_cog.store.script import Script, run_async

T = TypeVar("T")

_PING = """
SELECT current_setting('transaction_read_only'), CAST(COALESCE(SUM(pg_total_relation_size(c.oid)), 0) AS BIGINT)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname = $1 AND relname = ANY(CAST($2 AS TEXT[]))
"""


class _Opened:
    """What there is between opening and closing: our thread, and what only that thread touches."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], schema: str) -> None:
        self.thread = LoopThread("botmon-postgres", is_loss)
        self.writer = Link(connect, schema)
        self.reader = Link(connect, schema)
        self.links = {self.writer, self.reader}
        self.preparing = asyncio.Lock()
        self.is_prepared = self.is_claimed = False

    async def close(self) -> None:
        await asyncio.gather(*(link.close() for link in self.links))


class Snapshot:
    """The database as it was at one moment."""

    def __init__(self, thread: LoopThread, steps: Steps, closing: AsyncExitStack, description: str) -> None:
        self._thread = thread
        self._steps = steps
        self._closing = closing
        self._description = description

    async def read(self, script: Script[T]) -> T:
        """Run a script that only reads."""
        with _translated(self._description):
            return await self._thread.run(lambda: run_async(script, self._steps.perform))

    async def close(self) -> None:
        # Nothing was written, and a connection that is gone has forgotten it all.
        with suppress(StorageError), _translated(self._description):
            await self._thread.run(self._closing.aclose)


class PostgresEngine:
    """See `Engine`. It has two connections, one to write and one to read, which live on the event loop of a thread of
    its own: the bot's loop pays one hop a script.

    Args:
        url: as asyncpg takes it; what it leaves out comes from the `PG*` variables and the password file.
        schema: made if it is missing.
        connect_timeout_s: for a connection to be made.
        command_timeout_s: for a statement.
        busy_timeout_s: for a lock that another process holds.
        application_id: tells whose store it is; None as long as that is not known.
        is_read_only: nothing is written, and the schema is neither made nor upgraded.
    """

    name = "postgres"
    trouble: str | None = None

    def __init__(
        self,
        url: str,
        *,
        schema: str = "botmon",
        connect_timeout_s: float = 5.0,
        command_timeout_s: float = 30.0,
        busy_timeout_s: float = 5.0,
        application_id: Callable[[], int | None] = lambda: None,
        is_read_only: bool = False,
    ) -> None:
        if importlib.util.find_spec("asyncpg") is None:
            raise MissingExtraError("storing in PostgreSQL", "postgres")
        self.description = described(url)
        self._url = url
        self._schema = schema
        self._connect_timeout_s = connect_timeout_s
        self._command_timeout_s = command_timeout_s
        self._application_id = application_id
        self._is_read_only = is_read_only
        self._limits = {
            "statement_timeout": command_timeout_s,
            "lock_timeout": busy_timeout_s,
            "idle_in_transaction_session_timeout": 2 * command_timeout_s,
        }
        self._begin_read = begin(READ, self._limits)
        self._begin_write = begin(READ if is_read_only else WRITE, self._limits)
        self._opened: _Opened | None = None

    async def open(self) -> None:
        async def nothing(_: _Opened) -> None:
            """What is left to do when it is open."""

        await self._run(nothing)

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.thread.stop(opened.close)

    async def write(self, script: Script[T]) -> T:
        return await self._run(lambda opened: opened.writer.run(self._begin_write, script))

    async def read(self, script: Script[T]) -> T:
        return await self._run(lambda opened: opened.reader.run(self._begin_read, script))

    async def ping(self) -> int:
        async def asked(opened: _Opened) -> int:
            names = [table.name for table in ALL_TABLES]
            async with opened.reader.transaction(self._begin_write) as steps:
                ((is_read_only, size_bytes),) = await steps.db.fetch(_PING, self._schema, names)
            if is_read_only == "on" and not self._is_read_only:
                raise StorageError(f"{self.description} takes no writes: it makes all transactions read-only")
            return size_bytes

        return await self._run(asked)

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot, None]:
        """The database as it is now, for as long as the context lasts; on a connection of its own."""
        link = Link(self._connect, self._schema)
        # What is seen is settled by the first look.
        beginning = begin(READ, self._limits | {"idle_in_transaction_session_timeout": 0.0}) + "; SELECT 1"

        async def begun(opened: _Opened) -> Snapshot:
            async with AsyncExitStack() as stack:
                opened.links.add(link)
                stack.callback(opened.links.discard, link)
                stack.push_async_callback(link.close)
                steps = await stack.enter_async_context(link.transaction(beginning))
                return Snapshot(opened.thread, steps, stack.pop_all(), self.description)

        snapshot = await self._run(begun)
        try:
            yield snapshot
        finally:
            await snapshot.close()

    async def _run(self, work: Callable[[_Opened], Awaitable[T]]) -> T:
        """Await `work` in our thread, once the database is prepared."""
        opened = self._opened = self._opened or _Opened(self._connect, self._schema)

        async def prepared() -> T:
            if not self._is_ready(opened):
                await self._prepare(opened)
            return await work(opened)

        with _translated(self.description):
            return await opened.thread.run(prepared)

    async def _prepare(self, opened: _Opened) -> None:
        async with opened.preparing:
            if not self._is_ready(opened):
                mode = READ if self._is_read_only else WRITE
                async with opened.writer.transaction(begin(mode, dict.fromkeys(self._limits, 0.0))) as steps:
                    application_id = self._application_id()
                    await prepare(steps.db, self._schema, application_id, is_read_only=self._is_read_only)
                opened.is_prepared, opened.is_claimed = True, application_id is not None

    def _is_ready(self, opened: _Opened) -> bool:
        """Whether nothing is left to prepare. A bot that had not logged in yet takes possession once it has."""
        return opened.is_prepared and (opened.is_claimed or self._application_id() is None)

    async def _connect(self) -> Connection:
        return await connect(
            self._url,
            timeout=self._connect_timeout_s,
            command_timeout=self._command_timeout_s + 1,  # the server's own is the first to end a statement
            statement_cache_size=0,
        )

    async def vacuum(self) -> None:
        """Let the server tidy up and measure our tables, as it does by itself from time to time."""

        async def work(_: _Opened) -> None:
            db = await self._connect()  # outside of any transaction
            try:
                for table in ALL_TABLES:
                    await db.execute(qualified(f"VACUUM (ANALYZE) @{table.name}", self._schema))
            finally:
                await db.close(timeout=self._connect_timeout_s)

        await self._run(work)


@contextmanager
def _translated(description: str) -> Generator[None, None, None]:
    """What asyncpg raises becomes a `StorageError`."""
    try:
        yield
    except TimeoutError as error:
        raise StorageError(f"{description} did not answer in time") from error
    except failures() as error:
        kind = ConflictError if is_conflict(error) else StorageError
        said = str(error).partition("\n")[0]  # below it, the details hold whole rows
        raise kind(f"{description}: {type(error).__name__}: {said}") from error
