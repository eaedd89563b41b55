"""Waiting for something to become true without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """Told of every change, wakes those who wait for a condition; nothing is missed between check and wait."""

    __slots__ = ("_changed",)

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        self._changed.set()

    async def until(self, is_done: Callable[[], bool], timeout_s: float | None) -> bool:
        """Whether `is_done` came true within `timeout_s` seconds of real time; None: wait for as long as it takes."""
        try:
            async with asyncio.timeout(timeout_s):
                while not is_done():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return is_done()
        return True
