"""Databases of older bots, upgraded in place: real files, made by the old schema."""

# ruff: noqa: S608 (queries of names that stand in this file)

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import aiosqlite
import pytest

from botmon_cog.domain.reports import MusicTotals
from botmon_cog.errors import SchemaTooNewError, StorageError
from botmon_cog.storage import migrator, queries
from botmon_cog.storage.base import HistoryFilter
from botmon_cog.storage.migrator import Migration, load_migrations, statements
from botmon_cog.storage.sqlite import SqliteStorage
from tests.storage_helpers import (
    EVER,
    FOREIGN_KEY,
    GUILDS,
    OLD_AUDIT_LOGS,
    OLD_BOT_STATS,
    dump,
    invocation,
    make,
    music,
    period,
    rows,
    schema,
)

AUDIT_ROWS = """
INSERT INTO audit_logs (id, guild_id, user_id, action, details, timestamp) VALUES
    (3, '1', '10', 'play', 'first', '2026-01-05 11:59:59'),
    (4, '1', '11', 'play', NULL, '2026-01-05 12:00:00'),
    (5, '1', '10', 'skip', NULL, '2026-01-05 12:30:00'),
    (9, '2', '10', 'play', NULL, '2026-01-06 00:00:00'),
    (10, NULL, '12', 'help', NULL, '2026-01-06 00:00:01'),
    (11, '1', '10', NULL, 'no action', '2026-01-06 00:00:02'),
    (12, '1', '10', 'play', 'no date', 'yesterday')
"""
STATS_ROWS = """
INSERT INTO bot_stats (id, guild_id, date, total_songs_played, total_playtime, total_skips) VALUES
    (2, '1', '2026-01-05', 7, 1400, 2), (7, '3', '2026-01-01', 1, NULL, 0)
"""
OLD_COLUMNS = "id, guild_id, user_id, action, details, timestamp"
OLD_STATS_COLUMNS = "id, guild_id, date, total_songs_played, total_playtime, total_skips"
DAY = period(datetime(2026, 1, 5, tzinfo=UTC), 24)

LATER_AUDIT_COLUMNS = {
    "username": "TEXT",
    "guild_name": "TEXT",
    "parameters": "TEXT",
    "duration": "REAL",
    "success": "INTEGER",
    "error_message": "TEXT",
}
LATER_STATS_COLUMNS = ("total_pauses", "unique_users", "commands_executed")


def old_ddl(foreign_key: str = "") -> tuple[str, ...]:
    return (
        *([GUILDS] if foreign_key else []),
        OLD_AUDIT_LOGS.format(more=foreign_key),
        OLD_BOT_STATS.format(columns="", constraints=foreign_key),
    )


def old_database(path: Path, foreign_key: str = "") -> Path:
    return make(path, *old_ddl(foreign_key), AUDIT_ROWS, STATS_ROWS)


@asynccontextmanager
async def opened(source: str | Path | aiosqlite.Connection) -> AsyncIterator[SqliteStorage]:
    storage = SqliteStorage(str(source) if isinstance(source, Path) else source, instance="test")
    try:
        await storage.open()
        yield storage
    finally:
        await storage.close()


async def upgrade(path: Path) -> None:
    async with opened(path):
        pass


async def check_upgraded(storage: SqliteStorage) -> None:
    """What the rows above amount to."""
    of_one = {c.command: c for c in await storage.command_counts("1", EVER)}
    assert {name: c.n for name, c in of_one.items()} == {"play": 2, "skip": 1}
    assert all(c.known == 0 for c in of_one.values())
    assert {c.command: c.n for c in await storage.command_counts(None, EVER)} == {"play": 3, "skip": 1, "help": 1}
    assert await storage.unique_users("1", EVER) == 2
    assert await storage.unique_users(None, EVER) == 3
    assert await storage.unique_users("1", period(datetime(2026, 1, 5, 11, tzinfo=UTC), 1)) == 1
    assert await storage.music_totals("1", DAY) == MusicTotals(songs_played=7, playtime_s=1400, skips=2)
    assert await storage.latencies(None, EVER) == {}
    assert await storage.first_seen("1") == datetime(2026, 1, 5, 11, tzinfo=UTC)
    entries = await storage.history(HistoryFilter(guild_id="1"))
    assert {entry.id for entry in entries} == {3, 4, 5, 11, 12}
    assert {entry.id: entry.timestamp for entry in entries}[12] is None
    assert all(entry.success is None and entry.outcome is None for entry in entries)


