"""Work on files that the event loop does not wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class DiskThreads:
    """Runs each piece of work in a thread of its own, which a disk that hangs keeps, and nobody else."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._threads: set[threading.Thread] = set()

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` does.

        Raises:
            OSError: `work` did, or there is no thread to be had.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 (raised again where it is awaited)
                finish = partial(done.set_exception, error)
            else:
                finish = partial(done.set_result, result)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if done.done() else finish())

        thread = threading.Thread(target=run, name=self._name, daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as error:
            self._threads.discard(thread)
            raise OSError(f"no thread for the disk: {error}") from error
        try:
            return await done
        finally:
            if done.done() and not done.cancelled():
                thread.join()  # it has nothing left to do
                self._threads.discard(thread)

    @property
    def is_busy(self) -> bool:
        """Whether a thread is at work, perhaps for somebody who has given up."""
        return any(thread.is_alive() for thread in self._threads)

    async def settle(self) -> None:
        """Return when no thread is at work any more, not even for somebody who was cancelled meanwhile."""
        working = [thread for thread in self._threads if thread.is_alive()]
        if working:
            await self.run(lambda: [thread.join() for thread in working])
        self._threads = {thread for thread in self._threads if thread.is_alive()}
