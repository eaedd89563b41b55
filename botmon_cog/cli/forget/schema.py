"""The store's schema on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from botmon_cog.cli.forget.left import Found, Left
from botmon_cog.config import Config
from botmon_cog.database_url import described
from botmon_cog.domain import text
from botmon_cog.errors import StorageError
from botmon_cog.store.postgres.asyncpg_types import Connection, connect, failures
from botmon_cog.store.schema import ALL_TABLES, MARKS, RUNS, VIEWS

_TABLES = tuple(table.name for table in ALL_TABLES)
_OURS = frozenset({*_TABLES, *VIEWS})
_RELATIONS = """
SELECT c.relname, CAST(pg_total_relation_size(c.oid) AS BIGINT)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
"""
_OWNER = 'SELECT value FROM "{schema}".{marks} WHERE name = $1'
_SEEN = 'SELECT COUNT(*) FROM "{schema}".{runs} WHERE ended_ms IS NULL AND seen_ms >= $1'
_LOCK_TIMEOUT_S = 5
_RUNNING = timedelta(minutes=3)
"""A bot says once a minute that it runs; one that crashed still counts as running for so long."""


async def find_schema(url: str, config: Config, application_id: int | None) -> Found:
    """The schema of a store, if it is there and holds nothing but ours. Changes nothing.

    Raises:
        StorageError: the server can't be reached or asked.
    """
    found = Found()
    schema = config.storage.postgres_schema
    place = f"{described(url)}, schema {schema}"
    async with _connected(url, config) as db:
        sizes = {str(name): int(size) for name, size in await db.fetch(_RELATIONS, schema)}
        if not sizes:
            return found
        strangers = sorted(set(sizes) - _OURS)
        if MARKS.name not in sizes or strangers:
            holds = f" ({', '.join(strangers)})" if strangers else ""
            found.kept.append((place, f"holds what is not botmon's{holds}"))
            return found
        owner = await db.fetch(_OWNER.format(schema=schema, marks=MARKS.name), "application_id")
    if owner and application_id is not None and str(owner[0][0]) != str(application_id):
        found.kept.append((place, f"belongs to another bot (application {owner[0][0]})"))
        return found

    async def remove() -> None:
        async with _connected(url, config) as db:
            await _drop(db, schema, set(sizes))

    async def is_used() -> bool:
        since = datetime.now(UTC) - _RUNNING
        async with _connected(url, config) as db:
            ((n,),) = await db.fetch(_SEEN.format(schema=schema, runs=RUNS.name), int(since.timestamp() * 1000))
        return bool(n)

    what = f"the store: commands, roll-ups, health, alerts ({text.bytes_(sum(sizes.values()))})"
    found.left.append(Left(name=place, what=what, remove=remove, is_used=is_used))
    return found


async def _drop(db: Connection, schema: str, names: set[str]) -> None:
    """All of it or nothing. Without CASCADE: what somebody else has built upon our tables keeps them there."""
    views = ", ".join(f'"{schema}".{name}' for name in VIEWS if name in names)
    tables = ", ".join(f'"{schema}".{name}' for name in _TABLES if name in names)
    statements = [f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'"]
    statements += [f"DROP VIEW {views}"] if views else []
    statements += [f"DROP TABLE {tables}", f'DROP SCHEMA "{schema}"']
    await db.execute("BEGIN")
    try:
        for statement in statements:
            await db.execute(statement)
        await db.execute("COMMIT")
    except BaseException:
        if not db.is_closed():
            await db.execute("ROLLBACK")
        raise


@asynccontextmanager
async def _connected(url: str, config: Config) -> AsyncGenerator[Connection, None]:
    """A connection; what asyncpg raises becomes a `StorageError` that names no password."""
    settings = config.storage
    try:
        db = await connect(
            url,
            timeout=settings.connect_timeout_s,
            command_timeout=settings.command_timeout_s,
            statement_cache_size=0,  # PgBouncer may be between
        )
        try:
            yield db
        finally:
            await db.close(timeout=settings.connect_timeout_s)
    except TimeoutError as error:
        raise StorageError(f"{described(url)} did not answer in time") from error
    except failures() as error:
        said = str(error).partition("\n")[0]
        raise StorageError(f"{described(url)}: {type(error).__name__}: {said}") from error
