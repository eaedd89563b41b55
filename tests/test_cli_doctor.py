"""`doctor`: the proof that roll-ups are right, on either engine, and without a trace in the database."""
# ruff: noqa: S608 (numbers and tables of ours)

from __future__ import annotations

import asyncio
import importlib.readers  # noqa: F401 (an account that may not read the standard library finds it loaded)
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import botmon_cog.cli.doctor  # noqa: F401 (before a child gives up its rights)
from botmon_cog.__main__ import main
from botmon_cog.clock import SystemClock
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.queue.spool import Spool
from botmon_cog.store.schema import ALL_TABLES, ROLLUP_TABLES
from botmon_cog.store.sqlite.file import STORE_MARK
from botmon_cog.store.tools import examine
from tests.child import Child, Talk
from tests.engines import Engine
from tests.sqlite_faults import open_folder, set_writable, write_lock
from tests.storage_helpers import NOON, invocation
from tests.tool_helpers import TAMPERED, bot, call, fill, history, refused, state

SOUND = "Sound: the roll-ups of 4 days match the log."
NO_DATABASE = "no database, but long enough to look like one " * 9


@pytest.fixture
def database(engine: Engine) -> Engine:
    fill(engine, history(300))
    return engine


@pytest.fixture
def file(tmp_path: Path) -> Engine:
    engine = Engine("sqlite", str(tmp_path / "botmon.db"))
    fill(engine, history(300))
    return engine


def doctor(capsys, engine: Engine, *options: str) -> tuple[int, str]:
    return call(capsys, "doctor", "--database", engine.url, *options)


def words(out: str) -> str:
    return " ".join(out.split())


def test_sound_database(database, capsys):
    code, out = doctor(capsys, database)
    assert (code, out.splitlines()[-1]) == (0, SOUND)
    assert "schema version 1 " in words(out)
    assert "runs 1 of 1 bot " in words(out)
    for table in ALL_TABLES:
        assert f"\n{table.name} " in out
    if database.is_sqlite:
        assert "integrity_check: ok" in out
        assert "journal mode wal" in out
    else:
        assert "PostgreSQL 127.0.0.1" in out
        assert "schema botmon" in words(out)
        assert "@" not in out


@pytest.mark.parametrize("tampered", TAMPERED)
def test_tampered_rollups_are_told(tampered, database, capsys):
    database.sql(TAMPERED[tampered])
    code, out = doctor(capsys, database)
    assert code == 1
    assert f"\n  {tampered.split()[0]}, 2026-01-" in out
    assert "from the log. To fix that, run: botmon rebuild" in out


def test_differences_are_told_in_words(engine, capsys):
    fill(engine, [invocation(guild_name="Our \u202eguild", duration_s=0.1, response_s=0.2), invocation(guild_id=None)])
    engine.sql(
        "UPDATE @rollups SET n = 7 WHERE scope = 0",
        "DELETE FROM @rollups WHERE scope = 1",
        "UPDATE @people SET user_id = 11 WHERE guild_id = 0",
    )
    out = doctor(capsys, engine)[1]
    assert [line.strip() for line in out[out.index("Differences:") :].splitlines()[1:5]] == [
        "rollups, 2026-01-05, play, whole bot: commands stored 7, counted 2",
        (
            "rollups, 2026-01-05, play, server 1 (Our guild): missing, counted commands 1, ok at 12:00 1, "
            "duration of about 100 ms (bucket 173) 1, and 1 more"
        ),
        "people, 2026-01-05, user 10, direct messages: missing, counted at 12:00 1, executed a command 1",
        "people, 2026-01-05, user 11, direct messages: should not be there, stored at 12:00 1, executed a command 1",
    ]
    assert "4 rows of the roll-ups differ" in out


