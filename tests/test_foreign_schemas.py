"""A database whose tables are not the old module's stays as it is, and every row is in the store all the same."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from botmon_cog import create_monitoring_system
from tests.foreign_schemas import SCHEMAS
from tests.postgres_server import PostgresServer

PRAGMAS = ("journal_mode", "user_version", "application_id", "encoding", "page_size", "auto_vacuum", "integrity_check")


def facts_of(path: Path) -> dict[str, Any]:
    """All that can be read of a database."""
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        tables = [
            name.decode() for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        ]
        facts: dict[str, Any] = {pragma: db.execute(f"PRAGMA {pragma}").fetchall() for pragma in PRAGMAS}
        facts["schema"] = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
        return facts | {name: db.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}  # noqa: S608


def used(path: Path, statements: tuple[str, ...]) -> list[list[Any]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.text_factory = bytes
        return [db.execute(statement).fetchall() for statement in statements]


def test_there_are_many() -> None:
    assert len(SCHEMAS) >= 30


@pytest.mark.parametrize("name", SCHEMAS)
async def test_foreign_database_is_as_if_nobody_had_been_there(name: str, tmp_path: Path, caplog) -> None:
    schema, path, untouched = SCHEMAS[name], tmp_path / "bot.db", tmp_path / "untouched.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(schema.made)
    shutil.copy(path, untouched)
    before, bytes_before = facts_of(path), path.read_bytes()
    async with create_monitoring_system(str(path)) as (logger, _performance, statistics, health):
        for n in range(5):
            assert await logger.log_command("1", "Guild", "2", "user", f"play{n}", {"n": n}, 0.5)
        assert await statistics.record_song_played("1", 180, "2")
        assert await statistics.record_command("1", "2")
        assert sorted(row["command"] for row in await logger.get_command_history("1")) == [f"play{n}" for n in range(5)]
        assert (await statistics.get_daily_stats("1"))["songs_played"] == 1
        assert (await health.check_database())["connected"] is True
    assert facts_of(path) == before
    assert path.read_bytes() == bytes_before
    assert used(path, schema.used) == used(untouched, schema.used)
    assert facts_of(path) == facts_of(untouched)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len({message.partition(": ")[2] for message in said}) == len(said) <= 2, "one for each table"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    async with create_monitoring_system(str(path)) as (logger, *_):
        assert len(await logger.get_command_history("1")) == 5, "the rows are in the store"


async def test_foreign_tables_on_postgresql_stay(postgres_url: str, postgres_server: PostgresServer) -> None:
    database = postgres_url.rpartition("/")[2]
    made = """
        CREATE TABLE audit_logs (id BIGSERIAL PRIMARY KEY, guild_id BIGINT NOT NULL, details JSONB NOT NULL);
        CREATE TABLE bot_stats (guild_id BIGINT PRIMARY KEY, songs_played INTEGER NOT NULL CHECK (songs_played >= 0));
        CREATE TABLE alerts (id INTEGER PRIMARY KEY);
        INSERT INTO audit_logs (guild_id, details) VALUES (1, '{"command": "play"}');
        INSERT INTO bot_stats VALUES (1, 3)
    """
    postgres_server.sql(made, database)
    rows = "SELECT id, guild_id, details::text FROM audit_logs"
    columns = (
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY 1, 2"
    )
    before = [postgres_server.sql(query, database) for query in (rows, columns)]
    async with create_monitoring_system(postgres_url) as (logger, _performance, statistics, _health):
        assert await logger.log_command("1", "Guild", "2", "user", "play", duration=0.5)
        assert await statistics.record_skip("1")
        assert [row["command"] for row in await logger.get_command_history("1")] == ["play"]
        assert (await statistics.get_daily_stats("1"))["total_skips"] == 1
    assert [postgres_server.sql(query, database) for query in (rows, columns)] == before
    postgres_server.sql("INSERT INTO audit_logs (guild_id, details) VALUES (2, '[]')", database)
    assert len(postgres_server.sql(rows, database)) == 2
