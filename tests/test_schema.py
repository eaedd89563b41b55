"""The tables of a store: what `store/schema.py` declares, what the migrations make, and the views beside them."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import asyncpg
import msgspec
import pytest

from botmon_cog.domain.models import Durations, GuildName, Id, Kind, Label, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.errors import StorageError
from botmon_cog.store import migrations
from botmon_cog.store.columns import Column, Form, RecordTable, Type, columns_of, log_table
from botmon_cog.store.migrations import load_migrations, statements
from botmon_cog.store.schema import ALL_TABLES, LABEL_TEXTS, LABELS, LOG_TABLES, RUNS, VIEWS
from tests.engines import Engine
from tests.storage_helpers import NOON, counted_command, host_day, invocation, music

KINDS = {
    "INTEGER": {Type.INTEGER, Type.SMALL},
    "REAL": {Type.REAL},
    "TEXT": {Type.TEXT},
    "BLOB": {Type.BLOB},
    "bigint": {Type.INTEGER},
    "smallint": {Type.SMALL},
    "double precision": {Type.REAL},
    "text": {Type.TEXT},
    "bytea": {Type.BLOB},
}
AUDIT_LOGS = (
    "id, guild_id, user_id, command, details, executed_at, username, guild_name, parameters, duration, success, "
    "error_message"
)
BOT_STATS = (
    "id, guild_id, songs_played, total_playtime, total_skips, date, total_pauses, unique_users, commands_executed"
)


def made(engine: Engine, name: str) -> dict[str, str]:
    """The columns of a table or view, in their order, and what they hold."""
    if engine.is_sqlite:
        query = f"SELECT name, type FROM pragma_table_info('{name}') ORDER BY cid"  # noqa: S608
    else:
        query = (
            "SELECT column_name, data_type FROM information_schema.columns "  # noqa: S608
            f"WHERE table_schema = 'botmon' AND table_name = '{name}' ORDER BY ordinal_position"
        )
    return dict(engine.sql(query))


def made_key(engine: Engine, name: str) -> list[str]:
    if engine.is_sqlite:
        query = f"SELECT name FROM pragma_table_info('{name}') WHERE pk > 0 ORDER BY pk"  # noqa: S608
    else:
        query = (
            "SELECT attname FROM pg_index AS i CROSS JOIN unnest(indkey) WITH ORDINALITY AS k (attnum, n) "  # noqa: S608
            "JOIN pg_attribute AS a ON a.attrelid = indrelid AND a.attnum = k.attnum "
            f"WHERE indisprimary AND indrelid = 'botmon.{name}'::regclass ORDER BY k.n"
        )
    return [column for (column,) in engine.sql(query)]


# -- tables ------------------------------------------------------------------------------------------------------------


async def test_tables_have_the_declared_columns_in_their_order(engine, storage):
    await storage.open()
    assert engine.tables() == {table.name for table in ALL_TABLES}
    for table in ALL_TABLES:
        columns = made(engine, table.name)
        declared = LABEL_TEXTS.columns if table is LABELS else table.columns
        assert list(columns) == list(declared), table.name
        for name, kind in columns.items():
            assert declared[name] in KINDS[kind], (table.name, name)
        assert made_key(engine, table.name) == (["id"] if table is LABELS else list(table.key)), table.name


async def test_columns_that_may_be_empty_are_those_of_fields_that_may_be_none(engine, storage):
    await storage.open()
    for kind, table in LOG_TABLES.items():
        if engine.is_sqlite:
            query = f"SELECT name FROM pragma_table_info('{table.name}') WHERE NOT \"notnull\""  # noqa: S608
        else:
            query = (
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'botmon' "  # noqa: S608
                f"AND table_name = '{table.name}' AND is_nullable = 'YES'"
            )
        defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
        optional = {column.name for column in table.of if defaults[column.field] is None} - {"guild_name"}
        assert {name for (name,) in engine.sql(query)} == optional


def test_log_tables_begin_with_run_and_number():
    for table in LOG_TABLES.values():
        assert list(table.columns)[:2] == ["run_id", "seq"]
        assert table.key == (("fingerprint",) if table.is_once else ("run_id", "seq"))
        assert table.columns[table.moment] is Type.INTEGER
        assert table.moment.endswith("_ms")
    assert "guild_name" not in LOG_TABLES[type(invocation())].columns
    assert [table.name for table in LOG_TABLES.values() if table.is_once] == ["error_groups"]
    assert list(RUNS.columns)[7:10] == ["last_seq", "rolled_up_seq", "recount_seq"]


class Colour(StrEnum):
    RED = "red"


class Point(msgspec.Struct):
    x: int


class Everything(msgspec.Struct):
    """A field for each form, and each plain type."""

    number: int
    flag: bool
    share: float
    word: str
    choice: Literal["a", "b"]
    colour: Colour
    seen_at: datetime
    wait_s: float
    name: Label
    guild_id: Id
    guild_name: GuildName
    where: Point
    durations: Durations
    maybe_number: int | None = None
    maybe_flag: bool | None = None
    maybe_share: float | None = None
    maybe_word: str | None = None
    maybe_colour: Colour | None = None
    maybe_at: datetime | None = None
    maybe_wait_s: float | None = None
    maybe_name: Label | None = None
    maybe_id: Id | None = None
    maybe_where: Point | None = None


def test_a_field_becomes_a_column_by_its_type():
    columns = [(column.name, column.type, column.form, column.of) for column in columns_of(Everything)]
    plain, integer = Form.PLAIN, Type.INTEGER
    assert columns == [
        ("number", integer, plain, None),
        ("flag", Type.SMALL, plain, None),
        ("share", Type.REAL, plain, None),
        ("word", Type.TEXT, plain, None),
        ("choice", Type.TEXT, plain, None),
        ("colour", Type.SMALL, Form.CODE, Colour),
        ("seen_ms", integer, Form.MOMENT, None),
        ("wait_us", integer, Form.SECONDS, None),
        ("name_id", integer, Form.LABEL, None),
        ("guild_id", integer, Form.ID, None),
        ("guild_name", Type.TEXT, Form.GUILD_NAME, None),
        ("where", Type.TEXT, Form.JSON, Point),
        ("durations", Type.BLOB, Form.DURATIONS, None),
        ("maybe_number", integer, plain, None),
        ("maybe_flag", Type.SMALL, plain, None),
        ("maybe_share", Type.REAL, plain, None),
        ("maybe_word", Type.TEXT, plain, None),
        ("maybe_colour", Type.SMALL, Form.CODE, Colour),
        ("maybe_ms", integer, Form.MOMENT, None),
        ("maybe_wait_us", integer, Form.SECONDS, None),
        ("maybe_name_id", integer, Form.LABEL, None),
        ("maybe_id", integer, Form.ID, None),
        ("maybe_where", Type.TEXT, Form.JSON, Point),
    ]
    assert {form for _, _, form, _ in columns} == set(Form)
    assert {kind for _, kind, _, _ in columns} == set(Type)


def test_a_field_that_is_added_to_an_event_becomes_a_column_of_its_table():
    grown = msgspec.defstruct("Grown", [("answered_at", datetime | None, None)], bases=(type(music()),), kw_only=True)
    table = log_table("music_events", grown)
    assert list(table.columns) == [*LOG_TABLES[type(music())].columns, "answered_ms"]
    assert table.of[-1] == Column(name="answered_ms", field="answered_at", type=Type.INTEGER, form=Form.MOMENT)


def test_a_type_that_no_column_holds_is_refused():
    for wrong in (Annotated[str, msgspec.Meta(extra={"store": "shelf"})], bytes, int | float):
        kind = msgspec.defstruct("Wrong", [("field", wrong)])
        with pytest.raises((KeyError, ValueError)):
            columns_of(kind)


def test_the_documentation_names_every_table_and_its_columns():
    text = (Path(__file__).parents[1] / "docs" / "database.md").read_text(encoding="utf-8")
    for name in VIEWS:
        assert f"`{name}`" in text
    for table in ALL_TABLES:
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{table.name}` |")][:1]
        if not isinstance(table, RecordTable):
            assert [column for column in table.columns if f"`{column}`" not in line] == [], table.name


# -- views -------------------------------------------------------------------------------------------------------------


async def test_views_have_the_columns_that_older_bots_know(engine, storage):
    await storage.open()
    assert ", ".join(made(engine, "audit_logs")) == AUDIT_LOGS
    assert ", ".join(made(engine, "bot_stats")) == BOT_STATS
    assert set(VIEWS) == {"audit_logs", "bot_stats"}


async def test_the_view_of_the_log_shows_commands_as_older_bots_wrote_them(engine, storage):
    await storage.write(
        [
            invocation(
                guild_name="Home",
                username="ann",
                duration_s=0.1,
                parameters='["song"]',
                details="by hand",
                started_at=NOON + timedelta(milliseconds=899),
            ),
            music(),
            invocation(command="stats", is_own=True),
            invocation(guild_id="of a host", user_id="somebody", outcome=Outcome.ERROR, error_message="no"),
            invocation(guild_id=None, user_id=None, outcome=Outcome.LATE, duration_s=61.9),
            invocation(started_at=NOON + timedelta(milliseconds=900), duration_s=0.1),
            *(invocation(kind=kind) for kind in Kind if kind.is_component),
        ]
    )
    ((run_id,),) = engine.sql("SELECT id FROM @runs")
    noon = "2026-01-05 12:00:00"
    assert engine.sql("SELECT * FROM @audit_logs ORDER BY id") == [
        (run_id << 32 | 1, "1", "10", "play", "by hand", noon, "ann", "Home", '["song"]', 0.1, 1, None),
        (run_id << 32 | 4, "of a host", "somebody", "play", None, noon, None, None, None, None, 0, "no"),
        (run_id << 32 | 5, None, None, "play", None, "2026-01-05 12:01:01", None, None, None, 61.9, 0, None),
        (run_id << 32 | 6, "1", "10", "play", None, "2026-01-05 12:00:01", None, "Home", None, 0.1, 1, None),
    ]


async def test_the_view_of_statistics_shows_the_days_of_guilds(engine, storage):
    day = timedelta(days=1)
    skip, pause = MusicEventType.SKIP, MusicEventType.PAUSE
    await storage.write(
        [
            invocation(),
            invocation(command="skip", started_at=NOON - timedelta(hours=3)),
            invocation(user_id="11", started_at=NOON - day),
            invocation(user_id=None),
            invocation(guild_id=None),
            invocation(command="stats", is_own=True, user_id="12"),
            invocation(guild_id="of a host"),
            *(invocation(outcome=outcome, user_id="14") for outcome in Outcome if not outcome.is_executed),
            invocation(kind=Kind.BUTTON, user_id="15"),
            *(music(duration_s=seconds) for seconds in (100.4, 100.5)),
            music(type=skip),
            music(type=pause, guild_id=2**63 - 1, occurred_at=NOON + day),
        ]
    )
    columns = BOT_STATS.removeprefix("id, ")
    assert engine.sql(f"SELECT {columns} FROM @bot_stats ORDER BY date, guild_id") == [  # noqa: S608
        ("1", 0, 0, 0, "2026-01-04", 0, 1, 1),
        ("1", 2, 201, 1, "2026-01-05", 0, 1, 3),
        ("of a host", 0, 0, 0, "2026-01-05", 0, 1, 1),
        (str(2**63 - 1), 0, 0, 0, "2026-01-06", 1, 0, 0),
    ]
    await check_ids_and_kinds(engine)


async def check_ids_and_kinds(engine: Engine) -> None:
    ids = [id_ for (id_,) in engine.sql("SELECT id FROM @bot_stats")]
    assert len(set(ids)) == len(ids)
    kinds = {type(value) for row in engine.sql("SELECT * FROM @bot_stats") for value in row}
    assert kinds == {int, str}


async def test_the_view_of_statistics_counts_commands_as_a_host_does(engine, storage):
    day, logged = timedelta(days=1), Kind.LOGGED
    await storage.write(
        [
            *(invocation(kind=logged, user_id=user) for user in ("10", "11", "12")),
            *(counted_command(user_id=user) for user in ("10", "10", None)),
            invocation(user_id="13"),
            invocation(kind=logged, guild_id=None),
            invocation(kind=logged, started_at=NOON - day),  # a row of the history, and nothing that was executed
            counted_command(guild_id="2", user_id="10"),
        ]
    )
    await storage.engine.write(host_day(NOON, "1", songs=1, users=1, commands=20))
    await storage.engine.write(host_day(NOON, "2", source_id=2, users=7, playtime_s=60, skips=2, pauses=3))
    await storage.engine.write(host_day(NOON, "2", source_id=3, users=6, playtime_s=1))
    await storage.engine.write(host_day(NOON + day, "of a host", songs=1))
    await storage.engine.write(host_day(NOON + day, "3"))
    columns = BOT_STATS.removeprefix("id, ")
    assert engine.sql(f"SELECT {columns} FROM @bot_stats ORDER BY date, guild_id") == [  # noqa: S608
        ("1", 1, 0, 0, "2026-01-05", 0, 2, 24),
        ("2", 0, 61, 2, "2026-01-05", 3, 7, 1),
        ("of a host", 1, 0, 0, "2026-01-06", 0, 0, 0),
    ]
    await check_ids_and_kinds(engine)


async def test_the_view_of_statistics_counts_no_command_twice_once_roll_ups_are_gone(engine, storage):
    await storage.write([invocation(kind=Kind.LOGGED), invocation(kind=Kind.LOGGED), counted_command()])
    engine.sql("DELETE FROM @rollups")
    assert engine.sql("SELECT commands_executed FROM @bot_stats") == [(1,)]
    engine.sql("UPDATE @guild_hourly SET counted = 0", "DELETE FROM @people")
    assert engine.sql("SELECT * FROM @bot_stats") == []


@pytest.mark.parametrize("name", VIEWS)
async def test_views_can_not_be_written(engine, storage, name):
    await storage.write([invocation(), music()])
    column = "command" if name == "audit_logs" else "songs_played"
    for statement in (
        f"DELETE FROM @{name}",  # noqa: S608
        f"UPDATE @{name} SET {column} = NULL",  # noqa: S608
        f"INSERT INTO @{name} ({column}) VALUES (NULL)",  # noqa: S608
    ):
        with pytest.raises((sqlite3.OperationalError, asyncpg.PostgresError)):
            engine.sql(statement)
    assert len(engine.sql(f"SELECT * FROM @{name}")) == 1  # noqa: S608


# -- migrations --------------------------------------------------------------------------------------------------------


async def test_a_second_open_changes_nothing(engine):
    async with engine.storage() as storage:
        await storage.write([invocation(), music()])
        before = engine.sql("SELECT * FROM @runs"), engine.sql("SELECT * FROM @marks")
    async with engine.storage() as storage:
        await storage.open()
        assert (engine.sql("SELECT * FROM @runs"), engine.sql("SELECT * FROM @marks")) == before


def test_both_engines_have_the_same_migrations_without_a_gap():
    of_sqlite, of_postgres = (
        [(migration.version, migration.name) for migration in load_migrations(name)] for name in ("sqlite", "postgres")
    )
    assert of_sqlite == of_postgres
    assert [version for version, _ in of_sqlite] == list(range(1, len(of_sqlite) + 1))


def test_a_script_is_split_at_its_statements_and_not_within_texts():
    script = "-- a comment; with a semicolon\n\nINSERT INTO t\nVALUES ('a;b');\nSELECT 1; -- why\nSELECT 2;\n"
    assert len(list(statements(script))) == 3


def test_a_script_that_ends_in_the_middle_is_refused():
    with pytest.raises(StorageError, match="ends in the middle of a statement: SELECT 1"):
        list(statements("SELECT 1"))


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
def test_an_installation_without_migrations_says_so(tmp_path, monkeypatch, name):
    (tmp_path / "migrations" / name).mkdir(parents=True)
    monkeypatch.setattr(migrations, "__file__", str(tmp_path / "botmon_cog" / "store" / "migrations.py"))
    monkeypatch.setattr(migrations.resources, "files", lambda _: tmp_path)
    with pytest.raises(StorageError, match=f"lacks its migrations for {name}"):
        load_migrations(name)
