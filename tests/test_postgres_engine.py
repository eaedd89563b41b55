"""The engine for PostgreSQL, on real servers: steps, failures, migrations, and whose the schema is."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from botmon_cog.errors import ConflictError, MissingExtraError, NotOursError, SchemaTooNewError, StorageError
from botmon_cog.store.postgres import PostgresEngine, opening
from botmon_cog.store.schema import ALL_TABLES, INVOCATIONS, LABELS, VIEWS
from botmon_cog.store.script import Exclude, Insert, Lookup, Pause, Query, Script
from tests.pgbouncer import PgBouncer, PoolMode
from tests.postgres_farewell import farewell_before_copying
from tests.postgres_scripts import (
    WHAT_COMES_OF_EVERY_STEP,
    ask,
    change,
    engine_at,
    every_step,
    insert,
    invocation_rows,
    put,
    recall,
    texts,
)
from tests.postgres_server import PostgresServer

RELATIONS = """
SELECT n.nspname, c.relname, c.relkind FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1, 2
"""
OURS = {table.name for table in ALL_TABLES} | set(VIEWS)


@pytest.fixture(params=["direct", "session", "transaction"])
def url(request: pytest.FixtureRequest, postgres_url: str, pgbouncer: Callable[[PoolMode], PgBouncer]) -> str:
    return postgres_url if request.param == "direct" else pgbouncer(request.param).url_of(postgres_url)


def database_of(url: str) -> str:
    return url.rpartition("/")[2]


# -- scripts -----------------------------------------------------------------------------------------------------------


async def test_every_step_does_what_it_says(url):
    async with engine_at(url) as engine:
        assert await engine.write(every_step()) == WHAT_COMES_OF_EVERY_STEP


async def test_every_step_works_on_the_oldest_version(oldest_postgres: PostgresServer):
    assert "PostgreSQL 15" in oldest_postgres.sql("SELECT version()")[0]
    async with engine_at(oldest_postgres.create_database(), application_id=lambda: 1) as engine:
        assert await engine.write(every_step()) == WHAT_COMES_OF_EVERY_STEP
        assert await engine.ping() > 100_000


async def test_a_new_row_that_is_there_already_is_a_conflict_and_nothing_is_stored(url):
    async with engine_at(url) as engine:
        await engine.write(insert(Insert(INVOCATIONS, invocation_rows(1, [5]), is_new=True)))
        rows = invocation_rows(1, [4, 5, 6])
        for is_new in (True, False):
            with pytest.raises(ConflictError):
                await engine.write(insert(Insert(LABELS, [("x",)]), Insert(INVOCATIONS, rows, is_new=is_new)))
        assert await engine.read(ask("SELECT seq FROM @invocations")) == [(5,)]
        assert await engine.read(texts()) == set()
        assert await engine.write(insert(Insert(INVOCATIONS, rows, "ignore"))) == [2]


@pytest.mark.parametrize("value", [2**63, "a word", "\ud800", "\0", b"x"])
@pytest.mark.parametrize("is_new", [True, False])
async def test_a_value_that_no_column_holds_fails_its_script_alone(postgres_url, value, is_new):
    row = list(invocation_rows(1, [1])[0])
    row[12 if isinstance(value, str) and len(value) == 1 else 5] = value
    async with engine_at(postgres_url) as engine:
        session = await engine.write(recall())
        with pytest.raises(StorageError):
            await engine.write(insert(Insert(LABELS, [("x",)]), Insert(INVOCATIONS, [tuple(row)], is_new=is_new)))
        assert await engine.read(texts()) == set()
        assert await engine.write(put("y")) == 1
        assert await engine.write(recall()) is session, "the connection was kept"


async def test_an_error_repeats_no_row(postgres_url):
    row = list(invocation_rows(1, [1])[0])
    row[5] = None
    async with engine_at(postgres_url) as engine:
        with pytest.raises(StorageError, match="null value in column") as raised:
            await engine.write(insert(Insert(INVOCATIONS, [tuple(row)])))
        assert "Zoë" not in str(raised.value)


async def test_an_error_of_the_script_itself_rolls_back_and_comes_out_as_it_is(postgres_url):
    def wrong() -> Script[None]:
        yield Insert(LABELS, [("x",)])
        raise LookupError("of the script")

    async with engine_at(postgres_url) as engine:
        session = await engine.write(recall())
        with pytest.raises(LookupError, match="of the script"):
            await engine.write(wrong())
        assert await engine.read(texts()) == set()
        assert await engine.write(recall()) is session


async def test_a_cancelled_script_is_rolled_back_and_ends_at_the_server(url, postgres_server):
    running = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{database_of(url)}' AND query ~ '^SELECT pg_sleep'"  # noqa: S608
    async with engine_at(url) as engine:
        await engine.open()
        slow = asyncio.create_task(engine.write(insert_and_sleep()))
        while not postgres_server.sql(running):
            await asyncio.sleep(0.01)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        since = time.monotonic()
        assert await engine.write(put("y")) == 1
        assert time.monotonic() - since < 5
        assert await engine.read(texts()) == {"y"}


def insert_and_sleep() -> Script[None]:
    yield Insert(LABELS, [("x",)])
    yield Query("SELECT pg_sleep(20)")


async def test_writers_take_turns_and_readers_wait_for_no_writer(url):
    def waiting(go_on: asyncio.Event) -> Script[None]:
        yield Insert(LABELS, [("x",)])
        while not go_on.is_set():
            yield Pause()

    async with engine_at(url) as engine:
        go_on = asyncio.Event()
        first = asyncio.create_task(engine.write(waiting(go_on)))
        second = asyncio.create_task(engine.write(put("y")))
        assert await engine.read(texts()) == set()
        assert await engine.ping() > 0
        assert not second.done()
        go_on.set()
        await asyncio.gather(first, second)
        assert await engine.read(texts()) == {"x", "y"}


async def test_a_read_sees_one_moment(url):
    loop = asyncio.get_running_loop()

    def twice(looked: asyncio.Event, between: asyncio.Event) -> Script[list[object]]:
        first = yield Query("SELECT text FROM @labels")
        loop.call_soon_threadsafe(looked.set)
        while not between.is_set():
            yield Pause()
        return [first, (yield Query("SELECT text FROM @labels"))]

    async with engine_at(url) as engine:
        await engine.write(put("x"))
        looked, between = asyncio.Event(), asyncio.Event()
        reading = asyncio.create_task(engine.read(twice(looked, between)))
        await looked.wait()
        await engine.write(put("y"))
        between.set()
        assert await reading == [[("x",)], [("x",)]]
        with pytest.raises(StorageError, match="read-only"):
            await engine.read(put("z"))


async def test_a_snapshot_sees_one_moment_on_a_connection_of_its_own(url, postgres_server):
    async with engine_at(url) as engine:
        await engine.write(put("x"))
        async with engine.snapshot() as snapshot:
            await engine.write(put("y"))
            assert await engine.read(texts()) == {"x", "y"}
            assert await snapshot.read(texts()) == await snapshot.read(texts()) == {"x"}
            postgres_server.terminate_connections(database_of(url))
            with pytest.raises(StorageError):
                await snapshot.read(texts())
        async with engine.snapshot() as snapshot:
            assert await snapshot.read(texts()) == {"x", "y"}
            await engine.close()


async def test_exclusion_holds_within_a_schema_only(url):
    def holding(taken: asyncio.Event, go_on: asyncio.Event, loop: asyncio.AbstractEventLoop) -> Script[None]:
        yield Exclude()
        loop.call_soon_threadsafe(taken.set)
        while not go_on.is_set():
            yield Pause()

    def excluded() -> Script[int]:
        yield Exclude()
        return 1

    async with (
        engine_at(url) as first,
        engine_at(url, busy_timeout_s=0.2) as second,
        engine_at(url, schema="other", busy_timeout_s=0.2) as other,
    ):
        for engine in (first, second, other):
            await engine.open()
        taken, go_on = asyncio.Event(), asyncio.Event()
        holder = asyncio.create_task(first.write(holding(taken, go_on, asyncio.get_running_loop())))
        await taken.wait()
        with pytest.raises(StorageError, match="lock timeout"):
            await second.write(excluded())
        assert await other.write(excluded()) == 1
        go_on.set()
        await holder
        assert await second.write(excluded()) == 1


async def test_two_that_write_the_same_rows_in_opposite_order_do_not_deadlock(postgres_url):
    words = [f"{n:05}" for n in range(3000)]
    async with engine_at(postgres_url) as first, engine_at(postgres_url) as second:
        await asyncio.gather(first.open(), second.open())
        for _ in range(3):
            await asyncio.gather(
                first.write(insert(Insert(LABELS, [(word,) for word in words], "ignore"))),
                second.write(insert(Insert(LABELS, [(word,) for word in reversed(words)], "ignore"))),
            )
            await first.write(change("DELETE FROM @labels"))


async def test_a_lookup_of_many_keys_takes_the_index(postgres_url, postgres_server):
    def found() -> Script[int]:
        return len((yield Lookup(INVOCATIONS, [(1, seq) for seq in range(0, 60_000, 30)], ["seq"])))

    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'invocations'"
    async with engine_at(postgres_url) as engine:
        await engine.open()
        await engine.close()
        before = postgres_server.sql(scans, database_of(postgres_url))  # that the indexes were made with
        for start in range(0, 60_000, 20_000):
            rows = invocation_rows(1, range(start, start + 20_000))
            await engine.write(insert(Insert(INVOCATIONS, rows, is_new=True)))
        assert await engine.read(found()) == 2000
        await engine.close()
        assert postgres_server.sql(scans, database_of(postgres_url)) == before


async def test_no_more_than_two_connections_are_open(postgres_url, postgres_server):
    async with engine_at(postgres_url) as engine:
        await asyncio.gather(*(engine.write(put(f"{n}")) for n in range(5)), *(engine.read(texts()) for _ in range(5)))
        count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database_of(postgres_url)}'"  # noqa: S608
        assert postgres_server.sql(count) == ["2"]
        await engine.close()
        assert postgres_server.sql(count) == ["0"]


# -- failures ----------------------------------------------------------------------------------------------------------


async def test_a_statement_is_given_up_by_the_server_in_time(url):
    async with engine_at(url, command_timeout_s=0.3) as engine:
        with pytest.raises(StorageError, match="statement timeout"):
            await engine.write(ask("SELECT pg_sleep(20)"))
        assert await engine.write(put("x")) == 1


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_server_that_was_away_is_used_again(new_postgres: Callable[..., PostgresServer], how):
    server = new_postgres(settings={"synchronous_commit": "on"})
    async with engine_at(server.url) as engine:
        await engine.write(put("x"))
        session = await engine.write(recall())
        getattr(server, how)()
        for script in (put("y"), put("y")):
            with pytest.raises(StorageError):
                await engine.write(script)
        with pytest.raises(StorageError):
            await engine.read(texts())
        server.start()
        assert await engine.write(put("z")) == 1
        assert await engine.read(texts()) == {"x", "z"}
        assert await engine.write(recall()) is not session, "what was noted may be gone"


async def test_a_server_that_is_down_at_first_is_opened_later(private_postgres: PostgresServer):
    private_postgres.stop()
    async with engine_at(private_postgres.url) as engine:
        with pytest.raises(StorageError, match=r"127\.0\.0\.1"):
            await engine.open()
        private_postgres.start()
        assert await engine.write(put("x")) == 1


async def test_a_connection_that_was_ended_is_made_anew(url, postgres_server):
    async with engine_at(url) as engine:
        await engine.write(put("x"))
        postgres_server.terminate_connections(database_of(url))
        for n in range(2):
            try:
                await engine.write(put(f"{n}"))
            except StorageError:
                assert n == 0
        assert "1" in await engine.read(texts())


async def test_a_farewell_before_the_rows_fails_the_script_alone(postgres_url, caplog):
    """asyncpg forgets the future of such a COPY, and asyncio would complain of it in the host's log."""
    async with engine_at(postgres_url) as engine:
        await engine.open()
    async with farewell_before_copying(postgres_url, "invocations") as url, engine_at(url) as engine:
        with pytest.raises(StorageError, match="another operation"):
            await engine.write(insert(Insert(INVOCATIONS, invocation_rows(1, [5]), is_new=True)))
        gc.collect()
        assert await engine.read(ask("SELECT seq FROM @invocations")) == []
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_a_server_that_stands_still_is_given_up_in_time(private_postgres: PostgresServer):
    async with engine_at(private_postgres.url, command_timeout_s=0.2, connect_timeout_s=0.5) as engine:
        await engine.write(put("x"))
        private_postgres.freeze()
        since = time.monotonic()
        with pytest.raises(StorageError, match="in time"):
            await engine.write(put("y"))
        with pytest.raises(StorageError, match="in time"):
            await engine.write(put("y"))
        assert time.monotonic() - since < 6
        private_postgres.thaw()
        assert await engine.write(put("z")) == 1


