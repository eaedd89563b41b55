"""`doctor`: the proof that roll-ups are right, on either engine, and without a trace in the database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from botmon_cog.__main__ import main
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.storage.upkeep import examining
from tests.child import Child, Talk
from tests.sqlite_faults import write_lock
from tests.storage_helpers import OLD_AUDIT_LOGS, OLD_BOT_STATS, make
from tests.tool_helpers import ENGINES, configured, execute, fetch, history, new_database, write

SOUND = "Sound: the roll-ups of 4 days are what the raw rows say."
TAMPERED = {
    "command_hourly": "UPDATE command_hourly SET n = n + 1",
    "command_hourly less": "DELETE FROM command_hourly WHERE command = 'play'",
    "active_users": "UPDATE active_users SET hours = 16777215",
    "active_users more": "INSERT INTO active_users (day, guild_id, user_id, hours) VALUES (20459, '1', 'nobody', 1)",
    "bot_stats": "UPDATE bot_stats SET unique_users = unique_users + 1",
    "bot_stats more": "INSERT INTO bot_stats (guild_id, date, commands_executed) VALUES ('1', '2020-02-29', 3)",
    "latency_hourly": "UPDATE latency_hourly SET n = n * 2",
    "latency_daily": "DELETE FROM latency_daily WHERE metric = 3",
    "music_hourly": "UPDATE music_hourly SET playtime_s = playtime_s - 1 WHERE playtime_s > 0",
    "command_seen": "UPDATE command_seen SET first_hour = first_hour - 1",
    "command_seen less": "DELETE FROM command_seen WHERE guild_id = '1'",
    "guild_names": "UPDATE guild_names SET name = 'another'",
    "guild_names less": "DELETE FROM guild_names",
}


@pytest.fixture(params=ENGINES)
def database(request, tmp_path) -> str:
    url = new_database(request.param, tmp_path, lambda: request.getfixturevalue("postgres_url"))
    asyncio.run(write(url, history(300)))
    return url


def doctor(capsys, url: str | Path, *options: str) -> tuple[int, str]:
    code = main(["doctor", "--database", str(url), *options])
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, captured.out


def state(url: str) -> object:
    """All that an unwanted change would show in."""
    if not url.startswith("postgres"):
        return Path(url).read_bytes(), sorted(Path(url).parent.iterdir())
    return fetch(url, "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables ORDER BY 1")


def test_a_sound_database(database, capsys):
    code, out = doctor(capsys, database)
    assert (code, out.splitlines()[-1]) == (0, SOUND)
    assert "version 4 of 4" in out
    assert "audit_logs" in out
    if not database.startswith("postgres"):
        assert "integrity_check: ok" in out
        assert "journal mode wal" in out
    else:
        assert "@" not in out


@pytest.mark.parametrize("tampered", TAMPERED)
def test_each_roll_up_is_proved(tampered, database, capsys):
    execute(database, TAMPERED[tampered])
    code, out = doctor(capsys, database)
    assert code == 1
    assert f"\n  {tampered.split()[0]} (" in out
    assert "The remedy: python -m botmon_cog rebuild" in out


def test_days_whose_raw_rows_were_removed_are_not_judged(database, capsys):
    execute(
        database,
        "DELETE FROM audit_logs WHERE timestamp < '2026-01-07 06:00:00'",
        "INSERT INTO marks (name, value) VALUES ('raw_since', '2026-01-07T06:00:00+00:00')",
    )
    code, out = doctor(capsys, database)
    assert (code, out.splitlines()[-1]) == (0, "Sound: the roll-ups of 1 day are what the raw rows say.")
    assert "2026-01-07 06:00:00" in out


def test_json_has_every_difference(database, capsys):
    execute(database, TAMPERED["bot_stats"])
    code, out = doctor(capsys, database, "--json")
    told = msgspec.json.decode(out)
    assert (code, told["is_clean"]) == (1, False)
    found = told["examination"]["differences"]
    assert len(found) == told["examination"]["n_differences"] > 0
    assert {difference["table"] for difference in found} == {"bot_stats"}
    assert all(d["stored"][-1] == d["counted"][-1] + 1 for d in found)


def test_what_no_bot_writes_is_a_problem_and_the_other_days_are_counted(database, capsys):
    execute(
        database,
        "UPDATE audit_logs SET outcome = 'splendid' WHERE timestamp < '2026-01-06'",
        TAMPERED["latency_daily"],
    )
    code, out = doctor(capsys, database)
    assert code == 1
    assert "2026-01-05 can't be counted" in out
    assert "'splendid'" in out
    assert "latency_daily (day 2026-01-06" in out


def test_what_is_not_ours_is_named_and_no_fault(database, capsys):
    execute(
        database,
        "CREATE TABLE songs (id INTEGER)",
        "CREATE VIEW loud AS SELECT id FROM songs",
        "ALTER TABLE audit_logs ADD COLUMN mood TEXT",
    )
    code, out = doctor(capsys, database)
    assert code == 0
    told = " ".join(out.split())
    assert "table songs, column audit_logs.mood, view loud on loud" in told


def test_looking_leaves_no_trace(database, capsys):
    before = state(database)
    assert doctor(capsys, database)[0] == 0
    assert state(database) == before


async def bot(talk: Talk, url: str) -> None:
    """Writes until it is killed."""
    async with MonitoringSystem(configured(url)) as system:
        for seed in range(2, 1_000_000):
            await system.storage.write(history(20, seed=seed))
            if seed == 3:
                talk.send("writing")


def test_a_bot_may_be_writing_meanwhile(database, capsys):
    with Child(bot, database) as child:
        assert child.receive() == "writing"
        for _ in range(3):
            code, out = doctor(capsys, database)
            assert (code, out.splitlines()[-1]) == (0, SOUND)


def test_a_lock_that_a_bot_holds_is_no_hindrance(tmp_path, capsys):
    url = str(tmp_path / "bot.db")
    asyncio.run(write(url, history(20)))
    with write_lock(url):
        assert doctor(capsys, url)[0] == 0


def test_an_older_schema_is_told_and_left_as_it_is(tmp_path, capsys):
    path = make(tmp_path / "old.db", OLD_AUDIT_LOGS.format(more=""), OLD_BOT_STATS.format(columns="", constraints=""))
    before = state(str(path))
    code, out = doctor(capsys, path)
    assert code == 1
    assert "its schema has version 0, this botmon_cog uses 4" in out
    assert "python -m botmon_cog rebuild" in out
    assert state(str(path)) == before


def test_an_older_schema_on_a_server_as_well(postgres_url, capsys):
    execute(postgres_url, "CREATE TABLE audit_logs (id BIGINT PRIMARY KEY, action TEXT)")
    code, out = doctor(capsys, postgres_url)
    assert code == 1
    assert "its schema has version 0" in out
    assert fetch(postgres_url, "SELECT relname FROM pg_stat_user_tables") == [("audit_logs",)]


def test_an_empty_database_and_a_newer_one(tmp_path, postgres_url, capsys):
    code, out = doctor(capsys, postgres_url)
    assert (code, "it holds no tables of botmon" in out) == (1, True)
    url = str(tmp_path / "bot.db")
    asyncio.run(write(url, []))
    execute(url, "INSERT INTO schema_migrations (version, name) VALUES (9999, 'future')")
    code, out = doctor(capsys, url)
    assert (code, "schema version 9999" in out) == (1, True)


def damaged(path: Path) -> None:
    asyncio.run(write(str(path), history(300)))
    with closing(sqlite3.connect(path)) as db:
        ((page,),) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'audit_logs_time'").fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)


def test_a_damaged_file_is_told_and_left_where_it_is(tmp_path, capsys):
    path = tmp_path / "bot.db"
    damaged(path)
    before = state(str(path))
    code, out = doctor(capsys, path)
    assert code == 1
    assert "the file can't be checked: database disk image is malformed" in out
    assert state(str(path)) == before


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda path: None, "there is no database"),
        (lambda path: path.write_text("no database, but long enough to look like one " * 9), "not a database"),
    ],
)
def test_what_can_not_be_read_gets_one_sentence(prepare: Callable[[Path], object], says, tmp_path, capsys):
    path = tmp_path / "bot.db"
    prepare(path)
    before = sorted(tmp_path.iterdir())
    assert main(["doctor", "--database", str(path)]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert says in captured.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_server_that_is_away_gets_one_sentence_without_its_password(capsys):
    assert main(["doctor", "--database", "postgresql://user:hush@127.0.0.1:9/db"]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "hush" not in captured.err


def test_what_waits_in_the_spool_is_told(tmp_path, capsys):
    url = str(tmp_path / "bot.db")
    asyncio.run(write(url, history(5)))
    folder = tmp_path / "bot.db.spool"
    folder.mkdir()
    (folder / "main-1.jsonl").write_text("{}\n")
    code, out = doctor(capsys, url)
    assert code == 0
    assert "1 file, 3 B" in out


def test_the_configured_database_is_the_default(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asyncio.run(write("mine.db", history(5)))
    monkeypatch.setenv("BOTMON_STORAGE_URL", "mine.db")
    assert main(["doctor"]) == 0
    assert "mine.db" in capsys.readouterr().out


def test_large_files_are_checked_quickly_unless_asked_otherwise(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(examining, "QUICK_BEYOND_BYTES", 0)
    url = str(tmp_path / "bot.db")
    asyncio.run(write(url, history(5)))
    assert "quick_check: ok" in doctor(capsys, url)[1]
    assert "integrity_check: ok" in doctor(capsys, url, "--thorough")[1]
