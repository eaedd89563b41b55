"""Making and upgrading the tables, on both engines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from botmon_cog.errors import SchemaTooNewError, StorageError
from botmon_cog.storage import migrator
from botmon_cog.storage.migrator import Migration, load_migrations, statements
from botmon_cog.storage.postgres import schema as postgres_schema
from tests.engines import TABLES, AnyStorage, Engine, all_differences, dump, table
from tests.storage_helpers import NOON, alert, invocation, music, rows, sample

NEWEST = 4


def files(engine: Engine) -> list[Migration]:
    return load_migrations(engine.name)


async def columns_of(storage: AnyStorage) -> dict[str, set[str]]:
    """By table."""
    if storage.dialect.lock:
        query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    else:
        query = (
            "SELECT m.name, c.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c "
            "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        )
    found: dict[str, set[str]] = {}
    for name, column in await table(storage, query):
        found.setdefault(name, set()).add(column)
    return found


def apply(monkeypatch: pytest.MonkeyPatch, migrations: list[Migration]) -> None:
    """Have these migrations for all that there are."""
    for module in (migrator, postgres_schema):
        monkeypatch.setattr(module, "load_migrations", lambda _: migrations)


def break_newest(monkeypatch: pytest.MonkeyPatch, engine: Engine, statement: str) -> None:
    """Let the newest migration fail at its end."""
    *older, newest = files(engine)
    broken = newest._replace(sql=f"{newest.sql.partition('-- then')[0]}\n{statement};\n")
    apply(monkeypatch, [*older, broken])


def contents(engine: Engine) -> dict[str, bytes]:
    """The files of a SQLite database."""
    return {path.name: path.read_bytes() for path in Path(engine.url).parent.iterdir()} if engine.is_sqlite else {}


async def test_every_version_is_recorded_and_a_second_open_changes_nothing(engine):
    async with engine.storage() as storage:
        await storage.write([invocation(), music(), sample()])
        versions = await table(storage, "SELECT version, name FROM schema_migrations ORDER BY version")
        assert versions == [(m.version, m.name) for m in files(engine)]
        once = await dump(storage, *TABLES, "schema_migrations")
    async with engine.storage() as storage:
        await storage.open()
        assert await dump(storage, *TABLES, "schema_migrations") == once


async def test_a_migration_that_fails_leaves_nothing_behind_and_the_next_open_succeeds(engine, monkeypatch):
    async with engine.storage() as storage:
        with monkeypatch.context() as patch:
            break_newest(patch, engine, "INSERT INTO no_such_table VALUES (1)")
            with pytest.raises(StorageError, match="no_such_table"):
                await storage.open()
        assert engine.tables() == set()
        await storage.write([invocation()])
        assert await all_differences(storage) == []


async def test_a_roll_up_that_fails_takes_the_whole_migration_back(engine, monkeypatch):
    def failing(_):
        raise ValueError("no roll-up today")
        yield

    with monkeypatch.context() as patch:
        for module in ("sqlite.engine", "postgres.schema"):
            patch.setattr(f"botmon_cog.storage.{module}.rebuild_all", failing)
        async with engine.storage() as storage:
            with pytest.raises((StorageError, ValueError), match="no roll-up today"):
                await storage.open()
    assert engine.tables() == set()
    async with engine.storage() as storage:
        await storage.open()
    assert engine.tables() >= set(TABLES)


async def test_a_database_of_a_newer_version_is_refused_and_not_touched(engine):
    engine.sql(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at TIMESTAMP)",
        "INSERT INTO schema_migrations (version, name) VALUES (1, 'base'), (99, 'future')",
    )
    before = contents(engine)
    async with engine.storage() as storage:
        for attempt in (storage.open, storage.ping):
            with pytest.raises(SchemaTooNewError, match=f"version 99, this botmon_cog knows versions up to {NEWEST}"):
                await attempt()
    assert engine.tables() == {"schema_migrations"}
    assert contents(engine) == before


async def test_another_programs_table_of_migrations_is_refused_and_not_touched(engine):
    engine.sql(
        "CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)",
        "INSERT INTO schema_migrations VALUES ('20240101000000')",
    )
    async with engine.storage() as storage:
        with pytest.raises(StorageError, match="belongs to another program"):
            await storage.open()
    assert engine.tables() == {"schema_migrations"}
    assert len(contents(engine)) == engine.is_sqlite


async def test_alerts_of_version_3_make_room_for_those_of_now(engine, monkeypatch):
    with monkeypatch.context() as patch:
        apply(patch, files(engine)[:3])
        async with engine.storage() as storage:
            await storage.open()
    engine.sql("INSERT INTO alerts VALUES ('test', 'health', 'firing', '2026-01-05 12:00:00', 'why')")
    async with engine.storage() as storage:
        assert (await storage.alerts(NOON)).alerts == ()
        assert await storage.keep_alerts([alert()], [], [])


async def test_a_hosts_own_table_of_alerts_is_not_touched(engine):
    engine.sql("CREATE TABLE alerts (price INTEGER)", "INSERT INTO alerts VALUES (5)")
    async with engine.storage() as storage:
        with pytest.raises(StorageError, match="instance"):
            await storage.open()
    assert engine.tables() == {"alerts"}
    assert engine.sql("SELECT price FROM alerts") == [(5,)]


OPEN_WHEN_TOLD = """
import asyncio, sys
from botmon_cog.config import Config, StorageConfig
from botmon_cog.runtime import make_storage
async def main():
    config = Config(instance=sys.argv[2], storage=StorageConfig(busy_timeout_s=30.0, connect_timeout_s=30.0))
    storage = make_storage(sys.argv[1], config)
    print("ready", flush=True)
    sys.stdin.readline()
    await storage.open()
    await storage.close()