@pytest.mark.parametrize("foreign_key", ["", FOREIGN_KEY], ids=["plain", "foreign key to a guild that is not there"])
async def test_an_old_file_keeps_its_rows_and_they_are_counted(tmp_path, foreign_key):
    path = old_database(tmp_path / "old.db", foreign_key)
    audit, stats = rows(path, f"SELECT {OLD_COLUMNS} FROM audit_logs"), rows(path, "SELECT * FROM bot_stats")
    async with opened(path) as storage:
        await check_upgraded(storage)
    assert rows(path, f"SELECT {OLD_COLUMNS} FROM audit_logs") == audit
    kept = rows(path, f"SELECT {OLD_STATS_COLUMNS} FROM bot_stats ORDER BY id")
    assert kept[:2] == stats
    assert [row[1:3] for row in kept[2:]] == [("2", "2026-01-06")]
    counted = "SELECT guild_id, date, commands_executed, unique_users FROM bot_stats ORDER BY guild_id"
    assert rows(path, counted) == [("1", "2026-01-05", 3, 2), ("2", "2026-01-06", 1, 1), ("3", "2026-01-01", 0, 0)]


@pytest.mark.parametrize("foreign_key", ["", FOREIGN_KEY], ids=["plain", "foreign key to a guild that is not there"])
@pytest.mark.parametrize("where", ["file", ":memory:"])
async def test_a_hosts_connection_that_enforces_foreign_keys_is_upgraded_and_goes_on_enforcing_them(
    tmp_path, where, foreign_key
):
    path = old_database(tmp_path / "old.db", foreign_key) if where == "file" else ":memory:"
    async with aiosqlite.connect(path) as host:
        if path == ":memory:":
            for statement in (*old_ddl(foreign_key), AUDIT_ROWS, STATS_ROWS):
                await host.execute(statement)
            await host.commit()
        await host.execute("PRAGMA foreign_keys = ON")
        async with opened(host) as storage:
            await check_upgraded(storage)
            await storage.write([invocation(), music(duration_s=100.0)])
            assert (await storage.music_totals("1", DAY)).playtime_s == 1500
            assert sum(c.n for c in await storage.command_counts("1", EVER)) == 4
        async with host.execute("PRAGMA foreign_keys") as cursor:
            assert await cursor.fetchone() == (1,)
        if foreign_key:
            with pytest.raises(sqlite3.IntegrityError):
                await host.execute("INSERT INTO audit_logs (guild_id) VALUES ('404')")


async def test_only_one_of_the_two_tables_may_be_there(tmp_path):
    path = make(tmp_path / "old.db", OLD_AUDIT_LOGS.format(more=""), AUDIT_ROWS)
    async with opened(path) as storage:
        assert sum(c.n for c in await storage.command_counts("1", EVER)) == 3
        assert await storage.music_totals("1", EVER) == MusicTotals()


async def test_tables_of_the_host_itself_are_left_alone(tmp_path):
    path = make(tmp_path / "bot.db", "CREATE TABLE playlists (name TEXT)", "INSERT INTO playlists VALUES ('best')")
    await upgrade(path)
    assert rows(path, "SELECT * FROM playlists") == [("best",)]


@pytest.mark.parametrize("there", [c for n in (1, 3, 6) for c in combinations(LATER_AUDIT_COLUMNS, n)], ids="+".join)
async def test_a_partly_upgraded_audit_log_keeps_its_values(tmp_path, there):
    values = {
        "username": "'ann'",
        "guild_name": "'Home'",
        "parameters": "'{\"a\": 1}'",
        "duration": "2.5",
        "success": "0",
        "error_message": "'boom'",
    }
    columns = "".join(f",\n    {name} {LATER_AUDIT_COLUMNS[name]}" for name in there)
    path = make(
        tmp_path / "part.db",
        OLD_AUDIT_LOGS.format(more=columns),
        f"INSERT INTO audit_logs (id, guild_id, user_id, action, timestamp, {', '.join(there)}) "
        f"VALUES (5, '1', '10', 'play', '2026-01-05 12:00:00', {', '.join(values[name] for name in there)})",
    )
    async with opened(path) as storage:
        (entry,) = await storage.history(HistoryFilter())
        (counts,) = await storage.command_counts("1", EVER)
        latencies = await storage.latencies("1", EVER)
        guild_name = await storage.guild_name("1")
    assert (entry.id, entry.command) == (5, "play")
    assert entry.username == ("ann" if "username" in there else None)
    assert entry.guild_name == guild_name == ("Home" if "guild_name" in there else None)
    assert entry.parameters == ('{"a": 1}' if "parameters" in there else None)
    assert entry.duration_s == (2.5 if "duration" in there else None)
    assert entry.success is (False if "success" in there else None)
    assert entry.outcome == ("error" if "success" in there else None)
    assert entry.error_message == ("boom" if "error_message" in there else None)
    assert (counts.n, counts.error) == (1, int("success" in there))
    assert {key: h.n for key, h in latencies.items()} == ({("play", "duration"): 1} if "duration" in there else {})


