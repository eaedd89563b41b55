"""What a host wrote into its audit_logs counts, once, however it came there."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import timedelta

import pytest

from botmon_cog.errors import StorageError
from botmon_cog.store import retention
from botmon_cog.store.alerts import execute
from botmon_cog.store.records import milliseconds
from botmon_cog.testing import ManualClock
from tests.engines import Engine, Storage
from tests.host_helpers import AFTER, BEFORE, PLAIN, HostDb, commands_in, history, kept, told
from tests.storage_helpers import EVER, NOON


@pytest.fixture
def host(tmp_path) -> HostDb:
    return HostDb(tmp_path / "host.db", PLAIN)


@pytest.mark.parametrize("tables", [BEFORE, AFTER, PLAIN])
async def test_old_rows_are_in_history_and_reports(storage, tmp_path, tables):
    host = HostDb(tmp_path / "host.db", tables)
    for n in range(9):
        host.log(f"command{n}", f"2026-01-04 12:00:0{n}")
    before = host.logs("id, guild_id, user_id, command, details, executed_at")
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        assert keeper.problems == ()
    assert [entry.command for entry in await history(storage)] == [f"command{n}" for n in range(9)]
    assert sum(counts.n for counts in await storage.command_counts("1", EVER)) == 9
    assert host.logs("id, guild_id, user_id, command, details, executed_at") == before


async def test_old_rows_are_read_in_chunks_and_rolled_up_on_the_way(storage, host, caplog):
    caplog.set_level(logging.INFO)
    host.fill(21_234, guilds=3)
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        assert await storage.rollups.rows_behind() == 1_234
    await storage.rollups.catch_up()
    counts = {guild: sum(c.n for c in await storage.command_counts(guild, EVER)) for guild in (None, "1", "2", "3")}
    assert counts == {None: 21_234, "1": 7_078, "2": 7_078, "3": 7_078}
    assert [record.getMessage() for record in caplog.records if "reading" in record.getMessage()] == [
        f"{host.path}: reading up to 21,234 old rows of audit_logs"
    ]
    assert await storage.rows("SELECT MIN(seq), MAX(seq), COUNT(*) FROM @invocations") == [(1, 21_234, 21_234)]


async def test_what_the_host_goes_on_writing_is_read_once(storage, host):
    async with kept(storage, host.path) as keeper:
        for n in range(4):
            host.log(f"command{n}", f"2026-01-05 11:00:0{n}")
            await keeper.sync()
            await keeper.sync()
            await keeper.host_sync.settled()
    assert await commands_in(storage) == ["command0", "command1", "command2", "command3"]


async def test_the_next_process_goes_on_where_this_one_ended(engine, storage, host):
    host.fill(700)
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
    host.log("new")
    async with engine.storage() as later, kept(later, host.path) as keeper:
        await keeper.sync()
    commands = await commands_in(storage)
    assert len(commands) == 701
    assert commands[-1] == "new"
    assert await storage.rows("SELECT COUNT(*) FROM @host_sources") == [(1,)]


async def test_two_processes_that_read_one_file_take_each_row_once(engine, storage, host):
    host.fill(1_300)
    other = Storage(engine.beside(storage))
    async with kept(storage, host.path) as first, kept(other, host.path) as second:
        for n in range(6):
            await first.sync()
            host.log(f"new{n}")
            await second.sync()
        for keeper in (first, second, first):
            await keeper.sync()
    commands = await commands_in(storage)
    assert len(commands) == 1_306
    assert sorted(commands[-6:]) == [f"new{n}" for n in range(6)]
    await other.close()


async def test_rows_that_the_host_deletes_cost_nothing(storage, host):
    host.fill(10)
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.run("DELETE FROM audit_logs WHERE id < 6", "VACUUM")
        host.log("new")
        await keeper.sync()
        host.run("DELETE FROM audit_logs")
        host.log("newer", "2026-01-05 12:00:01")
        await keeper.sync()
        assert keeper.problems == ()
    assert len(await commands_in(storage)) == 12


async def test_a_table_that_begins_anew_is_read_on(storage, host):
    host.fill(10)
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.run("DELETE FROM audit_logs", "DELETE FROM sqlite_sequence", "VACUUM")
        for n in range(3):
            host.log(f"new{n}", f"2026-01-05 11:00:0{n}")
        await keeper.sync()
        host.log("newer", "2026-01-05 11:30:00")
        await keeper.sync()
    commands = await commands_in(storage)
    assert len(commands) == 14
    assert commands[-4:] == ["new0", "new1", "new2", "newer"]


async def test_a_table_that_began_anew_and_grew_beyond_is_noticed(storage, host):
    host.fill(10)
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.run("DELETE FROM audit_logs", "DELETE FROM sqlite_sequence")
        for n in range(15):
            host.log(f"new{n}", f"2026-01-05 11:00:{n:02}")
        await keeper.sync()
    commands = await commands_in(storage)
    assert len(commands) == 25
    assert commands[-15:] == [f"new{n}" for n in range(15)]


async def test_a_backup_that_is_restored_adds_nothing_twice(storage, host, caplog):
    """Neither rows that were read, nor rows of ours that stand in it."""
    host.fill(1_100)
    host.log("twice", "2026-01-05 10:00:00")
    host.log("twice", "2026-01-05 10:00:00")
    async with kept(storage, host.path) as keeper:
        await storage.append([told("ours", duration_s=0.5)])
        await keeper.sync()
        backup = host.path.read_bytes()
        assert b"ours" in backup
        host.log("lost", "2026-01-05 12:00:00")
        await keeper.sync()
        host.path.write_bytes(backup)
        host.log("after", "2026-01-05 12:30:00")
        await keeper.sync()
        host.log("later", "2026-01-05 12:45:00")
        await keeper.sync()
        assert any("is not the table that was read before" in record.getMessage() for record in caplog.records)
    commands = await commands_in(storage)
    assert len(commands) == 1_100 + 2 + 4
    assert sorted(commands[-6:]) == ["after", "later", "lost", "ours", "twice", "twice"]
    assert host.logs()[-4:] == ["twice", "ours", "after", "later"]


async def test_a_backup_does_not_bring_back_what_was_removed_for_its_age(storage, host):
    host.fill(100)
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        await storage.rollups.catch_up()
        await storage.engine.write(retention.raise_raw_since(milliseconds(NOON)))
        await storage.engine.write(execute("DELETE FROM @invocations WHERE started_ms < :end", {"end": 1 << 50}))
        host.run("DELETE FROM sqlite_sequence", "DELETE FROM audit_logs WHERE id > 90")
        host.log("new", "2026-01-05 12:00:00")
        await keeper.sync()
    assert await commands_in(storage) == ["new"]


async def test_a_table_that_begins_anew_may_hold_the_same_again_and_again(storage, host):
    host.fill(1_300)
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.run("DELETE FROM audit_logs", "DELETE FROM sqlite_sequence")
        with closing(host.connect()) as db:
            db.execute("BEGIN")
            for _ in range(1_200):
                db.execute(
                    "INSERT INTO audit_logs (guild_id, user_id, command, executed_at) "
                    "VALUES ('1', '10', 'same', '2026-01-05 11:00:00')"
                )
            db.execute("COMMIT")
        await keeper.sync()
    assert (await commands_in(storage)).count("same") == 1_200


async def test_a_file_that_is_replaced_while_it_is_open_is_read(storage, host, tmp_path, caplog):
    host.log("first", "2026-01-05 10:00:00")
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        HostDb(tmp_path / "new.db", PLAIN).log("second", "2026-01-05 10:00:00")
        (tmp_path / "new.db").replace(host.path)
        await keeper.sync()
        await keeper.sync()
        await storage.append([told("third")])
        await keeper.sync()
    assert await commands_in(storage) == ["first", "second", "third"]
    assert host.logs() == ["second", "third"]
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert ["is not the table that was read before" in message for message in said] == [True]


async def test_a_file_that_was_deleted_is_not_made_again(storage, host):
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.path.unlink()
        await keeper.sync()
        await keeper.sync()
        assert not host.path.exists()
        assert ["is not there" in problem for problem in keeper.problems] == [True]
        assert await keeper.host_sync.servers() is None
        HostDb(host.path, PLAIN).log()
        await keeper.sync()
        assert keeper.problems == ()
    assert await commands_in(storage) == ["play"]


async def test_a_transaction_that_a_killed_bot_left_is_taken_back(storage, tmp_path):
    """As whoever opens the file does it."""
    whole = HostDb(tmp_path / "whole.db", PLAIN)
    whole.fill(2_000)
    host = HostDb(tmp_path / "host.db")
    with closing(whole.connect()) as db:
        db.execute("PRAGMA cache_size = 5")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE audit_logs SET command = 'never committed'")
        for suffix in ("", "-journal"):
            (tmp_path / f"host.db{suffix}").write_bytes((tmp_path / f"whole.db{suffix}").read_bytes())
        db.execute("ROLLBACK")
    assert b"never committed" in host.path.read_bytes()
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        assert keeper.problems == ()
    commands = await commands_in(storage)
    assert len(commands) == 2_000
    assert "never committed" not in commands


async def test_store_and_file_may_be_moved_together(tmp_path):
    (tmp_path / "old").mkdir()
    host = HostDb(tmp_path / "old" / "bot.db", PLAIN)
    host.fill(20)
    async with (
        Engine.of(str(tmp_path / "old" / "bot.botmon.db")).storage() as storage,
        kept(storage, host.path) as keeper,
    ):
        await keeper.sync()
    (tmp_path / "old").rename(tmp_path / "new")
    host = HostDb(tmp_path / "new" / "bot.db")
    host.log("new")
    async with (
        Engine.of(str(tmp_path / "new" / "bot.botmon.db")).storage() as storage,
        kept(storage, host.path) as keeper,
    ):
        await keeper.sync()
        assert len(await commands_in(storage)) == 21


async def test_a_file_that_was_moved_is_known_by_its_rows(storage, host, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    host.fill(20)
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
    moved = HostDb(host.path.rename(tmp_path / "moved.db"))
    moved.log("new")
    async with kept(storage, moved.path) as keeper:
        await keeper.sync()
    assert len(await commands_in(storage)) == 21
    assert any("is the file that was" in record.getMessage() for record in caplog.records)


async def test_the_copy_of_a_file_is_another_one_whose_rows_are_known(storage, host, tmp_path):
    host.fill(20)
    async with kept(storage, host.path) as first:
        await first.sync()
        copy = HostDb(tmp_path / "copy.db")
        copy.path.write_bytes(host.path.read_bytes())
        copy.log("theirs")
        host.log("ours")
        async with kept(storage, copy.path) as second:
            await second.sync()
        await first.sync()
    assert len(await commands_in(storage)) == 22
    assert await storage.rows("SELECT COUNT(*) FROM @host_sources") == [(2,)]


async def test_nothing_is_read_while_the_store_is_away(storage, host, monkeypatch):
    host.log("first")
    async with kept(storage, host.path) as keeper:
        write = storage.engine.write

        async def away(_: object) -> None:
            raise StorageError("it is away")

        monkeypatch.setattr(storage.engine, "write", away)
        await keeper.sync()
        assert keeper.problems == ()
        monkeypatch.setattr(storage.engine, "write", write)
        await keeper.sync()
    assert await commands_in(storage) == ["first"]


async def test_servers_are_counted_where_there_is_such_a_table(storage, tmp_path, host):
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        assert await keeper.host_sync.servers() == 1
        host.run("DROP TABLE servers")
        assert await keeper.host_sync.servers() is None
    async with kept(storage, tmp_path / "none.db", mirrors=False) as keeper:
        assert await keeper.host_sync.servers() is None


async def test_nothing_changes_for_the_host_that_is_only_read(storage, tmp_path):
    host = HostDb(tmp_path / "host.db", ["PRAGMA user_version = 3", *BEFORE])
    host.fill(600)
    before = host.digest(), host.settings()
    async with kept(storage, host.path, mirrors=False) as keeper:
        await keeper.sync()
        assert len(await commands_in(storage)) == 600
    assert (host.digest(), host.settings()) == before


async def test_time_passes_between_what_is_old_and_what_is_new(engine, storage, host):
    """A row of local time may lie a day ahead, but no more."""
    clock = ManualClock(NOON)
    host.log("ahead", str(NOON + timedelta(hours=14))[:19])
    host.log("beyond", str(NOON + timedelta(days=3))[:19])
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        assert len(keeper.problems) == 1
    assert await commands_in(storage) == ["ahead"]
