"""Ways that are closed: not tried again for a day, and named in `/health`."""

from __future__ import annotations

import logging

from botmon_cog.clock import Clock

_log = logging.getLogger(__name__)
_DAY_S = 86_400.0


class ClosedWays:
    """Why which way is closed, and until when. A restart opens all of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._closed: dict[str, tuple[str, float]] = {}

    def close(self, way: str, why: str) -> None:
        """`why`: a sentence without a full stop, and without anything secret."""
        _log.warning("%s; not tried again for a day", why)
        self._closed[way] = (why, self._clock.monotonic() + _DAY_S)

    def why(self, way: str) -> str | None:
        """None for a way that is open."""
        why, until_s = self._closed.get(way, (None, 0.0))
        return why if self._clock.monotonic() < until_s else None

    def open_all(self) -> None:
        """Let each be tried again now."""
        self._closed.clear()

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(why for way in self._closed if (why := self.why(way)) is not None)