async def test_a_known_success_becomes_a_known_outcome(tmp_path):
    path = make(
        tmp_path / "part.db",
        OLD_AUDIT_LOGS.format(more=", success INTEGER"),
        "INSERT INTO audit_logs (action, success) VALUES ('play', 1), ('play', 0), ('play', NULL)",
    )
    async with opened(path) as storage:
        (counts,) = await storage.command_counts(None, EVER)
    assert (counts.n, counts.ok, counts.error, counts.known) == (3, 1, 1, 2)


@pytest.mark.parametrize(
    ("kept_commands", "kept_users", "commands", "users"),
    [
        (0, 0, 3, 2),
        (None, None, 3, 2),
        (3, 2, 3, 2),
        (2, 1, 3, 2),
        (50, 20, 50, 20),
        (50, 1, 50, 2),
    ],
)
async def test_counts_that_were_kept_by_hand_are_not_doubled_and_none_is_lost(
    tmp_path, kept_commands, kept_users, commands, users
):
    path = make(
        tmp_path / "part.db",
        OLD_AUDIT_LOGS.format(more=""),
        AUDIT_ROWS,
        OLD_BOT_STATS.format(
            columns="".join(f",\n    {name} INTEGER DEFAULT 0" for name in LATER_STATS_COLUMNS), constraints=""
        ),
    )
    insert = (
        "INSERT INTO bot_stats (guild_id, date, total_pauses, commands_executed, unique_users) VALUES (?, ?, 4, ?, ?)"
    )
    with sqlite3.connect(path) as db:
        db.execute(insert, ("1", "2026-01-05", kept_commands, kept_users))
        db.execute(insert, ("1", "2025-12-31", 8, 6))
    db.close()
    async with opened(path) as storage:
        await storage.write([invocation(user_id="10"), invocation(user_id="99")])
        assert (await storage.music_totals("1", DAY)).pauses == 4
    found = rows(path, "SELECT date, commands_executed, unique_users FROM bot_stats WHERE guild_id = '1' ORDER BY date")
    assert found == [("2025-12-31", 8, 6), ("2026-01-05", commands + 2, users + 1)]


@pytest.mark.parametrize("there", [LATER_STATS_COLUMNS[:n] for n in range(4)], ids=len)
async def test_statistics_with_some_of_the_later_columns_gain_the_others(tmp_path, there):
    columns = "".join(f", {name} INTEGER DEFAULT 0" for name in there)
    path = make(tmp_path / "part.db", OLD_BOT_STATS.format(columns=columns, constraints=""), STATS_ROWS)
    async with opened(path) as storage:
        await storage.write([invocation(), music(type="pause")])
        assert (await storage.music_totals("1", DAY)).pauses == 1
    new = rows(path, "SELECT commands_executed, unique_users FROM bot_stats WHERE date = '2026-01-05'")
    assert new == [(1, 1)]


async def test_a_second_open_changes_nothing(tmp_path):
    path = old_database(tmp_path / "old.db")
    await upgrade(path)
    once, bytes_once = dump(path), path.read_bytes()
    await upgrade(path)
    assert dump(path) == once
    assert path.read_bytes() == bytes_once


async def test_an_upgraded_file_has_the_columns_and_tables_of_a_new_one(tmp_path):
    old, new = old_database(tmp_path / "old.db"), tmp_path / "new.db"
    await upgrade(old)
    await upgrade(new)
    assert [row[:2] for row in schema(old)] == [row[:2] for row in schema(new)]
    for table in ("audit_logs", "bot_stats"):
        columns = f"SELECT name FROM pragma_table_info('{table}') ORDER BY name"
        assert rows(old, columns) == rows(new, columns)
    assert rows(old, "SELECT version, name FROM schema_migrations") == [(m.version, m.name) for m in sqlite_files()]


def sqlite_files() -> list[Migration]:
    return load_migrations("sqlite")


@pytest.mark.parametrize("n", [1, 10, 25])
async def test_a_migration_that_fails_leaves_nothing_behind_and_the_next_open_succeeds(tmp_path, monkeypatch, n):
    path = old_database(tmp_path / "old.db")
    before = dump(path)
    first, second = sqlite_files()
    script = list(statements(second.sql))
    script.insert(n, "INSERT INTO no_such_table VALUES (1);\n")
    broken = second._replace(sql="\n".join(script))
    storage = SqliteStorage(str(path), instance="test")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(storage.close)
        with monkeypatch.context() as patch:
            patch.setattr(migrator, "load_migrations", lambda _: [first, broken])
            with pytest.raises(StorageError, match="no_such_table"):
                await storage.open()
        assert dump(path) == before
        await storage.open()
        await check_upgraded(storage)


