"""Listening without tasks: only public names of discord.py.

A check of `Client.wait_for` runs synchronously inside `dispatch`, before any task of the event; one that never is true
listens for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from discord.ext import commands

from botmon_cog.monitors.failures import Failures
from botmon_cog.observer.private import forget_waiter


class EventHooks:
    """All that one part of the extension listens to on one bot."""

    def __init__(self, bot: commands.Bot, failures: Failures) -> None:
        self._bot = bot
        self._failures = failures
        self._waiting: list[tuple[str, Callable[..., bool], asyncio.Task[Any]]] = []
        self._is_over = False

    def listen(self, event: str, listener: Callable[..., None]) -> None:
        """Call `listener` inside every dispatch of the event, before any task of it runs."""

        def check(*args: Any) -> bool:
            if not self._is_over:
                try:
                    listener(*args)
                except Exception as error:  # noqa: BLE001 (raising in a check would end the listening)
                    self._failures.note(f"observing on_{event}", error)
            return self._is_over

        self.wait(event, check)

    def wait(self, event: str, check: Callable[..., bool]) -> None:
        """Call `check` likewise, but bare: it must not raise, and True ends it. Needs a running event loop."""
        waiting: Any = self._bot.wait_for(event, check=check)
        task = asyncio.get_running_loop().create_task(waiting, name=f"botmon-on-{event}")
        self._waiting.append((event, check, task))

    async def end(self) -> None:
        """Stop listening, without a trace."""
        self._is_over = True
        tasks = [task for _, _, task in self._waiting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for event, check, _ in self._waiting:
            forget_waiter(self._bot, event, check)
        self._waiting.clear()
