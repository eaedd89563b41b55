"""A clock that moves only when a test moves it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_TURNS_OF_THE_LOOP = 10
_FIRST_S = 1000.0


@dataclass(slots=True, order=True)
class ManualTimer:
    """One pending `call_later`; ordered by when it is due, then by age."""

    due_s: float
    age: int
    callback: Callable[[], object] = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.is_cancelled = True


class ManualClock:
    """Implements `botmon_cog.clock.Clock`; time stands still between two calls of `advance`."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._monotonic_s = _FIRST_S
        self._timers: list[ManualTimer] = []
        self._made = 0

    def now(self) -> datetime:
        # Not a sum of steps: each would be rounded, and a minute on the clock would begin a microsecond early.
        return self._start + timedelta(seconds=self._monotonic_s - _FIRST_S)

    def epoch_s(self) -> float:
        return self.now().timestamp()

    def monotonic(self) -> float:
        return self._monotonic_s

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> ManualTimer:
        self._made += 1
        timer = ManualTimer(self._monotonic_s + max(delay_s, 0.0), self._made, callback)
        heapq.heappush(self._timers, timer)
        return timer

    async def sleep(self, delay_s: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = self.call_later(delay_s, wake)
        try:
            await woken
        finally:
            timer.cancel()

    @property
    def pending(self) -> int:
        """How many timers and sleepers wait for time to pass."""
        return sum(not timer.is_cancelled for timer in self._timers)

    async def advance(self, seconds: float) -> None:
        """Move both clocks forward; what falls due on the way runs at its own time, in order."""
        if seconds < 0:
            raise ValueError(f"advance() moves forward only, not by {seconds} s; jump_wall() sets the wall clock back")
        target_s = self._monotonic_s + seconds
        await _settle()
        while self._timers and self._timers[0].due_s <= target_s:
            timer = heapq.heappop(self._timers)
            if timer.is_cancelled:
                continue
            self._move_to(max(timer.due_s, self._monotonic_s))
            timer.callback()
            await _settle()
        self._move_to(target_s)
        await _settle()

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator or NTP does; `monotonic` does not notice."""
        self._start += timedelta(seconds=seconds)

    def _move_to(self, monotonic_s: float) -> None:
        self._monotonic_s = monotonic_s


async def _settle() -> None:
    for _ in range(_TURNS_OF_THE_LOOP):
        await asyncio.sleep(0)