async def test_closing_while_the_server_stands_still_ends_in_time_and_tells_whoever_asks(
    private_postgres: PostgresServer,
):
    async with engine_at(private_postgres.url, command_timeout_s=600.0) as engine:
        await engine.write(put("x"))
        private_postgres.freeze()
        asking = asyncio.create_task(engine.write(put("y")))
        given_up = asyncio.create_task(engine.ping())
        await asyncio.sleep(0.2)
        given_up.cancel()
        await asyncio.wait([given_up])
        assert given_up.cancelled()
        since = time.monotonic()
        await engine.close()
        assert time.monotonic() - since < 6
        with pytest.raises(StorageError, match="the connection was closed"):
            await asking
        private_postgres.thaw()
        assert await engine.write(put("z")) == 1


async def test_ping_notices_a_server_that_takes_no_writes(postgres_url, postgres_server):
    async with engine_at(postgres_url) as engine:
        before = await engine.ping()
        await engine.write(insert(Insert(INVOCATIONS, invocation_rows(1, range(2000)), is_new=True)))
        assert await engine.ping() > before > 100_000
        postgres_server.sql(f"ALTER DATABASE {database_of(postgres_url)} SET default_transaction_read_only = on")
        await engine.close()
        with pytest.raises(StorageError, match="takes no writes"):
            await engine.ping()
        with pytest.raises(StorageError, match="read-only"):
            await engine.write(put("x"))


