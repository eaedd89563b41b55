"""Those who wait until what they recorded is stored."""

from __future__ import annotations

import asyncio

from botmon_cog.storage.queue.backlog import Backlog


class Flushes:
    """Each one waits for the rows that had come when it began, and for none that came later."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._waiting: dict[asyncio.Future[None], int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self) -> None:
        """Return when everything that has come by now is settled."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[done] = self._backlog.taken
        try:
            await done
        finally:
            self._waiting.pop(done, None)

    def wake(self) -> None:
        """End those whose rows are all settled."""
        if not self._waiting:
            return
        settled = self._backlog.settled
        for done, upto in self._waiting.items():
            if upto <= settled and not done.done():
                done.set_result(None)

    def keep_only(self, loop: asyncio.AbstractEventLoop) -> None:
        """Forget those who waited on an event loop that is gone."""
        self._waiting = {done: upto for done, upto in self._waiting.items() if done.get_loop() is loop}
