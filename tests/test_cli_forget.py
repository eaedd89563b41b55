"""`forget`: what uninstalling leaves behind, shown, and removed when told to; never what is a host's."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from botmon_cog.__main__ import main
from botmon_cog.store.log import RunKey
from botmon_cog.store.queue import spool_file
from botmon_cog.store.queue.open_file import OpenFile
from botmon_cog.store.sqlite.file import STORE_MARK
from tests.engines import Engine
from tests.foreign_schemas import SCHEMAS
from tests.storage_helpers import invocation, make
from tests.tool_helpers import call

BOT, OTHER_BOT = 123456789012345678, 987654321098765432


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bot's working directory, without a token."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    return tmp_path


def fill(engine: Engine) -> None:
    async def work() -> None:
        async with engine.storage("main") as storage:
            await storage.write([invocation()])

    asyncio.run(work())


def claim(file: Path, application_id: int) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("INSERT INTO marks (name, value) VALUES ('application_id', ?)", (str(application_id),))


def make_store(file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    fill(Engine("sqlite", str(file)))


def make_database(file: Path, script: str) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.executescript(script)


def make_spool(file: Path) -> None:
    db = spool_file.connect(file, makes_file=True)
    assert db is not None
    db.close()


def make_host(folder: Path) -> list[Path]:
    """What is the bot's own, beside the store."""
    database, log = folder / "data" / "bot.db", folder / "bot.log"
    make_database(database, SCHEMAS["moderation log"].made)
    log.write_text("a log\n")
    config = folder / "botmon.toml"
    config.write_text('[host]\ndatabase = "data/bot.db"\n\n[log]\nfile = "bot.log"\n')
    lookalike = folder / "data" / "botmon-notes.spool.db"
    lookalike.write_text("named as ours, and not ours, but long enough to be looked at. " * 3)
    return [database, log, config, lookalike]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# -- files -------------------------------------------------------------------------------------------------------------


def test_everything_is_shown_and_nothing_touched(folder, capsys):
    make_store(folder / "data" / "botmon.db")
    make_spool(folder / "data" / f"botmon-{BOT}.spool.db")
    make_host(folder)
    before = contents(folder)
    code, out = call(capsys, "forget")
    ours, kept = out.split("Stays, also with --yes:")
    assert code == 0
    assert "data/botmon.db " in ours
    assert "the store" in ours
    assert f"data/botmon-{BOT}.spool.db" in ours
    for name in ("botmon.toml", "bot.log", "data/bot.db", "data/botmon-notes.spool.db"):
        assert name in kept
    assert "set DISCORD_TOKEN" in out
    assert "Nothing was removed. To remove it, stop the bot, then: botmon forget --yes" in out
    assert contents(folder) == before


def test_yes_removes_what_is_ours_and_no_file_of_the_host(folder, capsys):
    make_store(folder / "data" / "botmon.db")
    make_spool(folder / "data" / "botmon.spool.db")
    damaged = folder / "data" / "botmon.db.damaged-20260101T000000Z"
    damaged.write_bytes((folder / "data" / "botmon.db").read_bytes()[:5000])
    hosts = make_host(folder)
    before = {str(file.relative_to(folder)): file.read_bytes() for file in hosts}
    code, out = call(capsys, "forget", "--yes")
    assert (code, "Removed: 3 things." in out) == (0, True)
    assert contents(folder) == before
    code, out = call(capsys, "forget", "--yes")
    assert (code, "Nothing of botmon's is left here." in out) == (0, True)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_database_of_the_host_is_never_removed(name, folder, capsys):
    make_database(folder / "bot.db", SCHEMAS[name].made)
    before = contents(folder)
    code, out = call(capsys, "forget", "--yes", "--database", folder / "bot.db")
    assert code == 0
    assert "is a database of another program" in out
    assert contents(folder) == before


