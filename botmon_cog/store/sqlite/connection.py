"""A SQLite connection in aiosqlite's thread.

Each piece of work is one function that runs there from beginning to end: a transaction is one hop between threads, and
nothing comes between its statements.

Private names of aiosqlite that this leans on, because it has no public ones for them:

- `Connection._tx`, the queue of its thread, with None for the future: aiosqlite's own future belongs to one event loop,
  and its thread would end with an exception if that loop was closed meanwhile. For the same reason the database is
  opened and closed by work of ours.
- `Connection._thread`, to make it a daemon: a connection that nobody closes must not keep the process from exiting.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar, cast

import aiosqlite

from botmon_cog.errors import StorageError

T = TypeVar("T")

OLDEST_SQLITE = (3, 35, 0)
"""For UPSERT with more than one row per statement, JSON, window functions."""
_LAST_WAIT_S = 5.0
"""How long the end of the process waits for a connection that nobody closed, and a close for its thread."""


class Connection:
    """Opened at the first use, from whichever event loop. Closed with `close`, when it is forgotten, or at exit."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], name: str) -> None:
        """`connect` opens the database, in the thread; what it raises, `run` raises."""
        self._connect = connect
        self._name = name
        self._thread: _Thread | None = None
        self._forget: Callable[[], object] = _nothing
        self._is_closed = False

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns or raises in the thread. Cancelled before its turn, it is not done.

        Raises:
            StorageError: the connection was closed.
        """
        if self._is_closed:
            raise StorageError("the connection was closed")
        thread = self._thread or self._begin()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        thread.put(partial(_perform, [(thread, self._connect, work, done)]))
        try:
            return await done
        except Exception:
            if thread.db is None:  # it could not be opened: the next one tries again
                await self._end(thread)
            raise

    def _begin(self) -> _Thread:
        thread = self._thread = _Thread(self._name)
        finalizer = weakref.finalize(self, _end_unclosed, thread, weakref.ref(self))
        self._forget = finalizer.detach
        return thread

    async def close(self) -> None:
        """Finish the work that was asked for, then close. Being cancelled only stops the waiting."""
        self._is_closed = True
        if self._thread is not None:
            await self._end(self._thread)

    async def _end(self, thread: _Thread) -> None:
        if self._thread is not thread:
            return
        self._thread = None
        forget = self._forget
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        thread.end(done)
        await done
        thread.join()  # it has nothing left to do
        forget()


class _Thread:
    """A thread of aiosqlite's, and the database that is open in it.

    Attributes:
        db: None until the first work opened it, and again at the end.
    """

    def __init__(self, name: str) -> None:
        self.db: sqlite3.Connection | None = None
        self._aiosqlite: Any = aiosqlite.Connection(cast("Any", _nothing), iter_chunk_size=64)
        self._jobs: SimpleQueue[tuple[None, Callable[[], None]]] = self._aiosqlite._tx  # noqa: SLF001 (see above)
        self._thread: threading.Thread = self._aiosqlite._thread  # noqa: SLF001 (see above)
        self._thread.daemon, self._thread.name = True, name
        self._thread.start()

    def put(self, job: Callable[[], None]) -> None:
        self._jobs.put((None, job))

    def end(self, done: asyncio.Future[None] | None = None) -> None:
        self.put(partial(self._close, [done]))

    def _close(self, asked: list[asyncio.Future[None] | None]) -> None:
        db, self.db = self.db, None
        with suppress(sqlite3.Error):
            if db is not None:
                db.close()
        self._aiosqlite.stop()
        done = asked.pop()
        if done is not None:
            _answer(done, done.set_result, None)

    def join(self) -> None:
        self._thread.join(_LAST_WAIT_S)


_Asked = tuple[_Thread, Callable[[], sqlite3.Connection], Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]


def _perform(asked: list[_Asked]) -> None:
    """Do a piece of work, in the thread. The list is emptied: aiosqlite keeps the last job until the next one comes."""
    thread, connect, work, done = asked.pop()
    if done.cancelled():
        return
    try:
        db = thread.db
        if db is None:
            db = thread.db = connect()
        result = work(db)
    except BaseException as error:  # noqa: BLE001 (raised again where it is awaited)
        _answer(done, done.set_exception, error)
    else:
        _answer(done, done.set_result, result)


def _answer(done: asyncio.Future[Any], finish: Callable[[Any], None], result: Any) -> None:
    with suppress(RuntimeError):  # the loop was closed: nobody waits any more
        done.get_loop().call_soon_threadsafe(_settle, done, finish, result)


def _settle(done: asyncio.Future[Any], finish: Callable[[Any], None], result: Any) -> None:
    if not done.done():  # else whoever waited has given up
        finish(result)


def _end_unclosed(thread: _Thread, owner: weakref.ref[Connection]) -> None:
    thread.end()
    if owner() is not None:  # it was not forgotten: the process ends
        thread.join()


def _nothing() -> None:
    pass


def refuse_old_sqlite() -> None:
    """Raise StorageError if this Python brings too old a SQLite."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StorageError(f"this Python brings SQLite {sqlite3.sqlite_version}, botmon_cog needs {oldest} or newer")
