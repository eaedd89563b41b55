"""Opening, failing to open, sharing and closing SQLite files, and what that leans on in aiosqlite."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import sqlite3
import sys
import threading
import tomllib
import weakref
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue

import aiosqlite
import pytest
from aiosqlite import core

from botmon_cog.errors import StorageError
from botmon_cog.store.script import Query, Script
from botmon_cog.store.sqlite.connection import Connection
from botmon_cog.store.sqlite.engine import SqliteEngine
from tests.engines import Storage
from tests.sqlite_faults import names_in
from tests.storage_helpers import EVER, count_of, invocation, rows, threads

TIMEOUT_S = 20.0


def storage_at(path: Path | str, **options: object) -> Storage:
    return Storage(SqliteEngine(str(path), **options))  # pyright: ignore[reportArgumentType]


def traces() -> tuple[int, list[threading.Thread], set[asyncio.Task[object]]]:
    """Descriptors, threads and tasks."""
    return len(os.listdir("/proc/self/fd")), threads(), asyncio.all_tasks()  # noqa: PTH208 (names, not paths)


class Gate:
    """A script that holds a connection's thread until it may end."""

    def __init__(self) -> None:
        self.reached, self.may_end = threading.Event(), threading.Event()

    def script(self) -> Script[int]:
        self.reached.set()
        assert self.may_end.wait(TIMEOUT_S)
        return (yield Query("SELECT 1"))[0][0]

    async def wait(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, TIMEOUT_S)


# -- aiosqlite ---------------------------------------------------------------------------------------------------------


def test_private_names_of_aiosqlite_are_as_we_know_them() -> None:
    connection = aiosqlite.Connection(lambda: sqlite3.connect(":memory:"), iter_chunk_size=64)
    assert isinstance(connection._tx, SimpleQueue)
    assert isinstance(connection._thread, threading.Thread)
    assert not connection._thread.is_alive(), "it is begun later"
    assert list(inspect.signature(connection.stop).parameters) == []


def test_thread_of_aiosqlite_takes_work_without_a_future() -> None:
    done: list[int] = []
    connection = aiosqlite.Connection(lambda: sqlite3.connect(":memory:"), iter_chunk_size=64)

    def fail() -> None:
        raise ValueError

    for job in (lambda: done.append(1), fail, lambda: done.append(2), connection.stop):
        connection._tx.put((None, job))
    connection._thread.start()
    connection._thread.join(TIMEOUT_S)
    assert done == [1, 2]
    assert not connection._thread.is_alive()
    assert "future" in inspect.getsource(core._connection_worker_thread)


def test_lowest_aiosqlite_is_one_that_takes_work_without_a_future() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert "aiosqlite>=0.22.1" in project["dependencies"]  # 0.22.0 asks every future for its loop, and has no `stop`
    assert tuple(map(int, version("aiosqlite").split(".")[:3])) >= (0, 22, 1)


# -- opening and closing -----------------------------------------------------------------------------------------------


async def test_work_opens_the_database_by_itself(tmp_path: Path) -> None:
    storage = storage_at(tmp_path / "lazy.db")
    assert await count_of(storage) == 0
    await storage.close()


async def test_closing_leaves_descriptors_threads_and_tasks_as_they_were(tmp_path: Path) -> None:
    await use(tmp_path / "0.db")
    before = traces()
    for n in range(50):
        await use(tmp_path / f"{n % 2}.db")
        assert traces() == before
        assert len(names_in(tmp_path)) <= 2, "the log is put away every time"


async def use(path: Path) -> None:
    storage = storage_at(path)
    await storage.append([invocation()])
    assert await storage.rows("SELECT COUNT(*) > 0 FROM @invocations") == [(1,)]
    await storage.close()


async def test_opening_that_fails_leaves_nothing_either(tmp_path: Path) -> None:
    (tmp_path / "bot.db").mkdir()
    before = traces()
    engine = SqliteEngine(str(tmp_path / "bot.db"))
    for _ in range(20):
        with pytest.raises(StorageError):
            await engine.open()
        assert traces() == before
    await engine.close()