async def test_a_roll_up_that_fails_takes_the_whole_migration_back(tmp_path, monkeypatch):
    path = old_database(tmp_path / "old.db")
    before = dump(path)
    with monkeypatch.context() as patch:
        patch.setattr(queries, "COMMAND_ROLLUPS", ("SELECT no_such_function()",))
        with pytest.raises(StorageError, match="no_such_function"):
            await upgrade(path)
    assert dump(path) == before
    async with opened(path) as storage:
        await check_upgraded(storage)


OPEN_WHEN_TOLD = """
import asyncio, sys
from botmon_cog.storage.sqlite import SqliteStorage
async def main():
    storage = SqliteStorage(sys.argv[1], instance=sys.argv[2], busy_timeout_s=30)
    print("ready", flush=True)
    sys.stdin.readline()
    await storage.open()
    await storage.close()
asyncio.run(main())
"""


@pytest.mark.parametrize("is_new", [False, True], ids=["old file", "new file"])
def test_two_processes_that_start_at_once_upgrade_a_file_once(tmp_path, is_new):
    path = tmp_path / "shared.db"
    if not is_new:
        old_database(path)
        with sqlite3.connect(path) as db:
            db.executemany(
                "INSERT INTO audit_logs (guild_id, user_id, action, timestamp) VALUES ('5', ?, 'play', '2026-01-07')",
                [(str(user),) for user in range(20_000)],
            )
        db.close()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_WHEN_TOLD, str(path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert errors == ["", ""]
    assert rows(path, "SELECT version FROM schema_migrations") == [(1,), (2,)]
    n = "SELECT commands_executed, unique_users FROM bot_stats WHERE guild_id = '5'"
    assert rows(path, n) == ([] if is_new else [(20_000, 20_000)])
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


async def test_a_file_of_a_newer_version_is_refused_and_not_touched(tmp_path):
    path = make(
        tmp_path / "newer.db",
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at TIMESTAMP)",
        "INSERT INTO schema_migrations (version, name) VALUES (1, 'base'), (99, 'future')",
    )
    before = path.read_bytes()
    with pytest.raises(SchemaTooNewError, match="version 99, this botmon_cog knows versions up to 2"):
        await upgrade(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["newer.db"]


async def test_another_programs_table_of_migrations_is_refused_and_not_touched(tmp_path):
    path = make(
        tmp_path / "other.db",
        "CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)",
        "INSERT INTO schema_migrations VALUES ('20240101000000')",
    )
    before = path.read_bytes()
    with pytest.raises(StorageError, match="belongs to another program"):
        await upgrade(path)
    assert path.read_bytes() == before


async def test_the_documentation_names_every_table_and_every_column_with_it(tmp_path):
    path = tmp_path / "new.db"
    await upgrade(path)
    lines = (Path(__file__).parents[1] / "docs" / "database.md").read_text(encoding="utf-8").splitlines()
    for (table,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
        (line,) = [line for line in lines if line.startswith((f"| `{table}` |", f"`{table}`: "))]
        columns = {name for (name,) in rows(path, f"SELECT name FROM pragma_table_info('{table}')")}
        assert {name for name in columns if f"`{name}`" not in line} == set(), table


def test_the_versions_are_numbered_without_a_gap():
    assert [m.version for m in sqlite_files()] == [1, 2]


def test_a_script_is_split_at_its_statements_and_not_at_semicolons_in_texts():
    script = "-- a comment; with a semicolon\n\nINSERT INTO t\nVALUES ('a;b');\nSELECT 1; -- why\nSELECT 2;\n"
    assert len(list(statements(script))) == 3


def test_a_script_that_ends_in_the_middle_is_refused():
    with pytest.raises(StorageError, match="ends in the middle of a statement: SELECT 1"):
        list(statements("SELECT 1"))


def test_an_installation_without_migrations_says_so(tmp_path, monkeypatch):
    (tmp_path / "migrations" / "sqlite").mkdir(parents=True)
    monkeypatch.setattr(migrator, "__file__", str(tmp_path / "botmon_cog" / "storage" / "migrator.py"))
    monkeypatch.setattr(migrator.resources, "files", lambda _: tmp_path)
    with pytest.raises(StorageError, match="lacks its migrations"):
        load_migrations("sqlite")
