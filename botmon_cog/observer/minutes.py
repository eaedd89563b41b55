"""What is counted, and recorded once a minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from botmon_cog.clock import Clock, Timer
from botmon_cog.monitors.failures import Failures

_MINUTE_S = 60.0


def minute_of(moment: datetime) -> datetime:
    """The minute that it is in."""
    return moment.replace(second=0, microsecond=0)


class MinuteTimer:
    """Calls `flush` a minute after the first thing that was counted; where nothing happens, nothing runs."""

    def __init__(self, clock: Clock, failures: Failures, flush: Callable[[], None]) -> None:
        self._clock = clock
        self._failures = failures
        self._flush = flush
        self._timer: Timer | None = None

    def arm(self) -> None:
        """Something was counted. Needs a running event loop."""
        if self._timer is None:
            self._timer = self._clock.call_later(_MINUTE_S, self._ring)

    def disarm(self) -> None:
        """Everything was flushed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        try:
            self._flush()
        except Exception as error:  # noqa: BLE001 (a timer of the host's event loop)
            self._failures.note("recording what was counted in a minute", error)