def test_json_has_every_difference(database, capsys):
    database.sql(TAMPERED["guild_hourly"])
    code, out = doctor(capsys, database, "--json")
    told = json.loads(out)
    assert (code, told["is_clean"], told["spool"]) == (1, False, None)
    found = told["examination"]["differences"]
    assert len(found) == told["examination"]["n_differences"] > 10
    assert {difference["table"] for difference in found} == {"guild_hourly"}
    assert all(d["stored"]["playtime_s"] == d["counted"]["playtime_s"] - 1 for d in found)


def test_days_whose_rows_were_removed_are_not_judged(database, capsys):
    noon_ms = int(NOON.timestamp()) * 1000 + 86_400_000
    database.sql(
        f"DELETE FROM @invocations WHERE started_ms < {noon_ms}",
        f"INSERT INTO @marks VALUES ('raw_since', '{noon_ms}')",
        "UPDATE @rollups SET n = n + 1 WHERE day < 20460",
    )
    code, out = doctor(capsys, database)
    assert (code, out.splitlines()[-1]) == (0, "Sound: the roll-ups of 2 days match the log.")
    assert "complete since 2026-01-06 12:00:00 UTC; earlier days are in the roll-ups only" in words(out)


def test_rows_that_are_not_counted_yet_are_no_fault(database, capsys):
    async def append() -> None:
        async with database.storage("other") as storage:
            await storage.append(history(25, seed=3))

    asyncio.run(append())
    code, out = doctor(capsys, database)
    assert (code, out.splitlines()[-1]) == (0, SOUND)
    assert "to count 25 new rows, with the next report" in words(out)
    assert "runs 2 of 2 bots" in words(out)


def test_rebuild_that_was_interrupted_is_told_and_no_fault(database, capsys):
    database.sql("UPDATE @runs SET recount_seq = rolled_up_seq, rolled_up_seq = 0", *cleared())
    database.sql("INSERT INTO @marks VALUES ('recount_from', '0')")
    code, out = doctor(capsys, database)
    assert code == 0
    assert "a rebuild is going on, or was interrupted" in words(out)


def cleared() -> list[str]:
    return [f"DELETE FROM @{table.name}" for table in ROLLUP_TABLES]


def test_what_no_bot_writes_is_a_problem_and_the_other_days_are_counted(database, capsys):
    data = "x'c1'" if database.is_sqlite else r"'\xc1'"
    database.sql(
        f"UPDATE @rollups SET data = {data} WHERE day = 20458",
        "UPDATE @people SET hours = 1 WHERE day = 20459",
    )
    code, out = doctor(capsys, database)
    assert code == 1
    assert "2026-01-05 can't be counted" in out
    assert "people, 2026-01-06" in out
    assert "Not sound: 1 problem, listed above." in out


def test_what_is_not_ours_is_named_and_no_fault(database, capsys):
    database.sql("CREATE TABLE @songs (id INTEGER)", "CREATE VIEW @loud AS SELECT id FROM @songs")
    code, out = doctor(capsys, database)
    assert code == 0
    assert "not ours table songs, view loud" in words(out)


def test_looking_leaves_no_trace(database, capsys):
    before = state(database)
    assert doctor(capsys, database)[0] == 0
    assert state(database) == before


def test_bot_may_be_writing_meanwhile(database, capsys):
    with Child(bot, database.name, database.url) as child:
        assert child.receive() == "writing"
        for _ in range(3):
            code, out = doctor(capsys, database)
            assert (code, out.splitlines()[-1]) == (0, SOUND)


def test_lock_that_a_bot_holds_is_no_hindrance(file, capsys):
    with write_lock(file.url):
        assert doctor(capsys, file)[0] == 0


async def look(talk: Talk, url: str) -> None:
    talk.send(await asyncio.to_thread(main, ["doctor", "--json", "--database", url]))


def test_file_in_a_folder_that_is_read_only(capsys):
    with open_folder() as folder:
        engine = Engine("sqlite", str(folder / "botmon.db"))
        fill(engine, history(300))
        set_writable(folder, writable=False)
        before = state(engine)
        with Child(look, engine.url, unprivileged=True) as child:
            assert child.receive() == 0
        assert state(engine) == before


