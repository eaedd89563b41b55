"""Work beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` returns or raises in a thread of its own, which is gone afterwards: a disk may hang."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(told: Callable[[], None]) -> None:
        if not done.done():
            told()

    def run() -> None:
        try:
            told = partial(done.set_result, work())
        except Exception as error:  # noqa: BLE001 (whoever waits raises it)
            told = partial(done.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(finish, told)

    thread = threading.Thread(target=run, name="botmon-work", daemon=True)
    thread.start()
    try:
        return await done
    finally:
        if not done.cancelled():
            thread.join()  # it has nothing left to do
