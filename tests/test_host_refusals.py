"""Rows that the host's tables don't take are left out and counted; the store has them all the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from botmon_cog.testing import ManualClock
from tests.host_helpers import (
    AFTER,
    AUDIT_LOGS,
    BEFORE,
    BOT_STATS,
    PLAIN,
    SERVERS,
    HostDb,
    Keeper,
    commands_in,
    kept,
    told,
)
from tests.storage_helpers import NOON, counted_command, music


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


async def mirrored(keeper: Keeper, host: HostDb) -> list[str]:
    """What stands in the table once there was time enough to try it again and again."""
    for _ in range(3):
        await keeper.sync()
        await keeper.clock.advance(60)
    return host.logs()


def refused(host: HostDb, n: int, why: str) -> str:
    words = ("row was", "it") if n == 1 else ("rows were", "them")
    return f"{host.path}: {n} {words[0]} refused by its tables ({why}); botmon's own database has {words[1]}"


async def test_a_guild_that_servers_does_not_have_is_left_out(storage, tmp_path, clock, caplog):
    host = HostDb(tmp_path / "host.db", AFTER)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told("a"), told("b", guild_id="2"), told("c"), music(guild_id="2"), music()])
        assert await mirrored(keeper, host) == ["a", "c"]
        assert keeper.problems == (refused(host, 2, "FOREIGN KEY constraint failed"),)
        await storage.append([told("d", guild_id="2")])
        assert await mirrored(keeper, host) == ["a", "c"]
        assert keeper.problems == (refused(host, 3, "FOREIGN KEY constraint failed"),)
        host.run("INSERT INTO servers (guild_id, guild_name) VALUES ('2', 'Two')")
        await storage.append([told("e", guild_id="2")])
        assert await mirrored(keeper, host) == ["a", "c", "e"]
    assert host.stats("2") is None
    assert host.stats() == (1, 0, 0, 0, 0, 0)
    assert host.run("SELECT guild_id FROM servers ORDER BY 1") == [("1",), ("2",)]
    assert await commands_in(storage) == ["a", "b", "c", "d", "e"]
    assert len([record for record in caplog.records if "refused" in record.getMessage()]) == 1


async def test_rows_of_a_guild_that_leaves_go_with_it(storage, tmp_path, clock):
    host = HostDb(tmp_path / "host.db", AFTER)
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([told("a"), music()])
        await keeper.sync()
        host.run("DELETE FROM servers")
        assert host.logs() == []
        assert await mirrored(keeper, host) == []
        host.run("INSERT INTO servers (guild_id, guild_name) VALUES ('1', 'One')")
        await storage.append([told("b"), music(duration_s=10.0)])
        assert await mirrored(keeper, host) == ["b"]
    assert host.stats() == (1, 10, 0, 0, 0, 0)


async def test_a_table_servers_that_is_missing_refuses_all(storage, tmp_path, clock):
    host = HostDb(tmp_path / "host.db", [s for s in AFTER if s != SERVERS and not s.startswith("INSERT")])
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([told("a"), music()])
        assert await mirrored(keeper, host) == []
        (problem,) = keeper.problems
        assert "2 rows were refused by its tables (no such table: main.servers)" in problem
    assert await commands_in(storage) == ["a"]


TRIGGERS = {
    "ABORT": ("BEFORE", "RAISE(ABORT, 'not here')", "not here"),
    "ABORT after": ("AFTER", "RAISE(ABORT, 'not here')", "not here"),
    "FAIL": ("AFTER", "RAISE(FAIL, 'not here')", "not here"),
    "ROLLBACK": ("AFTER", "RAISE(ROLLBACK, 'not here')", "not here"),
    "IGNORE": ("BEFORE", "RAISE(IGNORE)", "a trigger ignores the row"),
}


@pytest.mark.parametrize("name", TRIGGERS)
async def test_a_trigger_that_refuses_a_row_costs_that_row(storage, tmp_path, clock, name):
    when, raising, why = TRIGGERS[name]
    host = HostDb(
        tmp_path / "host.db",
        [
            *PLAIN,
            f"CREATE TRIGGER t {when} INSERT ON audit_logs WHEN new.command LIKE 'bad%' BEGIN SELECT {raising}; END",
            f"CREATE TRIGGER u {when} INSERT ON bot_stats WHEN new.guild_id = '2' BEGIN SELECT {raising}; END",
        ],
    )
    schema = host.schema()
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        events = [told("a"), told("bad1"), told("b"), told("bad2"), music(guild_id="2"), music(guild_id="3")]
        await storage.append(events)
        assert await mirrored(keeper, host) == ["a", "b"]
        assert keeper.problems == (refused(host, 3, why),)
    assert (host.stats("2"), host.stats("3")) == (None, (1, 0, 0, 0, 0, 0))
    assert host.schema() == schema
    assert await commands_in(storage) == ["a", "bad1", "b", "bad2"]
    assert await storage.rows("SELECT guild_id FROM @host_ledger") == [(3,)]


async def test_a_trigger_that_breaks_refuses_its_rows(storage, tmp_path, clock):
    host = HostDb(
        tmp_path / "host.db",
        [*PLAIN, "CREATE TRIGGER t AFTER INSERT ON audit_logs BEGIN INSERT INTO missing VALUES (new.id); END"],
    )
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([told("a"), music()])
        assert await mirrored(keeper, host) == []
        assert keeper.problems == (refused(host, 1, "no such table: main.missing"),)
    assert host.stats() == (1, 0, 0, 0, 0, 0)


async def test_triggers_of_the_host_do_their_work(storage, tmp_path, clock):
    echo = (
        "INSERT INTO audit_logs (guild_id, user_id, command, executed_at) "
        "VALUES (new.guild_id, new.user_id, 'echo', new.executed_at)"
    )
    host = HostDb(
        tmp_path / "host.db",
        [
            *PLAIN,
            "CREATE TABLE seen (command TEXT)",
            "CREATE TRIGGER t AFTER INSERT ON audit_logs BEGIN INSERT INTO seen VALUES (new.command); END",
            f"CREATE TRIGGER u AFTER INSERT ON audit_logs WHEN new.command = 'a' BEGIN {echo}; END",
        ],
    )
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([told("a"), told("b")])
        assert await mirrored(keeper, host) == ["a", "echo", "b"]
        assert keeper.problems == ()
    assert host.run("SELECT command FROM seen ORDER BY 1") == [("a",), ("b",), ("echo",)]
    assert sorted(await commands_in(storage)) == ["a", "b", "echo"]


async def test_a_trigger_that_keeps_the_newest_rows_only_is_no_matter(storage, tmp_path, clock):
    host = HostDb(
        tmp_path / "host.db",
        [
            *PLAIN,
            "CREATE TRIGGER t AFTER INSERT ON audit_logs BEGIN DELETE FROM audit_logs WHERE id < new.id - 1; END",
        ],
    )
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([told(f"a{n}") for n in range(5)])
        assert await mirrored(keeper, host) == ["a3", "a4"]
        host.log("theirs", "2026-01-05 11:00:00")
        await keeper.sync()
        await storage.append([counted_command()])
        assert await mirrored(keeper, host) == ["a4", "theirs"]
    assert await commands_in(storage) == ["theirs", *(f"a{n}" for n in range(5))]


@pytest.mark.parametrize("table", ["audit_logs", "bot_stats"])
async def test_only_the_table_that_refuses_goes_without(storage, tmp_path, clock, table):
    made = [SERVERS, *PLAIN[1:]]
    made[1 if table == "audit_logs" else 2] = AUDIT_LOGS if table == "audit_logs" else BOT_STATS
    host = HostDb(tmp_path / "host.db", [*made, "DELETE FROM servers"])
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([told("a"), music()])
        found = await mirrored(keeper, host)
    assert (found, host.stats()) == (([], (1, 0, 0, 0, 0, 0)) if table == "audit_logs" else (["a"], None))


async def test_text_that_stands_for_a_count_does_not_end_the_mirror(storage, tmp_path, clock):
    host = HostDb(tmp_path / "host.db", PLAIN)
    host.run(
        "INSERT INTO bot_stats (guild_id, date, songs_played, total_skips) VALUES ('1', '2026-01-05', 'many', NULL)"
    )
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([counted_command()])
        await keeper.sync()
        assert keeper.problems == ()
    assert host.run("SELECT songs_played, total_skips, commands_executed FROM bot_stats") == [("many", None, 1)]


@pytest.mark.parametrize("tables", [BEFORE, PLAIN])
async def test_a_file_without_rights_is_read_and_not_written(storage, tmp_path, clock, monkeypatch, tables):
    host = HostDb(tmp_path / "host.db", tables)
    host.log("theirs", "2026-01-05 11:00:00")
    connect = sqlite3.connect

    def without_rights(path: str, *args: object, **options: object) -> sqlite3.Connection:
        return connect(path.replace("mode=rw", "mode=ro") if isinstance(path, str) else path, *args, **options)

    async with kept(storage, host.path, clock) as keeper:
        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", without_rights)
            await storage.append([told("a")])
            await keeper.sync()
            await keeper.sync()
            assert ["can't be written to" in problem for problem in keeper.problems] == [True]
            assert await commands_in(storage) == ["theirs", "a"]
            assert host.logs() == ["theirs"]
        await keeper.host_sync._database.close()  # the rights are given, and the bot has started anew
        await keeper.sync()
        assert keeper.problems == ()
        assert host.logs() == ["theirs", "a"]


async def test_a_full_disk_costs_nothing_but_time(storage, tmp_path, clock):
    host = HostDb(tmp_path / "host.db", PLAIN)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        pages = host.run("PRAGMA page_count")[0][0]
        await keeper.host_sync._database._file.read(
            lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        )
        await storage.append([told(f"a{n}", parameters="x" * 2_000) for n in range(50)])
        await keeper.sync()
        assert ["the disk is full" in problem for problem in keeper.problems] == [True]
        assert host.logs() == []
        with closing(host.connect()):
            await keeper.sync()  # over a new connection, which has no such limit
            await keeper.sync()
        assert keeper.problems == ()
    assert host.logs() == [f"a{n}" for n in range(50)]
