"""How late the event loop runs what is due: a timer of our own stands for everybody's."""

from __future__ import annotations

import math
from collections import deque

import msgspec

from botmon_cog.clock import Clock, Timer
from botmon_cog.domain.histogram import Histogram, bucket_of

_SLOTS = 6
"""Into so many the window is cut, so that it slides."""
_MOST_WAITERS = 100


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """Over the window; None where nothing was measured."""

    p50_s: float | None
    p99_s: float | None
    max_s: float | None


class _Slot:
    __slots__ = ("ends_s", "max_s", "waits")

    def __init__(self, ends_s: float) -> None:
        self.ends_s = ends_s
        self.waits = Histogram()
        self.max_s: float | None = None


class LagMeter:
    """Beats every `interval_s` and measures how late each beat comes.

    A loop that is stuck beats once where it should have done so many times: the beats that it skipped would have waited
    too, each a little less, and count. So a quantile says how long something waited that came at any time.

    Attributes:
        ever: all waits since the start,
        ever_s: and their sum.
    """

    def __init__(self, clock: Clock, *, interval_s: float, window_s: float) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._slot_s = window_s / _SLOTS
        self._slots: deque[_Slot] = deque(maxlen=_SLOTS + 1)  # the last one is being filled
        self._timer: Timer | None = None
        self._due_s = 0.0
        self.ever = Histogram()
        self.ever_s = 0.0

    def start(self) -> None:
        """Needs a running event loop."""
        self._arm(self._clock.monotonic())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, now_s: float) -> None:
        self._due_s = now_s + self._interval_s
        self._timer = self._clock.call_later(self._interval_s, self._beat)

    def _beat(self) -> None:
        now_s = self._clock.monotonic()
        late_s = max(now_s - self._due_s, 0.0)
        self._arm(now_s)
        self._count(now_s, late_s)

    def _count(self, now_s: float, late_s: float) -> None:
        if not self._slots or now_s >= self._slots[-1].ends_s:
            self._slots.append(_Slot(now_s + self._slot_s))
        slot = self._slots[-1]
        if slot.max_s is None or late_s > slot.max_s:
            slot.max_s = late_s
        if late_s < self._interval_s:
            self._add(slot, late_s, 1)
            return
        waiters = late_s / self._interval_s
        counted = min(math.ceil(waiters), _MOST_WAITERS)
        for i in range(counted):
            self._add(slot, late_s * (counted - i) / counted, max(1, round(waiters / counted)))

    def _add(self, slot: _Slot, late_s: float, n: int) -> None:
        bucket = bucket_of(late_s)
        slot.waits.add(bucket, n)
        self.ever.add(bucket, n)
        self.ever_s += late_s * n

    def lag(self) -> Lag:
        """Over the last `window_s`, or up to a sixth more. Changes nothing."""
        oldest_s = self._clock.monotonic() - self._slot_s * _SLOTS
        slots = [slot for slot in self._slots if slot.ends_s > oldest_s]
        p50_s, p99_s = Histogram.merged(slot.waits for slot in slots).quantiles((0.5, 0.99))
        return Lag(p50_s=p50_s, p99_s=p99_s, max_s=max((s.max_s for s in slots if s.max_s is not None), default=None))
