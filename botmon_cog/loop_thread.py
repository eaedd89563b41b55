"""An event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from botmon_cog.errors import StorageError

T = TypeVar("T")

_log = logging.getLogger(__name__)

_PATIENCE_S = 2.0


class LoopThread:
    """Runs coroutine functions for any other loop. A daemon: it never keeps the process from exiting.

    Args:
        name: of the thread.
        is_known: whether an exception that nobody awaits, left in a future, was raised to somebody in another form.
    """

    def __init__(self, name: str, is_known: Callable[[BaseException], bool]) -> None:
        self._is_known = is_known
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._on_complaint)
        self._thread = threading.Thread(target=self._turn, name=name, daemon=True)
        self._thread.start()

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _on_complaint(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A future complains: nobody took its exception."""
        error = context.get("exception")
        if error is not None and self._is_known(error):
            _log.debug("%s", context.get("message"), exc_info=error)
        else:
            loop.default_exception_handler(context)

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Await `work()` there. Whoever stops waiting cancels it.

        Raises:
            StorageError: the thread was stopped.
        """

        async def awaited() -> T:
            try:
                return await work()
            except Exception as error:
                if _is_cancelled():  # nobody waits for it, and asyncio would complain of that
                    raise asyncio.CancelledError from error
                raise

        try:
            return await asyncio.wrap_future(self._submit(awaited()))
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            raise StorageError("the connection was closed") from None  # by `stop`

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:
            work.close()
            raise StorageError("the connection was closed") from error

    async def stop(self, last: Callable[[], Awaitable[None]]) -> None:
        """Cancel what is running, await `last()` there, and end the thread. Being cancelled only stops the waiting."""

        async def ending() -> None:
            try:
                running = asyncio.all_tasks() - {asyncio.current_task()}
                for task in running:
                    task.cancel()
                if running:
                    await asyncio.wait(running, timeout=_PATIENCE_S)
                await last()
            finally:
                self._loop.call_soon(self._loop.stop)

        await asyncio.shield(asyncio.wrap_future(self._submit(ending())))
        self._thread.join(_PATIENCE_S)  # it has nothing left to do


def _is_cancelled() -> bool:
    """Whether somebody has cancelled the task that asks."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
