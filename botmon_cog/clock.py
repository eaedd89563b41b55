"""Time, injected: nothing in this package asks the system for the time in any other way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol


class Timer(Protocol):
    """What `Clock.call_later` returns: something that can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Two clocks and a way to wait on them.

    `now` is for timestamps, `monotonic` for durations; never subtract one from the other.
    """

    def now(self) -> datetime:
        """The wall clock as an aware UTC datetime."""
        ...

    def epoch_s(self) -> float:
        """The wall clock in seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary point; never runs backwards."""
        ...

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` once, `delay_s` seconds from now, on the running event loop."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Return `delay_s` seconds from now."""
        ...


class SystemClock:
    """The machine's own clocks and the running event loop's timers."""

    # Read several times per command, so that a method around each would be noticed.
    now = staticmethod(partial(datetime.now, UTC))
    epoch_s = staticmethod(time.time)
    monotonic = staticmethod(time.perf_counter)

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(delay_s, callback)

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
