"""Databases that go from one test to the next: nobody finds what another has left."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tests.engines import Engine
from tests.postgres_databases import BARE, TABLES, Databases
from tests.storage_helpers import NOON, invocation

ROWS = "SELECT (SELECT count(*) FROM @invocations), (SELECT count(*) FROM @marks), (SELECT count(*) FROM @runs)"


async def write(url: str) -> None:
    async with Engine.of(url).storage() as storage:
        await storage.write([invocation(started_at=NOON)])


def test_rows_are_gone_and_ids_begin_anew(store_databases: Databases):
    seen: list[object] = []
    names: list[str] = []
    for _ in range(3):
        with store_databases.lent() as url:
            names.append(url)
            before = Engine.of(url).sql(ROWS)
            asyncio.run(write(url))
            seen.append((before, Engine.of(url).sql(ROWS), Engine.of(url).sql("SELECT id FROM @runs")))
    assert len(set(names)) == 1
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == [(0, 1, 0)]


@pytest.mark.parametrize("kind", [BARE, TABLES])
@pytest.mark.parametrize(
    "done",
    [
        "CREATE TABLE more (n int)",
        "CREATE SCHEMA theirs",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER DATABASE {name} SET work_mem = '1MB'",
        "ALTER DATABASE {name} CONNECTION LIMIT 7",
        "REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
        "SELECT lo_create(0)",
    ],
)
def test_database_with_more_than_rows_is_not_lent_again(postgres_server, store_databases, bare_databases, kind, done):
    databases: Databases = store_databases if kind == TABLES else bare_databases
    with databases.lent() as url:
        name = url.rpartition("/")[2]
        postgres_server.sql(done.format(name=name), name)
    with databases.lent() as url:
        assert url.rpartition("/")[2] != name
    assert postgres_server.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == ["0"]  # noqa: S608


@pytest.mark.parametrize(
    "done", ["DROP TABLE @samples", "ALTER TABLE @samples ADD COLUMN more int", "DROP INDEX @samples_time"]
)
def test_tables_that_changed_are_not_lent_again(store_databases: Databases, done: str):
    with store_databases.lent() as url:
        Engine.of(url).sql(done)
    with store_databases.lent() as other:
        assert other != url


def test_schema_of_ours_is_gone_from_a_bare_one(bare_databases: Databases):
    with bare_databases.lent() as url:
        asyncio.run(write(url))
    with bare_databases.lent() as again:
        assert again == url
        assert Engine.of(url).tables() == set()


async def test_connection_that_was_left_open_is_ended(store_databases: Databases):
    with store_databases.lent() as url:
        left = await asyncpg.connect(url)
        transaction = left.transaction()
        await transaction.start()
        await left.execute("LOCK TABLE botmon.runs")
    with store_databases.lent() as again:
        assert again == url
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await left.fetch("SELECT 1")
    left.terminate()
