"""Which of our own loops still run."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.clock import Clock
from botmon_cog.domain.samples import LoopRun

_PATIENCE = 3
"""So many intervals without a run are too many,"""
_PATIENCE_S = 60.0
"""once they are as long: a run that waits for a database takes a while, however short the interval."""


class LoopRuns:
    """Each loop says when it begins, after each run, and when it ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loops: dict[str, _Loop] = {}

    def begin(self, name: str, interval_s: float) -> None:
        """From now on a run is expected every `interval_s`."""
        self._loops[name] = _Loop(interval_s, self._clock.monotonic())

    def note(self, name: str) -> None:
        """It has just run. Of one that never began nothing is expected, and nothing is told."""
        loop = self._loops.get(name)
        if loop is not None:
            loop.seen_s, loop.last_at = self._clock.monotonic(), self._clock.now()

    def end(self, name: str) -> None:
        """No run is expected any more."""
        self._loops.pop(name, None)

    def runs(self) -> tuple[LoopRun, ...]:
        now_s = self._clock.monotonic()
        return tuple(
            LoopRun(
                name=name,
                last_at=loop.last_at,
                is_late=now_s - loop.seen_s > max(_PATIENCE * loop.interval_s, _PATIENCE_S),
            )
            for name, loop in self._loops.items()
        )


class _Loop:
    __slots__ = ("interval_s", "last_at", "seen_s")

    def __init__(self, interval_s: float, seen_s: float) -> None:
        self.interval_s = interval_s
        self.seen_s = seen_s
        self.last_at: datetime | None = None
