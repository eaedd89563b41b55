"""The tables on PostgreSQL, made and upgraded in one transaction."""

from __future__ import annotations

from botmon_cog.storage.migrator import load_migrations, unapplied
from botmon_cog.storage.postgres.asyncpg_types import Connection
from botmon_cog.storage.postgres.batch import perform
from botmon_cog.storage.script import run_async
from botmon_cog.storage.upkeep.rebuilding import Dialect, rebuild_all

_LOCK = 0x626F746D6F6E
"""The bytes of "botmon": the key of the advisory lock that one of several starting processes gets."""
_LONGEST_MIGRATION_S = 3600.0
_COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = 'schema_migrations'
"""
_CREATE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""


async def migrate(db: Connection, schema: str, dialect: Dialect) -> None:
    """Bring the schema to the newest version, or leave it as it is.

    Raises:
        SchemaTooNewError: it holds a version that this package does not know.
        StorageError: there is a table `schema_migrations` that is not ours.
    """
    migrations = load_migrations("postgres")
    if await _has_schema(db, schema) and not unapplied(migrations, *(await _state(db))):
        return
    async with db.transaction():
        await db.execute("SET LOCAL lock_timeout = 0")
        await db.execute("SET LOCAL statement_timeout = 0")
        await db.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if not await _has_schema(db, schema):  # IF NOT EXISTS asks for the right to make one also where it is there
            await db.execute(f'CREATE SCHEMA "{schema}"')
        waiting = unapplied(migrations, *(await _state(db)))  # another process may have been faster
        await db.execute(_CREATE)
        for migration in waiting:
            await db.execute(migration.sql, timeout=_LONGEST_MIGRATION_S)
            await db.execute(
                "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)", migration.version, migration.name
            )
        if any(migration.asks_for_roll_up for migration in waiting):
            await run_async(rebuild_all(dialect), lambda step: perform(db, step))


async def _has_schema(db: Connection, schema: str) -> bool:
    return bool(await db.fetchval("SELECT to_regnamespace($1) IS NOT NULL", schema))


async def _state(db: Connection) -> tuple[set[str], set[int]]:
    """(columns of schema_migrations, versions in it)."""
    columns = {record[0] for record in await db.fetch(_COLUMNS)}
    versions = await db.fetch("SELECT version FROM schema_migrations") if "version" in columns else []
    return columns, {record[0] for record in versions}
