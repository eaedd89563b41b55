"""Making sure that a schema is ours, and its tables the newest."""

from __future__ import annotations

from botmon_cog.errors import NotOursError, StorageError
from botmon_cog.store import schema as tables
from botmon_cog.store.migrations import load_migrations, pending
from botmon_cog.store.postgres.asyncpg_types import Connection
from botmon_cog.store.postgres.steps import exclusion, qualified

OLDEST_POSTGRES = 150000
"""The lowest `server_version_num` that is supported."""
LONGEST_MIGRATION_S = 3600.0

_FACTS = """
SELECT CAST(current_setting('server_version_num') AS INTEGER), current_setting('server_version'),
       current_setting('server_encoding'), EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)
"""
_RELATIONS = """
SELECT relname, ARRAY(SELECT CAST(attname AS TEXT) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname = $1 AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
"""
_MARK = "SELECT value FROM @marks WHERE name = $1"
_SET_MARK = "INSERT INTO @marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO"
_VERSION, _APPLICATION_ID = "schema_version", "application_id"


async def prepare(db: Connection, schema: str, application_id: int | None, *, is_read_only: bool) -> None:
    """Check the server, make or upgrade the tables, and take possession of them for an application, if there is one.

    Runs in a transaction that the caller commits.

    Raises:
        NotOursError: the schema is, or belongs to, somebody else.
        SchemaTooNewError: a newer version of this package upgraded it.
        StorageError: the server is too old, or the database can't hold what people write.
    """
    number, version, encoding, is_there = (await db.fetch(_FACTS, schema))[0]
    if number < OLDEST_POSTGRES:
        raise StorageError(f"PostgreSQL {version} is too old, botmon_cog needs {OLDEST_POSTGRES // 10_000} or newer")
    if encoding != "UTF8":
        raise StorageError(
            f"the database keeps text as {encoding}, which has no emoji. Make one that does, and name it in "
            "[storage] url: CREATE DATABASE botmon ENCODING 'UTF8' TEMPLATE template0"
        )
    if not is_read_only:
        await _migrate(db, schema, is_there=is_there)
        if application_id is not None:
            await _claim(db, schema, str(application_id))
    elif pending(load_migrations("postgres"), await _version(db, schema)):
        raise StorageError(f'the schema "{schema}" has no tables of this version yet: start the bot once')


async def _migrate(db: Connection, schema: str, *, is_there: bool) -> None:
    migrations = load_migrations("postgres")
    if not pending(migrations, await _version(db, schema)):
        return
    await db.execute(exclusion(schema), timeout=LONGEST_MIGRATION_S)
    waiting = pending(migrations, await _version(db, schema))  # another process may have been faster
    if not is_there:
        await db.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    for migration in waiting:
        await db.execute(qualified(migration.sql, schema), timeout=LONGEST_MIGRATION_S)
        sql = qualified(f"{_SET_MARK} UPDATE SET value = excluded.value", schema)
        await db.execute(sql, _VERSION, str(migration.version))


async def _version(db: Connection, schema: str) -> int:
    """The version of the tables; 0 if there is nothing in the schema."""
    relations = {name: set(columns) for name, columns in await db.fetch(_RELATIONS, schema)}
    if not relations:
        return 0
    if relations.get(tables.MARKS.name) == set(tables.MARKS.columns):
        found = await db.fetch(qualified(_MARK, schema), _VERSION)
        if found and str(found[0][0]).isdecimal():
            return int(found[0][0])
    raise NotOursError(
        f'the schema "{schema}" belongs to another program (it holds {min(relations)}) and was left as it is; '
        "name another one in [storage] postgres_schema"
    )


async def _claim(db: Connection, schema: str, application_id: str) -> None:
    owner = await db.fetch(qualified(_MARK, schema), _APPLICATION_ID)
    if not owner:
        await db.execute(qualified(f"{_SET_MARK} NOTHING", schema), _APPLICATION_ID, application_id)
        owner = await db.fetch(qualified(_MARK, schema), _APPLICATION_ID)  # another process may have been faster
    if owner[0][0] != application_id:
        raise NotOursError(
            f'the schema "{schema}" belongs to the bot {owner[0][0]}; name another one in [storage] postgres_schema'
        )
