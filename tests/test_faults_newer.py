"""A newer version of this package upgrades the database of a running bot: no outage, and the reason is said."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from botmon_cog.health.words import sentence
from botmon_cog.runtime import MonitoringSystem
from tests.faults import Load, drained, ids, make_system, nothing_left, spooled, stored, until
from tests.postgres_server import PostgresServer

ROWS = 50
NEVER_S = 1e9


def set_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")


async def refused(system: MonitoringSystem, spool: Path) -> None:
    """It takes no rows, says why, and leaves nothing on disk."""
    writer = system.writer
    await until(lambda: (writer.last_error or "").startswith("SchemaTooNewError: "))
    failures = writer.failures
    await until(lambda: writer.failures > failures + 1)
    report = await system.health.report()
    assert report.overall_status == "unhealthy"
    assert report.reason is not None
    assert "schema version 99" in sentence(report.reason)
    assert (writer.spooled, writer.dropped) == (0, 0)
    assert spooled(spool) == 0


async def test_a_file_that_a_newer_version_puts_in_our_place(tmp_path, caplog):
    path, other, spool = tmp_path / "bot.db", tmp_path / "other.db", tmp_path / "spool.db"
    async with make_system(other) as system:
        Load(system, "other").record(ROWS)
    set_version(other, 99)
    async with nothing_left(tmp_path):
        async with make_system(path, spool=str(spool)) as system:
            load = Load(system)
            load.record(ROWS)
            await system.flush()
            other.rename(path)
            load.record(ROWS)
            await refused(system, spool)
            assert [r for r in caplog.records if r.getMessage().startswith("nothing is recorded: ")]
            set_version(path, 1)  # somebody puts the right one back
            await drained(system)
        assert not list(tmp_path.glob("spool*"))
    assert await stored(path) == ids(range(1, ROWS + 1), "other") | ids(range(ROWS + 1, 2 * ROWS + 1))


async def test_a_server_that_was_upgraded_while_it_was_away(postgres_server: PostgresServer, postgres_url, tmp_path):
    database, spool = postgres_url.rpartition("/")[2], tmp_path / "spool.db"

    async def order(statement: str, where: str = "postgres") -> None:
        await asyncio.to_thread(postgres_server.sql, statement, where)

    async with make_system(postgres_url):
        pass
    await order("UPDATE botmon.marks SET value = '99' WHERE name = 'schema_version'", database)
    await order(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    async with nothing_left(tmp_path), make_system(postgres_url, spool=str(spool), spool_after_s=NEVER_S) as system:
        load = Load(system)
        load.record(ROWS)
        await until(lambda: system.writer.failures)
        await order(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
        await refused(system, spool)
        await order("UPDATE botmon.marks SET value = '1' WHERE name = 'schema_version'", database)
        await drained(system)
    assert await stored(postgres_url) == load.ids