def test_a_store_that_holds_a_table_of_the_host_stays(folder, capsys):
    file = folder / "botmon.db"
    make_store(file)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE songs (name TEXT)")
    code, out = call(capsys, "forget", "--yes", "--database", file)
    assert (code, "holds tables that are not botmon's: songs" in out) == (0, True)
    assert file.exists()


def test_a_table_of_the_host_that_is_still_in_the_log_is_found(folder, capsys):
    file = folder / "botmon.db"
    make_store(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("CREATE TABLE songs (name TEXT)")
        crashed = {helper: Path(f"{file}{helper}").read_bytes() for helper in ("", "-wal")}
    for helper, content in crashed.items():
        Path(f"{file}{helper}").write_bytes(content)
    code, out = call(capsys, "forget", "--yes", "--database", file)
    assert (code, "holds tables that are not botmon's: songs" in out) == (1, True)
    assert file.exists()


def test_a_store_in_use_stays_whole(folder, capsys):
    file = folder / "data" / "botmon.db"
    make_store(file)
    make_spool(folder / "data" / "botmon.spool.db")
    with closing(sqlite3.connect(file)) as bot:
        bot.execute("SELECT COUNT(*) FROM invocations").fetchone()
        code, out = call(capsys, "forget", "--yes")
        assert (code, "A bot is using data/botmon.db. Stop it first" in " ".join(out.split())) == (1, True)
        assert (folder / "data" / "botmon.spool.db").exists()
    assert file.exists()
    assert call(capsys, "forget", "--yes")[0] == 0
    assert not file.exists()


@pytest.mark.parametrize("damage", [b"", b"no database, but long enough to look like one " * 9])
def test_what_is_no_store_is_left_alone(damage, folder, capsys):
    file = folder / "botmon.db"
    file.write_bytes(damage)
    code, out = call(capsys, "forget", "--yes", "--database", file)
    assert (code, "Stays" in out) == (0, True)
    assert file.read_bytes() == damage


def test_an_empty_folder_has_nothing_left(folder, capsys):
    code, out = call(capsys, "forget")
    assert (code, "Nothing of botmon's is left here." in out) == (0, True)
    assert contents(folder) == {}


def test_spool_of_another_bot_stays(folder, capsys):
    store = folder / "data" / "botmon.db"
    make_store(store)
    claim(store, BOT)
    own, others = (folder / "data" / f"botmon-{bot}.spool.db" for bot in (BOT, OTHER_BOT))
    make_spool(own)
    make_spool(others)
    code, out = call(capsys, "forget", "--yes")
    assert (code, f"belongs to another bot (application {OTHER_BOT})" in out) == (0, True)
    assert list(contents(folder)) == [str(others.relative_to(folder))]


def make_open_file(spool: Path) -> OpenFile:
    file = OpenFile(lambda: spool, RunKey.new("main", datetime.now(UTC)))
    file.create()
    return file


def test_what_a_killed_bot_had_open_is_removed_but_not_of_another_bot_or_the_host(folder, capsys):
    store = folder / "data" / "botmon.db"
    make_store(store)
    claim(store, BOT)
    for bot in (BOT, OTHER_BOT):
        make_open_file(folder / "data" / f"botmon-{bot}.spool.db").abandon()
    hosts = folder / "data" / "botmon.spool.notes.open"
    hosts.write_text("the host's")
    code, out = call(capsys, "forget", "--yes")
    assert (code, f"belongs to another bot (application {OTHER_BOT})" in out) == (0, True)
    left = sorted(contents(folder))
    assert len(left) == 2
    assert left[0].startswith(f"data/botmon-{OTHER_BOT}.spool.")
    assert left[1] == "data/botmon.spool.notes.open"


def test_what_a_running_bot_has_open_stays(folder, capsys):
    file = make_open_file(folder / "data" / "botmon.spool.db")
    try:
        code, out = call(capsys, "forget", "--yes")
        assert (code, "A bot is using data/botmon.spool." in " ".join(out.split())) == (1, True)
    finally:
        file.close()


def test_newer_store_is_removed_as_well(folder, capsys):
    file = folder / "botmon.db"
    make(file, f"PRAGMA application_id = {STORE_MARK}", "PRAGMA user_version = 99", "CREATE TABLE marks (name TEXT)")
    assert call(capsys, "forget", "--yes", "--database", file)[0] == 0
    assert not file.exists()


# -- a schema ----------------------------------------------------------------------------------------------------------


def relations(engine: Engine) -> list[tuple[str, str]]:
    found = engine.sql(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    return sorted((str(schema), str(name)) for schema, name in found)


def test_schema_is_shown_then_removed_and_the_hosts_stays(postgres_url, capsys):
    engine = Engine("postgres", postgres_url)
    fill(engine)
    engine.sql("CREATE TABLE public.songs (name TEXT)")
    before = relations(engine)
    code, out = call(capsys, "forget", "--database", postgres_url)
    assert (code, "schema botmon" in out, "Nothing was removed." in out) == (0, True, True)
    assert postgres_url not in out
    assert relations(engine) == before
    code, out = call(capsys, "forget", "--yes", "--database", postgres_url)
    assert (code, "Removed: 1 thing." in out) == (0, True)
    assert relations(engine) == [("public", "songs")]
    assert engine.sql("SELECT COUNT(*) FROM pg_namespace WHERE nspname = 'botmon'") == [(0,)]
    assert "Nothing of botmon's is left" in call(capsys, "forget", "--database", postgres_url)[1]


def test_schema_with_a_table_of_the_host_stays(postgres_url, capsys):
    engine = Engine("postgres", postgres_url)
    fill(engine)
    engine.sql("CREATE TABLE botmon.songs (name TEXT)")
    before = relations(engine)
    code, out = call(capsys, "forget", "--yes", "--database", postgres_url)
    assert (code, "holds what is not botmon's (songs)" in out) == (0, True)
    assert relations(engine) == before


def test_function_of_the_host_keeps_the_schema(postgres_url, capsys):
    engine = Engine("postgres", postgres_url)
    fill(engine)
    engine.sql("CREATE FUNCTION botmon.one() RETURNS INTEGER LANGUAGE sql AS 'SELECT 1'")
    before = relations(engine)
    code, out = call(capsys, "forget", "--yes", "--database", postgres_url)
    assert (code, "Not removed: " in out) == (1, True)
    assert relations(engine) == before


def test_view_of_the_host_over_our_tables_keeps_them(postgres_url, capsys):
    engine = Engine("postgres", postgres_url)
    fill(engine)
    engine.sql("CREATE VIEW public.busy AS SELECT COUNT(*) AS n FROM botmon.invocations")
    before = relations(engine)
    code, out = call(capsys, "forget", "--yes", "--database", postgres_url)
    assert code == 1
    assert "Not removed: " in out
    assert "other objects depend on" in " ".join(out.split())
    assert relations(engine) == before
    assert engine.sql("SELECT n FROM public.busy") == [(1,)]


@pytest.mark.parametrize(("minutes_ago", "is_used"), [(1, True), (10, False)])
def test_schema_of_a_running_bot_stays(minutes_ago, is_used, postgres_url, capsys):
    engine = Engine("postgres", postgres_url)
    fill(engine)
    seen_ms = int(time.time() * 1000) - minutes_ago * 60_000
    engine.sql(f"UPDATE @runs SET ended_ms = NULL, seen_ms = {seen_ms}")  # noqa: S608 (a number of the test)
    code, out = call(capsys, "forget", "--yes", "--database", postgres_url)
    assert (code, "A bot is using" in out) == ((1, True) if is_used else (0, False))
    assert bool(relations(engine)) == is_used


def test_server_that_is_away_is_one_sentence(capsys):
    assert main(["forget", "--database", "postgresql://user:secret@127.0.0.1:1/db"]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert re.match(r"botmon: PostgreSQL 127\.0\.0\.1:1/db", captured.err)
    assert "secret" not in captured.out + captured.err
