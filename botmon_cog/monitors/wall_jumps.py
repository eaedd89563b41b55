"""Whether the clock on the wall was set, or went on while the machine slept."""

from __future__ import annotations

from botmon_cog.clock import Clock

_LEAST_S = 30.0
"""Less is the correction of a clock, or a check that took its time."""


class WallJumps:
    """Holds the wall clock against the monotonic one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_s = self._read()

    def _read(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def look(self) -> float:
        """Seconds by which it jumped since the look before, back where that is less than 0; 0 where it did not."""
        before_s, self._ahead_s = self._ahead_s, self._read()
        jumped_s = self._ahead_s - before_s
        return jumped_s if abs(jumped_s) >= _LEAST_S else 0.0
