"""SIGTERM, as `docker stop` and systemd send it: without a handler it kills at once, and nothing notes the end.

Where a bot has no handler of its own, ours takes a second for that at the most, and the process then dies of the same
signal. The handler is set with `signal.signal`, not by the event loop, so that one look at `signal.getsignal` tells
whether the host has set its own since: that one wins.
"""

from __future__ import annotations

import _thread
import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from types import FrameType
from typing import Any

from botmon_cog.observer.observer import Observer
from botmon_cog.runtime import MonitoringSystem

_log = logging.getLogger(__name__)

_LONGEST_S = 1.0
_FLUSH_S = 0.6
"""What is not written by then goes to the spool."""
_DEADLINE_S = 2.0
"""After this the process dies also if its event loop is blocked."""
_ATTACHED = "__botmon_attached__"

Ending = Callable[[], Coroutine[Any, Any, None]]


class SigtermHandler:
    """Runs one bot's `ending` at SIGTERM. The handler is shared by all bots of the process that have the extension."""

    def __init__(self, ending: Ending) -> None:
        self._ending = ending
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handler: Any = None
        self._task: asyncio.Task[None] | None = None

    def attach(self) -> None:
        """Needs a running event loop. Does nothing if the host has a handler, or outside of the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        handler: Any = signal.getsignal(signal.SIGTERM)
        if not hasattr(handler, _ATTACHED):
            if handler is not signal.SIG_DFL:
                return
            handler = _make_handler([])
            signal.signal(signal.SIGTERM, handler)
        self._handler, self._loop = handler, asyncio.get_running_loop()
        getattr(handler, _ATTACHED).append(self)

    def detach(self) -> None:
        """Undo it; the last one to go restores the default, unless the host has set a handler since."""
        if self._handler is None:
            return
        handler, self._handler = self._handler, None
        attached: list[SigtermHandler] = getattr(handler, _ATTACHED)
        attached.remove(self)
        is_main = threading.current_thread() is threading.main_thread()
        if not attached and is_main and signal.getsignal(signal.SIGTERM) is handler:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def begin(self, ended: Callable[[], None]) -> None:
        """Run the ending on its event loop, and call `ended` afterwards. For the signal handler.

        Raises:
            RuntimeError: the loop is closed, and the bot with it.
        """
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._start, ended)

    def _start(self, ended: Callable[[], None]) -> None:
        self._task = asyncio.ensure_future(self._ending())
        self._task.add_done_callback(lambda _: ended())


def _make_handler(attached: list[SigtermHandler]) -> Callable[[int, FrameType | None], None]:
    pid = os.getpid()

    def on_sigterm(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one kills at once, as it always did
        if os.getpid() != pid:  # a child that was forked from the bot
            _die()
        # Not `threading`: this may have interrupted somebody who holds one of its locks.
        _thread.start_new_thread(_die_in_any_case, ())
        left = [*attached]

        def end_of(one: SigtermHandler) -> None:
            left.remove(one)
            if not left:
                _die()

        for one in [*attached]:
            try:
                one.begin(partial(end_of, one))
            except RuntimeError:
                end_of(one)

    setattr(on_sigterm, _ATTACHED, attached)
    return on_sigterm


def _die() -> None:
    """Die of SIGTERM. In a container this process may be number 1, which the kernel spares: then exit as if of it."""
    os.kill(os.getpid(), signal.SIGTERM)
    if os.getpid() == 1:
        os._exit(128 + signal.SIGTERM)


def _die_in_any_case() -> None:
    time.sleep(_DEADLINE_S)
    _die()


async def note_end(observer: Observer, system: MonitoringSystem) -> None:
    """Close open invocations as `cancelled`, note the run's end, and write what is queued. Takes a second at the most.

    Rows that the store does not take by then go to the spool.
    """
    _log.info("SIGTERM: noting the end and writing what is queued before the process dies of it")
    observer.end()
    tasks = [
        asyncio.ensure_future(system.uptime.end("stopped")),
        asyncio.ensure_future(system.writer.close(_FLUSH_S)),
    ]
    done, late = await asyncio.wait(tasks, timeout=_LONGEST_S)
    for task in done:
        error = task.exception()
        if error is not None:
            system.failures.note("noting the end", error)
    system.open_file.close()
    if late:
        _log.warning("not everything could be written within %.0f s", _LONGEST_S)