async def test_closing_twice_or_unopened_does_nothing(tmp_path: Path) -> None:
    storage = storage_at(tmp_path / "twice.db")
    await storage.close()
    await storage.open()
    await asyncio.gather(storage.close(), storage.close())
    await storage.close()
    assert not threads()


async def test_closed_store_opens_again_with_the_next_work(tmp_path: Path) -> None:
    storage = storage_at(tmp_path / "again.db")
    await storage.write([invocation()])
    await storage.close()
    assert await count_of(storage) == 1
    await storage.close()


async def test_closing_waits_for_what_was_asked_before(tmp_path: Path) -> None:
    storage = storage_at(tmp_path / "busy.db")
    await storage.open()
    await asyncio.gather(storage.append([invocation() for _ in range(500)]), storage.close())
    assert rows(tmp_path / "busy.db", "SELECT COUNT(*) FROM invocations") == [(500,)]


async def test_close_that_is_cancelled_still_closes(tmp_path: Path) -> None:
    storage, gate = storage_at(tmp_path / "cancelled.db"), Gate()
    await storage.open()
    working = asyncio.create_task(storage.engine.write(gate.script()))
    await gate.wait()
    closing_ = asyncio.create_task(storage.close())
    await asyncio.sleep(0)
    closing_.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing_
    running = threads()
    assert running
    gate.may_end.set()
    assert await working == 1
    for thread in running:
        await asyncio.to_thread(thread.join, TIMEOUT_S)
        assert not thread.is_alive()


async def test_work_that_is_cancelled_before_its_turn_is_not_done(tmp_path: Path) -> None:
    storage, gate = storage_at(tmp_path / "bot.db"), Gate()
    await storage.open()
    working = asyncio.create_task(storage.engine.write(gate.script()))
    await gate.wait()
    cancelled = asyncio.create_task(storage.append([invocation()]))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    gate.may_end.set()
    await working
    assert await storage.rows("SELECT COUNT(*) FROM @invocations") == [(0,)]
    await storage.close()


async def test_opening_that_is_cancelled_is_begun_again(tmp_path: Path) -> None:
    storage = storage_at(tmp_path / "bot.db")
    for turns in range(4):
        opening = asyncio.create_task(storage.open())
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    await storage.close()
    assert names_in(tmp_path) == ["bot.db"]


async def test_closing_while_opening_leaves_nothing_open_and_nothing_broken(tmp_path: Path) -> None:
    storage = storage_at(tmp_path / "race.db")
    results = await asyncio.gather(storage.open(), storage.ping(), storage.close(), return_exceptions=True)
    assert all(result is None or isinstance(result, int | StorageError) for result in results)
    await storage.close()
    assert not threads()
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    await storage.close()


async def test_many_tasks_may_open_at_once(tmp_path: Path) -> None:
    engine = SqliteEngine(str(tmp_path / "many.db"))
    await asyncio.gather(*(Storage(engine, f"{n}").append([invocation()]) for n in range(20)))
    storage = Storage(engine)
    assert await count_of(storage) == 20
    assert len(threads()) == 2
    await storage.close()


async def test_connection_that_is_forgotten_ends_its_thread() -> None:
    """Whatever its last work has referred to."""

    class Owner:
        def connect(self) -> sqlite3.Connection:
            return sqlite3.connect(":memory:")

    owner = Owner()
    connection = Connection(owner.connect, "botmon-forgotten")
    work: Callable[[sqlite3.Connection], object] = lambda db, owner=owner: db.execute("SELECT 1").fetchone()  # noqa: E731
    assert await connection.run(work) == (1,)
    (thread,) = threads()
    gone = weakref.ref(owner)
    del owner, connection, work
    gc.collect()
    assert gone() is None
    await asyncio.to_thread(thread.join, TIMEOUT_S)
    assert not thread.is_alive()


