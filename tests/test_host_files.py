"""What becomes of a host's file, by what is found in it: nothing, but where it is the original's."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from botmon_cog.host import has_original_tables
from tests.child import Child, Talk
from tests.host_helpers import (
    AFTER,
    AUDIT_LOGS,
    BEFORE,
    PLAIN,
    SERVERS,
    HostDb,
    commands_in,
    kept,
    told,
)
from tests.storage_helpers import music
from tests.test_host_shape import COMPLETE, OTHER_LOGS, OTHER_STATS, shapes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the host's file is, and the store is not."""
    found = tmp_path / "host"
    found.mkdir()
    return found


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("why", ["has a CHECK", "is a view", "has a column reason", "is a table WITHOUT ROWID"])
async def test_other_shapes_stay_byte_for_byte_and_are_said_once(storage, folder, caplog, why, mode):
    host = HostDb(folder / "bot.db", [f"PRAGMA journal_mode = {mode}", "PRAGMA user_version = 7", *OTHER_LOGS[why]])
    host.run(*OTHER_STATS["has a column wins"])
    before = host.digest(), sorted(file.name for file in folder.iterdir())
    async with kept(storage, host.path) as keeper:
        await storage.append([told(), music()])
        for _ in range(3):
            await keeper.sync()
            await keeper.clock.advance(60)
        assert len(keeper.problems) == 2
        assert all(str(host.path) in problem and "botmon's own database" in problem for problem in keeper.problems)
        assert why in keeper.problems[0]
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 2
    assert (host.digest(), sorted(file.name for file in folder.iterdir())) == before
    assert await commands_in(storage) == ["play"]


async def test_tables_are_judged_apart(storage, folder):
    host = HostDb(folder / "bot.db", [*OTHER_LOGS["has a CHECK"], *[s for s in PLAIN if "bot_stats" in s]])
    before = host.logs("*")
    async with kept(storage, host.path) as keeper:
        await storage.append([told(), music(duration_s=60.0)])
        await keeper.sync()
        assert len(keeper.problems) == 1
    assert host.logs("*") == before
    assert host.stats() == (1, 60, 0, 0, 0, 0)


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 500])
async def test_a_file_that_is_no_database_is_left_alone(storage, folder, content):
    path = folder / "bot.db"
    path.write_bytes(content)
    async with kept(storage, path) as keeper:
        await storage.append([told()])
        await keeper.sync()
        assert len(keeper.problems) in {1, 2}
        assert await keeper.host_sync.servers() is None
    assert path.read_bytes() == content


async def test_a_file_without_the_tables_gets_none(storage, folder):
    host = HostDb(folder / "bot.db", [SERVERS])
    before = host.digest()
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        assert ["no table audit_logs" in problem for problem in keeper.problems] == [True, False]
        assert await keeper.host_sync.servers() == 0
    assert host.digest() == before


async def test_tables_that_the_host_makes_later_are_found(storage, folder):
    host = HostDb(folder / "bot.db", [SERVERS])
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        assert len(keeper.problems) == 2
        host.run(*PLAIN[1:])
        host.log()
        await keeper.sync()
        assert keeper.problems == ()
        assert await commands_in(storage) == ["play"]


# -- missing columns ---------------------------------------------------------------------------------------------------


async def test_missing_columns_are_added_as_the_old_module_did_and_said_before(storage, folder, caplog):
    caplog.set_level(logging.INFO)
    host = HostDb(folder / "bot.db", BEFORE)
    as_it_did = HostDb(folder / "module.db", AFTER)
    host.log("old")
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
    assert host.schema() == as_it_did.schema()
    assert host.logs("command, success") == [("old", 1)]
    said = [record.getMessage() for record in caplog.records if "adding" in record.getMessage()]
    assert said == [
        f"{host.path}: adding {added}, as the module that botmon replaces did"
        for added in (
            "username, guild_name, parameters, duration, success, error_message to audit_logs",
            "total_pauses, unique_users, commands_executed to bot_stats",
        )
    ]


async def test_nothing_is_added_or_written_where_the_mirror_is_off(storage, folder):
    host = HostDb(folder / "bot.db", BEFORE)
    host.log("old")
    host.run("INSERT INTO bot_stats (guild_id, songs_played, date) VALUES ('1', 3, '2026-01-04')")
    before = host.digest()
    async with kept(storage, host.path, mirrors=False) as keeper:
        await storage.append([told(), music()])
        await keeper.sync()
        assert keeper.problems == ()
        assert sorted(await commands_in(storage)) == ["old", "play"]
    assert host.digest() == before


