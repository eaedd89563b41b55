"""What happens in any thread, taken up in the event loop's, in the order in which it happened.

discord.py plays each song in a thread of its own and calls `after` there; many bots begin the next song from it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from botmon_cog.monitors.failures import Failures


class Inbox:
    """Of one bot."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._waiting: deque[Callable[[], None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_called = False

    def open(self) -> None:
        """Take up what is put in, in the running event loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Take up what is there, and nothing that is put in later."""
        self.empty()
        self._loop = None

    def put(self, act: Callable[[], None]) -> None:
        """Call `act` soon. May be called in any thread."""
        loop = self._loop
        if loop is None:
            return
        self._waiting.append(act)
        if not self._is_called:
            self._is_called = True
            try:
                loop.call_soon_threadsafe(self.empty)
            except RuntimeError:  # the loop is closed: a song outlives the bot by a moment
                self._waiting.clear()

    def empty(self) -> None:
        """Take up what is there. In the event loop's thread only."""
        self._is_called = False  # first: what is put in from now on calls anew
        while self._waiting:
            act = self._waiting.popleft()
            try:
                act()
            except Exception as error:  # noqa: BLE001 (whoever plays knows nothing of it)
                self._failures.note("observing what is played", error)