# -- event loops -------------------------------------------------------------------------------------------------------


def test_store_can_be_used_on_one_event_loop_after_another(tmp_path: Path) -> None:
    storage = storage_at(tmp_path / "loops.db")

    async def work() -> int:
        await asyncio.gather(*(count_of(storage) for _ in range(3)))
        await storage.write([invocation()])
        return await count_of(storage)

    assert asyncio.run(work()) == 1
    assert asyncio.run(work()) == 2
    asyncio.run(storage.close())
    assert not threads()


def test_event_loop_that_closes_while_a_script_runs_does_not_end_the_thread(tmp_path: Path) -> None:
    storage, gate = storage_at(tmp_path / "bot.db"), Gate()

    async def begin() -> None:
        await storage.open()
        working = asyncio.create_task(storage.engine.write(gate.script()))
        await gate.wait()
        working.cancel()

    asyncio.run(begin())
    gate.may_end.set()

    async def go_on() -> None:
        await storage.write([invocation()])
        assert await count_of(storage) == 1
        await storage.close()

    asyncio.run(go_on())
    assert not threads()


def test_event_loop_that_closes_while_the_file_is_opened_does_not_end_the_thread(tmp_path: Path) -> None:
    reached, may_end = threading.Event(), threading.Event()

    def connect() -> sqlite3.Connection:
        reached.set()
        assert may_end.wait(TIMEOUT_S)
        return sqlite3.connect(":memory:")

    connection = Connection(connect, "botmon-slow")

    async def begin() -> None:
        working = asyncio.create_task(connection.run(lambda db: db))
        assert await asyncio.to_thread(reached.wait, TIMEOUT_S)
        working.cancel()

    asyncio.run(begin())
    may_end.set()

    async def go_on() -> None:
        assert (await connection.run(lambda db: db.execute("SELECT 1").fetchone())) == (1,)
        await connection.close()

    asyncio.run(go_on())
    assert not threads()


# -- with others -------------------------------------------------------------------------------------------------------


async def test_ping_tells_the_size_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ping.db"
    storage = storage_at(path)
    await storage.open()
    before = rows(path, "PRAGMA data_version"), path.stat().st_mtime_ns
    size_bytes = await storage.ping()
    assert (rows(path, "PRAGMA data_version"), path.stat().st_mtime_ns) == before
    await storage.close()
    assert size_bytes == path.stat().st_size


async def test_store_that_somebody_else_is_writing_to_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    storage = storage_at(path, busy_timeout_s=0.01)
    await storage.open()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            await storage.ping()
        with pytest.raises(StorageError, match="locked"):
            await storage.append([invocation()])
        assert await storage.rows("SELECT COUNT(*) FROM @invocations") == [(0,)]
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    await storage.close()


async def test_two_engines_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    one, other = storage_at(path), storage_at(path)
    for n in range(10):
        await asyncio.gather(
            one.write([invocation(user_id=f"{n + 1}")]), other.write([invocation(user_id=f"{n + 100}"), invocation()])
        )
    assert await count_of(one) == await count_of(other) == 30
    assert await one.unique_users("1", EVER) == 20
    await one.close()
    await other.close()


async def test_engine_that_looks_at_a_file_does_not_end_the_locks_of_another(tmp_path: Path) -> None:
    """To close a file ends every lock that the process has on it, those of other connections included."""
    path = tmp_path / "shared.db"
    one = storage_at(path)
    await one.append([invocation()])
    for _ in range(3):
        SqliteEngine(str(path)).inspect()
    # Another process that was the last one to close it would put the log away, while this one writes to it.
    code = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM runs'); db.close()"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(path))
    assert await process.wait() == 0
    assert path.with_name("shared.db-wal").exists()
    await one.append([invocation()])
    await one.close()
    assert rows(path, "SELECT COUNT(*) FROM invocations") == [(2,)]