async def test_a_file_that_is_not_there_is_made_only_for_a_mirror(storage, folder):
    path = folder / "data" / "bot.db"
    async with kept(storage, path, mirrors=False) as keeper:
        await keeper.sync()
        assert ["is not there" in problem for problem in keeper.problems] == [True]
        assert keeper.host_sync.size_bytes is None
    assert not path.exists()
    async with kept(storage, path) as keeper:
        await keeper.sync()
        assert keeper.problems == ()
        assert keeper.host_sync.size_bytes == path.stat().st_size
    host = HostDb(path)
    assert shapes(*(sql for _, _, _, sql in host.schema() if sql and "sqlite_" not in sql)) == (COMPLETE, COMPLETE)
    assert host.settings()[:3] == ["delete", 0, 0]
    assert [file.name for file in path.parent.iterdir()] == ["bot.db"]


async def test_what_a_host_does_at_its_start_works_on_a_file_that_was_made(storage, folder):
    host = HostDb(folder / "bot.db")
    host.path.unlink()
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        for statement in AFTER[:-1]:
            if not statement.startswith("ALTER"):
                host.run(
                    statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS").replace(
                        "INDEX", "INDEX IF NOT EXISTS"
                    )
                )
        host.run(
            "INSERT INTO audit_logs (guild_id, user_id, command, details) VALUES ('5', '6', 'play', 'x')",
            "INSERT INTO bot_stats (guild_id, songs_played) VALUES ('5', 1) "
            "ON CONFLICT(guild_id, date) DO UPDATE SET songs_played = songs_played + 1",
            "INSERT INTO bot_stats (guild_id, songs_played) VALUES ('5', 1) "
            "ON CONFLICT(guild_id, date) DO UPDATE SET songs_played = songs_played + 1",
            "DELETE FROM audit_logs WHERE executed_at < '2020-01-01'",
        )
        assert host.run("SELECT songs_played FROM bot_stats") == [(2,)]
        await keeper.clock.advance(400 * 86_400)
        await keeper.sync()
        assert keeper.problems == ()


async def test_a_host_that_makes_the_file_at_the_same_time_keeps_its_own(storage, folder, monkeypatch):
    path = folder / "bot.db"

    def link(new: str, _: str) -> None:
        HostDb(path, PLAIN).log("theirs")
        raise FileExistsError(new)

    await storage.open()
    monkeypatch.setattr("os.link", link)
    async with kept(storage, path) as keeper:
        await keeper.sync()
        assert await commands_in(storage) == ["theirs"]
    assert [file.name for file in folder.iterdir() if file.name.startswith(".")] == []


async def test_a_file_is_made_where_there_are_no_links(storage, folder, monkeypatch):
    def link(*_: str) -> None:
        raise PermissionError("no links")

    await storage.open()
    monkeypatch.setattr("os.link", link)
    async with kept(storage, folder / "bot.db") as keeper:
        await storage.append([told()])
        await keeper.sync()
        assert keeper.problems == ()
    assert HostDb(folder / "bot.db").logs() == ["play"]


async def test_a_journal_that_was_left_keeps_a_file_from_being_made(storage, folder):
    (folder / "bot.db-journal").write_bytes(b"left")
    async with kept(storage, folder / "bot.db") as keeper:
        await keeper.sync()
        assert ["bot.db-journal is left" in problem for problem in keeper.problems] == [True]
    assert not (folder / "bot.db").exists()


# -- the extension's hint ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_original_tables_are_seen_without_a_trace(folder, mode):
    host = HostDb(folder / "bot.db", [f"PRAGMA journal_mode = {mode}", *BEFORE])
    before = host.digest(), sorted(file.name for file in folder.iterdir())
    assert has_original_tables(host.path)
    assert (host.digest(), sorted(file.name for file in folder.iterdir())) == before


async def try_to_write(talk: Talk, path: str) -> None:
    with closing(sqlite3.connect(path, timeout=0)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            talk.send(str(error))
        else:
            talk.send("it can be written to")


@pytest.mark.parametrize("mode", ["delete", "wal"])
async def test_locks_of_the_host_in_this_process_stay(storage, folder, mode):
    """A file that is opened beside SQLite, and closed, loses them; other processes notice."""
    host = HostDb(folder / "bot.db", [f"PRAGMA journal_mode = {mode}", *OTHER_LOGS["has a CHECK"]])
    with closing(host.connect()) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("CREATE TABLE mine (x)")
        assert not has_original_tables(host.path)
        async with kept(storage, host.path) as keeper:
            await keeper.sync()
            assert await keeper.host_sync.servers() is None
            assert len(keeper.problems) == 2
        with Child(try_to_write, host.path) as other:
            assert await other.answer() == "database is locked"


def test_nothing_else_is_taken_for_original_tables(folder):
    assert not has_original_tables(folder / "missing.db")
    assert not has_original_tables(folder)
    assert not has_original_tables(HostDb(folder / "one.db", [SERVERS, AUDIT_LOGS]).path)
    (folder / "text.db").write_text("no database")
    assert not has_original_tables(folder / "text.db")
    assert sorted(file.name for file in folder.iterdir()) == ["one.db", "text.db"]
