"""Opening, failing to open, sharing and closing SQLite files."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from botmon_cog.errors import StorageError
from botmon_cog.storage.base import HistoryFilter
from botmon_cog.storage.sqlite import connection
from tests.storage_helpers import EVER, count_of, invocation, rows, storage_at, threads

UNWRITABLE = Path("/sys/kernel")


def traces() -> tuple[int, list[threading.Thread], set[asyncio.Task]]:
    """Descriptors, threads and tasks."""
    return len(os.listdir("/proc/self/fd")), threads(), asyncio.all_tasks()  # noqa: PTH208 (names, not paths)


async def test_folders_that_are_missing_are_made_and_the_file_is_in_wal_mode(tmp_path):
    path = tmp_path / "a" / "b" / "botmon.db"
    storage = storage_at(path)
    await storage.open()
    await storage.close()
    assert storage.description == str(path)
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert rows(path, "PRAGMA auto_vacuum") == [(2,)]
    assert [p.name for p in path.parent.iterdir()] == ["botmon.db"]


async def test_a_verb_opens_the_database_by_itself(tmp_path):
    storage = storage_at(tmp_path / "lazy.db")
    assert await storage.history(HistoryFilter()) == []
    await storage.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors in /proc")
async def test_closing_leaves_no_thread_no_descriptor_and_no_task(tmp_path):
    before = traces()
    for n in range(5):
        storage = storage_at(tmp_path / f"{n % 2}.db")
        await storage.write([invocation()])
        assert await count_of(storage) > 0
        await storage.close()
        assert traces() == before


async def test_closing_puts_the_log_away_every_time(tmp_path):
    for _ in range(50):
        storage = storage_at(tmp_path / "tidy.db")
        await storage.write([invocation()])
        await storage.close()
        assert [p.name for p in tmp_path.iterdir()] == ["tidy.db"]


async def test_closing_twice_or_unopened_does_nothing(tmp_path):
    storage = storage_at(tmp_path / "twice.db")
    await storage.close()
    await storage.open()
    await asyncio.gather(storage.close(), storage.close())
    await storage.close()
    assert not threads()


async def test_a_closed_storage_opens_again_with_the_next_verb(tmp_path):
    storage = storage_at(tmp_path / "again.db")
    await storage.write([invocation()])
    await storage.close()
    assert await count_of(storage) == 1
    await storage.close()


async def test_closing_waits_for_what_was_asked_before(tmp_path):
    storage = storage_at(tmp_path / "busy.db")
    await storage.open()
    await asyncio.gather(storage.write([invocation() for _ in range(500)]), storage.close())
    assert rows(tmp_path / "busy.db", "SELECT COUNT(*) FROM audit_logs") == [(500,)]


async def test_a_close_that_is_cancelled_still_closes(tmp_path):
    storage = storage_at(tmp_path / "cancelled.db")
    await storage.open()
    may_end = threading.Event()
    working = asyncio.create_task(storage._write(lambda _: may_end.wait(10)))
    await asyncio.sleep(0)
    closing_ = asyncio.create_task(storage.close())
    await asyncio.sleep(0)
    closing_.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing_
    running = threads()
    assert running
    may_end.set()
    await working
    for thread in running:
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()


async def test_closing_while_opening_leaves_nothing_open_and_nothing_broken(tmp_path):
    storage = storage_at(tmp_path / "race.db")
    results = await asyncio.gather(storage.open(), storage.ping(), storage.close(), return_exceptions=True)
    assert all(result is None or isinstance(result, int | StorageError) for result in results)
    await storage.close()
    assert not threads()
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    await storage.close()


async def test_many_tasks_may_open_at_once(tmp_path):
    storage = storage_at(tmp_path / "many.db")
    await asyncio.gather(*(storage.write([invocation()]) for _ in range(20)))
    assert await count_of(storage) == 20
    assert len(threads()) == 2
    await storage.close()


def test_a_storage_can_be_used_on_one_event_loop_after_another(tmp_path):
    storage = storage_at(tmp_path / "loops.db")

    async def use() -> int:
        await asyncio.gather(*(storage.write([invocation()]) for _ in range(3)))
        return await count_of(storage)

    assert asyncio.run(use()) == 3
    assert asyncio.run(use()) == 6
    asyncio.run(storage.close())


async def test_a_ping_tells_the_size_and_writes_nothing(tmp_path):
    path = tmp_path / "ping.db"
    storage = storage_at(path)
    await storage.open()
    before = rows(path, "PRAGMA data_version"), path.stat().st_mtime_ns
    size_bytes = await storage.ping()
    assert (rows(path, "PRAGMA data_version"), path.stat().st_mtime_ns) == before
    await storage.close()
    assert size_bytes == path.stat().st_size


async def test_a_ping_of_a_database_that_somebody_else_is_writing_to_fails(tmp_path):
    path = tmp_path / "locked.db"
    storage = storage_at(path, busy_timeout_s=0.01)
    await storage.open()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            await storage.ping()
        with pytest.raises(StorageError, match="locked"):
            await storage.write([invocation()])
        assert await count_of(storage) == 0, "reading goes on"
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    await storage.close()


async def test_a_folder_at_the_path_is_an_error_with_its_path_and_opening_can_be_tried_again(tmp_path):
    path = tmp_path / "folder.db"
    path.mkdir()
    before = traces()
    storage = storage_at(path)
    for attempt in (storage.open, storage.ping, storage.open):
        with pytest.raises(StorageError, match=r"the database .*folder\.db: "):
            await attempt()
    await storage.close()
    assert traces() == before
    assert [p.name for p in tmp_path.iterdir()] == ["folder.db"]
    assert storage.trouble is None
    path.rmdir()
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    await storage.close()


async def test_a_file_in_the_place_of_a_folder_is_an_error_with_its_path(tmp_path):
    (tmp_path / "file").touch()
    storage = storage_at(tmp_path / "file" / "botmon.db")
    with pytest.raises(StorageError, match=r"can't open the database .*botmon\.db: "):
        await storage.open()
    (tmp_path / "file").unlink()
    await storage.open()
    await storage.close()


@pytest.mark.skipif(not UNWRITABLE.is_dir(), reason="needs a folder that not even root can write to")
async def test_a_folder_that_can_not_be_written_to_is_an_error_with_its_path():
    storage = storage_at(UNWRITABLE / "botmon.db")
    with pytest.raises(StorageError, match=r"can't open the database /sys/kernel/botmon\.db: "):
        await storage.open()
    await storage.close()


async def test_a_path_with_a_nul_is_a_storage_error():
    storage = storage_at("bot\0mon.db")
    with pytest.raises(StorageError, match="can't open"):
        await storage.open()
    await storage.close()


async def test_too_old_a_sqlite_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "OLDEST_SQLITE", (99, 1, 0))
    storage = storage_at(tmp_path / "old.db")
    with pytest.raises(StorageError, match=r"botmon_cog needs 99\.1\.0 or newer"):
        await storage.open()
    await storage.close()


async def test_a_file_that_is_in_use_is_used_without_wal_until_the_next_start(tmp_path):
    path = tmp_path / "used.db"
    with closing(sqlite3.connect(path)) as host:
        host.execute("CREATE TABLE t (x)")
        host.execute("BEGIN")
        assert host.execute("SELECT * FROM t").fetchall() == []
        storage = storage_at(path, busy_timeout_s=0.01)
        with pytest.raises(StorageError, match="locked"):  # the reader keeps even a commit away without WAL
            await storage.open()
        host.rollback()
        await storage.open()
        await storage.close()
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


async def test_two_storages_share_a_file(tmp_path):
    path = tmp_path / "shared.db"
    one, other = storage_at(path), storage_at(path)
    for n in range(10):
        await asyncio.gather(
            one.write([invocation(user_id=f"a{n}")]), other.write([invocation(user_id=f"b{n}"), invocation()])
        )
    assert await count_of(one) == await count_of(other) == 30
    assert await one.unique_users("1", EVER) == 21
    await one.close()
    await other.close()