asyncio.run(main())
"""


def open_at_once(url: str) -> list[str]:
    """What two processes say to standard error that open a database at the same moment."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_WHEN_TOLD, url, name],
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
    return [process.communicate(timeout=60)[1] for process in processes]


@pytest.mark.parametrize("is_new", [False, True], ids=["old tables", "new"])
async def test_two_processes_that_start_at_once_upgrade_a_database_once(engine, is_new):
    if not is_new:
        engine.sql(*statements(files(engine)[0].sql))
        values = ", ".join(f"('5', '{user}', 'play', '2026-01-07')" for user in range(10_000))
        engine.sql(f"INSERT INTO audit_logs (guild_id, user_id, action, timestamp) VALUES {values}")  # noqa: S608
    errors = open_at_once(engine.url)
    assert errors == ["", ""]
    async with engine.storage() as storage:
        assert await table(storage, "SELECT version FROM schema_migrations ORDER BY 1") == [
            (version,) for version in range(1, NEWEST + 1)
        ]
        n = "SELECT commands_executed, unique_users FROM bot_stats WHERE guild_id = '5'"
        assert await table(storage, n) == ([] if is_new else [(10_000, 10_000)])
        assert await all_differences(storage) == []
    if engine.is_sqlite:
        assert rows(engine.url, "PRAGMA journal_mode") == [("wal",)]


async def test_the_documentation_names_every_table_and_every_column_with_it(storage):
    await storage.open()
    lines = (Path(__file__).parents[1] / "docs" / "database.md").read_text(encoding="utf-8").splitlines()
    found = await columns_of(storage)
    assert set(found) == {*TABLES, "schema_migrations"}
    for name, columns in found.items():
        (line,) = [line for line in lines if line.startswith((f"| `{name}` |", f"`{name}`: "))]
        assert {column for column in columns if f"`{column}`" not in line} == set(), name


def test_both_engines_have_the_same_versions_without_a_gap():
    versions = [[m.version for m in load_migrations(name)] for name in ("sqlite", "postgres")]
    assert versions == [list(range(1, NEWEST + 1))] * 2
    names = [[m.name for m in load_migrations(name)] for name in ("sqlite", "postgres")]
    assert names[0] == names[1]


async def test_both_engines_have_the_same_tables_and_columns(engine, tmp_path):
    async with engine.storage() as one, Engine("sqlite", str(tmp_path / "other.db")).storage() as other:
        await one.open()
        await other.open()
        assert await columns_of(one) == await columns_of(other)


def test_a_script_is_split_at_its_statements_and_not_at_semicolons_in_texts():
    script = "-- a comment; with a semicolon\n\nINSERT INTO t\nVALUES ('a;b');\nSELECT 1; -- why\nSELECT 2;\n"
    assert len(list(statements(script))) == 3


def test_a_script_that_ends_in_the_middle_is_refused():
    with pytest.raises(StorageError, match="ends in the middle of a statement: SELECT 1"):
        list(statements("SELECT 1"))


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
def test_an_installation_without_migrations_says_so(tmp_path, monkeypatch, name):
    (tmp_path / "migrations" / name).mkdir(parents=True)
    monkeypatch.setattr(migrator, "__file__", str(tmp_path / "botmon_cog" / "storage" / "migrator.py"))
    monkeypatch.setattr(migrator.resources, "files", lambda _: tmp_path)
    with pytest.raises(StorageError, match=f"lacks its migrations for {name}"):
        load_migrations(name)
