"""A host's own aiosqlite connection: its file is used beside it, its memory through it."""

from __future__ import annotations

import asyncio

import aiosqlite
import pytest

from botmon_cog.errors import StorageError
from botmon_cog.storage.base import HistoryFilter
from botmon_cog.storage.sqlite import SqliteStorage
from tests.storage_helpers import count_of, invocation, storage_at, threads


async def test_a_hosts_file_is_written_beside_its_own_transaction(tmp_path):
    path = tmp_path / "host.db"
    async with aiosqlite.connect(path) as host:
        await host.execute("PRAGMA journal_mode = WAL")
        await host.execute("CREATE TABLE mine (x)")
        await host.commit()
        storage = storage_at(host, busy_timeout_s=0.01)
        await storage.write([invocation()])
        assert storage.description == str(path)

        await host.execute("INSERT INTO mine VALUES (1)")
        with pytest.raises(StorageError, match="locked"):
            await storage.write([invocation()])
        assert await count_of(storage) == 1
        assert host.in_transaction
        await host.rollback()

        await storage.write([invocation()])
        async with host.execute("SELECT COUNT(*) FROM audit_logs") as cursor:
            assert await cursor.fetchone() == (2,)
        await storage.close()
        async with host.execute("SELECT * FROM mine") as cursor:
            assert await cursor.fetchall() == []


async def test_a_hosts_memory_is_used_through_its_connection(tmp_path):
    async with aiosqlite.connect(":memory:") as host:
        storage = storage_at(host)
        await asyncio.gather(*(storage.write([invocation()]) for _ in range(5)))
        assert not threads()
        assert await count_of(storage) == 5
        assert await storage.ping() > 0
        assert storage.description == "the host's connection"
        await storage.close()
        await storage.close()
        async with host.execute("SELECT COUNT(*) FROM audit_logs") as cursor:
            assert await cursor.fetchone() == (5,)


async def test_a_transaction_of_the_host_in_memory_is_not_disturbed():
    async with aiosqlite.connect(":memory:") as host:
        storage = storage_at(host)
        await storage.open()
        await host.execute("CREATE TABLE mine (x)")
        await host.execute("INSERT INTO mine VALUES (1)")
        for attempt in (storage.ping(), storage.write([invocation()]), storage.history(HistoryFilter())):
            with pytest.raises(StorageError, match="in the middle of a transaction"):
                await attempt
        assert host.in_transaction
        await host.rollback()
        async with host.execute("SELECT * FROM mine") as cursor:
            assert await cursor.fetchall() == []
        await storage.write([invocation()])
        assert await count_of(storage) == 1


@pytest.mark.parametrize("where", ["file", ":memory:"])
async def test_a_hosts_own_settings_do_not_disturb_us_and_are_put_back(tmp_path, where):
    def as_dictionary(cursor, row):
        return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}

    path = where if where == ":memory:" else str(tmp_path / "host.db")
    async with aiosqlite.connect(path) as host:
        host.row_factory = as_dictionary
        host.text_factory = bytes
        host.isolation_level = "EXCLUSIVE"
        await host.execute("PRAGMA foreign_keys = ON")
        storage = storage_at(host)
        await storage.write([invocation(guild_name="Home")])
        assert await storage.guild_name("1") == "Home"
        assert storage.description == ("the host's connection" if where == ":memory:" else path)
        with pytest.raises(StorageError):
            await storage._write(lambda db: db.execute("SELECT * FROM no_such_table"))
        await storage.close()
        assert (host.row_factory, host.text_factory, host.isolation_level) == (as_dictionary, bytes, "EXCLUSIVE")
        async with host.execute("PRAGMA foreign_keys") as cursor:
            assert await cursor.fetchone() == {"foreign_keys": 1}


async def test_a_hosts_connection_that_is_closed_or_was_never_opened_is_a_storage_error():
    host = aiosqlite.connect(":memory:")
    storage = storage_at(host)
    with pytest.raises(StorageError, match="is not open"):
        await storage.open()
    async with host:
        await storage.open()
    with pytest.raises(StorageError, match="is not open"):
        await storage.ping()
    await storage.close()


async def test_an_unknown_aiosqlite_is_a_storage_error():
    class Changed:
        """A connection of a future aiosqlite."""

    storage = SqliteStorage(Changed(), instance="test")  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(StorageError, match="pass a file's path instead"):
        await storage.open()