def test_damaged_file_is_told_and_left_where_it_is(file, capsys):
    path = Path(file.url)
    ((page,),) = file.sql("SELECT rootpage FROM sqlite_master WHERE name = 'invocations_time'")
    with path.open("r+b") as opened:
        opened.seek((page - 1) * 4096)
        opened.write(b"\xff" * 4096)
    before = state(file)
    code, out = doctor(capsys, file)
    assert code == 1
    assert "malformed" in out
    assert state(file) == before


def older(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {STORE_MARK}")
        db.execute("CREATE TABLE marks (name, value)")
        db.commit()


def newer(path: Path) -> None:
    older(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9999")


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE marks (name, value)")
        db.commit()


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda path: None, "there is no database"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_text(NO_DATABASE), "is no SQLite database"),
        (foreign, "is a database of another program"),
        (older, "has the older schema version 0"),
        (newer, "schema version 9999"),
    ],
)
@pytest.mark.parametrize("command", ["doctor", "rebuild", "copy"])
def test_what_can_not_be_used_gets_one_sentence(prepare, says, command, tmp_path, capsys):
    path = tmp_path / "bot.db"
    prepare(path)
    if (command, prepare) == ("rebuild", older):
        return  # that one upgrades, as a bot does
    before = [(file, file.is_file() and file.read_bytes()) for file in sorted(tmp_path.iterdir())]
    options = ["--from", path, "--to", tmp_path / "new.db"] if command == "copy" else ["--database", path]
    assert says in refused(capsys, command, *options)
    assert [(file, file.is_file() and file.read_bytes()) for file in sorted(tmp_path.iterdir())] == before


def test_schema_of_another_program_on_a_server(postgres_url, capsys):
    engine = Engine("postgres", postgres_url)
    assert "no tables of this version yet" in refused(capsys, "doctor", "--database", postgres_url)
    engine.sql("CREATE SCHEMA botmon", "CREATE TABLE @songs (id INTEGER)")
    for command in ("doctor", "rebuild"):
        assert "belongs to another program" in refused(capsys, command, "--database", postgres_url)
    assert engine.tables() == {"songs"}


def test_server_that_is_away_gets_one_sentence_without_its_password(capsys):
    assert "hush" not in refused(capsys, "doctor", "--database", "postgresql://user:hush@127.0.0.1:9/db")


def test_what_waits_in_the_spool_is_told(file, capsys):
    spool = Path(file.url).with_name("botmon.spool.db")

    async def keep() -> None:
        spooled = Spool(lambda: spool, max_bytes=1_000_000, clock=SystemClock())
        await spooled.add(Batch(run=RunKey.new("main", NOON), first_seq=1, events=history(5)))
        await spooled.close()

    asyncio.run(keep())
    before = state(file)
    code, out = doctor(capsys, file)
    assert code == 0
    assert "spool 5 rows, " in words(out)
    assert state(file) == before
    spool.write_text(NO_DATABASE)
    code, out = doctor(capsys, file)
    assert code == 1
    assert "the spool can't be read" in out


def test_configured_database_is_the_default(file, capsys, monkeypatch):
    monkeypatch.chdir(Path(file.url).parent)
    monkeypatch.setenv("BOTMON_STORAGE_URL", "botmon.db")
    code, out = call(capsys, "doctor")
    assert (code, "database botmon.db" in words(out)) == (0, True)


def test_large_files_are_checked_quickly_unless_asked_otherwise(file, capsys, monkeypatch):
    monkeypatch.setattr(examine, "QUICK_BEYOND_BYTES", 0)
    assert "quick_check: ok" in doctor(capsys, file)[1]
    assert "integrity_check: ok" in doctor(capsys, file, "--thorough")[1]
