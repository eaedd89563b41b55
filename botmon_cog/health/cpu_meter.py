"""Processor time as a share of one core."""

from __future__ import annotations

from collections.abc import Callable

from botmon_cog.clock import Clock

_SHORTEST_WINDOW_S = 5.0


class CpuMeter:
    """The share that was used since the look before. Over less than 5 s the number means nothing, and is not measured.

    Attributes:
        percent: of one core; None if it could not be read, and before the first measurement.
        window_s: how long the last measurement took.
    """

    def __init__(self, clock: Clock, used_s: Callable[[], float | None]) -> None:
        """`used_s`: the seconds of processor time used until now, None if they can't be read."""
        self.percent: float | None = None
        self.window_s = 0.0
        self._clock = clock
        self._used_s = used_s
        self._mark = clock.monotonic(), used_s()

    def look(self) -> bool:
        """Whether it measured; if not, the numbers are those of the look before."""
        marked_s, before_s = self._mark
        now_s = self._clock.monotonic()
        if now_s - marked_s < _SHORTEST_WINDOW_S:
            return False
        used_s = self._used_s()
        self._mark = now_s, used_s
        self.window_s = now_s - marked_s
        self.percent = None if used_s is None or before_s is None else max(used_s - before_s, 0.0) / self.window_s * 100
        return True
