"""Ctrl-C while a command runs: the first cancels it, so that it cleans up; a second one ends the process at once.

What was being written then is as a crash leaves it, which the next start puts right.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from botmon_cog.cli import quiet

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], *, abandon: Callable[[], object] = lambda: None) -> T:
    """`asyncio.run`, which a second Ctrl-C ends at once instead of breaking into the clean-up.

    Args:
        work: what to run.
        abandon: called at the second Ctrl-C, before the process ends.

    Raises:
        KeyboardInterrupt: after Ctrl-C, once `work` has cleaned up.
    """
    if not quiet.is_settable() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return asyncio.run(work)
    is_pressed = False

    async def interruptible() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def pressed(*_: object) -> None:
            nonlocal is_pressed
            if is_pressed:
                try:
                    abandon()
                finally:
                    quiet.leave()
            is_pressed = True
            loop.call_soon_threadsafe(task.cancel)

        signal.signal(signal.SIGINT, pressed)
        return await work

    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        if is_pressed:
            raise KeyboardInterrupt from None
        raise
    finally:
        work.close()  # if Ctrl-C came before it was begun
        signal.signal(signal.SIGINT, signal.default_int_handler)
