"""A thread that does one piece of work after another for whichever event loop asks.

`concurrent.futures` would do; per batch of rows it costs the event loop twice as much, most of it in waking up.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from botmon_cog.errors import StorageError

T = TypeVar("T")

_Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Worker:
    """Begins with the first job, and ends when it is closed or forgotten.

    A daemon: it never keeps the process from exiting.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """What `work()` returns or raises in the thread. Cancelling it before its turn comes spares the work.

        Raises:
            StorageError: the worker was closed.
        """
        if self._is_closed:
            raise StorageError("the connection was closed")
        if self._thread is None:
            # The thread knows only the queue, or nobody could ever be said to have forgotten the worker.
            self._thread = threading.Thread(target=_work, args=(self._jobs,), name=self._name, daemon=True)
            self._thread.start()
            weakref.finalize(self, self._jobs.put, None).atexit = False
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put((work, loop, done))
        return done

    async def close(self, last: Callable[[], None]) -> None:
        """Do what was asked for, then `last`, and end the thread. Being cancelled only stops the waiting."""
        if self._is_closed:
            return
        if self._thread is None:
            self._is_closed = True
            return
        done = self.submit(last)
        self._is_closed = True
        self._jobs.put(None)
        await asyncio.shield(done)
        self._thread.join()


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        _do(*job)
        del job  # or what it refers to would be kept until the next one


def _do(work: Callable[[], Any], loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any]) -> None:
    if done.cancelled():
        return
    result: Any = None
    failure: BaseException | None = None
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 (whoever asked for it gets it)
        failure = error
    with suppress(RuntimeError):  # its loop has been closed meanwhile: nobody waits any more
        loop.call_soon_threadsafe(_settle, done, result, failure)


def _settle(done: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    if done.done():  # whoever waited has given up
        return
    if failure is None:
        done.set_result(result)
    else:
        done.set_exception(failure)