def test_one_engine_serves_two_event_loops_after_one_another(postgres_url):
    engine = PostgresEngine(postgres_url)
    assert asyncio.run(engine.write(put("x"))) == 1
    assert asyncio.run(engine.read(texts())) == {"x"}
    asyncio.run(engine.close())


def test_an_engine_that_nobody_closes_keeps_no_process_from_ending(postgres_url):
    program = (
        "import asyncio, sys; from botmon_cog.store.postgres import PostgresEngine\n"
        "from tests.postgres_scripts import put\n"
        "engine = PostgresEngine(sys.argv[1]); print(asyncio.run(engine.write(put('x'))))"
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", program, postgres_url]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("1\n", "")
    engine = PostgresEngine(postgres_url)
    assert asyncio.run(engine.read(texts())) == {"x"}
    asyncio.run(engine.close())


# -- the schema --------------------------------------------------------------------------------------------------------


async def test_many_that_open_at_once_make_one_schema(postgres_url, postgres_server):
    engines = [PostgresEngine(postgres_url, application_id=lambda: 5) for _ in range(6)]
    try:
        await asyncio.gather(*(engine.open() for engine in engines))
        for engine in engines:
            assert await engine.write(recall())
        relations = postgres_server.sql(RELATIONS, database_of(postgres_url))
        assert {line.split("|")[1] for line in relations if line[-1] in "rv"} == OURS
        assert {line.split("|")[0] for line in relations} == {"botmon"}
        marks = await engines[0].read(ask("SELECT name, value FROM @marks ORDER BY name"))
        assert marks == [("application_id", "5"), ("schema_version", "1")]
    finally:
        await asyncio.gather(*(engine.close() for engine in engines))


@pytest.mark.parametrize("schema", ["botmon", "public", "user", "Übersicht %s {0}"])
async def test_any_name_serves_as_a_schema(url, schema):
    async with engine_at(url, schema=schema) as engine, engine_at(url, schema=f"{schema} too") as other:
        await engine.write(put("x"))
        assert await engine.write(every_step()) == WHAT_COMES_OF_EVERY_STEP
        assert await other.read(texts()) == set()
        await engine.close()
        assert await engine.read(texts()) == {"x"}


@pytest.mark.parametrize(
    "theirs",
    [
        "TABLE audit (id INT)",
        "TABLE alerts (id INT)",
        "TABLE marks (name TEXT, points INT)",
        "TABLE marks (name TEXT, value TEXT)",
        "VIEW numbers AS SELECT 1 AS one",
        "SEQUENCE tickets",
    ],
)
async def test_a_schema_of_another_program_is_refused_untouched(postgres_url, postgres_server, theirs):
    database = database_of(postgres_url)
    kind, _, rest = theirs.partition(" ")
    postgres_server.sql(f"CREATE SCHEMA botmon AUTHORIZATION botmon; CREATE {kind} botmon.{rest}", database)
    postgres_server.sql(f"ALTER {kind} botmon.{rest.split()[0]} OWNER TO botmon", database)
    before = postgres_server.sql(RELATIONS, database)
    for is_read_only in (False, True):
        async with engine_at(postgres_url, is_read_only=is_read_only) as engine:
            with pytest.raises(NotOursError, match=r'"botmon" belongs to another program.*postgres_schema'):
                await engine.open()
            with pytest.raises(NotOursError):
                await engine.write(put("x"))
    assert postgres_server.sql(RELATIONS, database) == before
    async with engine_at(postgres_url, schema="botmon_2") as engine:
        assert await engine.write(put("x")) == 1


async def test_a_store_belongs_to_the_first_application(postgres_url):
    async with engine_at(postgres_url) as anybody, engine_at(postgres_url, application_id=lambda: 41) as first:
        await anybody.open()
        await first.open()
        async with engine_at(postgres_url, application_id=lambda: 42) as other:
            with pytest.raises(NotOursError, match=r'"botmon" belongs to the bot 41;.*postgres_schema'):
                await other.open()
        async with engine_at(postgres_url, schema="second", application_id=lambda: 42) as other:
            await other.open()
        async with engine_at(postgres_url, application_id=lambda: 41) as again:
            assert await again.write(put("x")) == 1
            assert await anybody.read(texts()) == {"x"}


async def test_of_two_applications_that_come_at_once_one_gets_the_store(postgres_url):
    for n in range(5):
        schema = f"store_{n}"
        async with (
            engine_at(postgres_url, schema=schema, application_id=lambda: 1) as first,
            engine_at(postgres_url, schema=schema, application_id=lambda: 2) as second,
        ):
            came = await asyncio.gather(first.open(), second.open(), return_exceptions=True)
            assert sorted(type(error) for error in came if error) == [NotOursError]


async def test_a_newer_schema_is_refused(postgres_url):
    async with engine_at(postgres_url) as engine:
        await engine.write(change("UPDATE @marks SET value = '99' WHERE name = 'schema_version'"))
        await engine.close()
        with pytest.raises(SchemaTooNewError, match="schema version 99, this botmon_cog knows versions up to 1"):
            await engine.open()


async def test_a_database_that_holds_no_emoji_is_refused(postgres_server: PostgresServer):
    postgres_server.sql(
        "CREATE DATABASE latin OWNER botmon ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    )
    url = postgres_server.url_of("latin")
    try:
        async with engine_at(url) as engine:
            with pytest.raises(
                StorageError, match=r"as LATIN1, which has no emoji.* ENCODING 'UTF8' TEMPLATE template0"
            ):
                await engine.open()
        assert postgres_server.sql(RELATIONS, "latin") == []
    finally:
        postgres_server.drop_database(url)


async def test_a_server_that_is_too_old_is_refused(postgres_url, monkeypatch):
    monkeypatch.setattr(opening, "OLDEST_POSTGRES", 990000)
    async with engine_at(postgres_url) as engine:
        with pytest.raises(StorageError, match=r"PostgreSQL 18\S* is too old, botmon_cog needs 99 or newer"):
            await engine.open()


async def test_a_role_that_may_not_make_schemas_uses_one_that_is_there(postgres_url, postgres_server):
    database = database_of(postgres_url)
    postgres_server.sql(f"CREATE ROLE guest LOGIN PASSWORD '{postgres_server.password}'")
    postgres_server.sql("CREATE SCHEMA rooms AUTHORIZATION guest", database)
    try:
        async with engine_at(postgres_server.url_of(database, "guest"), schema="rooms") as engine:
            assert await engine.write(put("x")) == 1
        async with engine_at(postgres_server.url_of(database, "guest"), schema="elsewhere") as engine:
            with pytest.raises(StorageError, match="permission denied"):
                await engine.open()
    finally:
        postgres_server.sql("DROP SCHEMA rooms CASCADE", database)
        postgres_server.sql("DROP ROLE guest")


async def test_a_read_only_engine_makes_nothing(postgres_url, postgres_server):
    async with engine_at(postgres_url, is_read_only=True, application_id=lambda: 1) as engine:
        with pytest.raises(StorageError, match="start the bot once"):
            await engine.open()
        assert postgres_server.sql(RELATIONS, database_of(postgres_url)) == []
        async with engine_at(postgres_url) as writer:
            await writer.write(put("x"))
        assert await engine.read(texts()) == {"x"}
        assert await engine.ping() > 0
        with pytest.raises(StorageError, match="read-only"):
            await engine.write(put("y"))
        assert await engine.read(ask("SELECT name FROM @marks")) == [("schema_version",)]


async def test_the_views_take_what_is_stored(url):
    async with engine_at(url) as engine:
        await engine.write(insert(Insert(INVOCATIONS, invocation_rows(1, [1]))))
        assert await engine.read(ask("SELECT * FROM @audit_logs")) == []
        assert await engine.read(ask("SELECT * FROM @bot_stats")) == []


def test_a_missing_asyncpg_is_said_with_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"botmon-cog\[postgres\]"):
        PostgresEngine("postgresql://localhost/botmon")
