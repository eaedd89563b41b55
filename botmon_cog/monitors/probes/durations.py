"""How long each command took within the last hour."""

from __future__ import annotations

from collections import deque

from botmon_cog.clock import Clock
from botmon_cog.domain.histogram import Histogram
from botmon_cog.monitors.windows import LiveWindows

_SLOT_S = 300.0
_SLOTS_PER_HOUR = 12


class RecentDurations:
    """Histograms by five minutes, filled from the live windows at each look: the commands themselves pay nothing.

    Of more than 1000 calls of one command between two looks only the newest 1000 count. What this process has not seen
    itself is not in it.
    """

    def __init__(self, live: LiveWindows, clock: Clock) -> None:
        self._live = live
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._slots: deque[tuple[int, dict[str, Histogram]]] = deque()

    def by_command(self) -> dict[str, Histogram]:
        """Of the last hour, or up to five minutes more."""
        self._take()
        found: dict[str, list[Histogram]] = {}
        for _, slot in self._slots:
            for command, histogram in slot.items():
                found.setdefault(command, []).append(histogram)
        return {command: Histogram.merged(histograms) for command, histograms in found.items()}

    def _take(self) -> None:
        """Bring in what came since the look before, and forget what is older than an hour."""
        number = int(self._clock.monotonic() // _SLOT_S)
        while self._slots and self._slots[0][0] < number - _SLOTS_PER_HOUR:
            self._slots.popleft()
        if not self._slots or self._slots[-1][0] != number:
            self._slots.append((number, {}))
        slot = self._slots[-1][1]
        for command, window in self._live.durations():
            fresh = window.newest(window.added - self._seen.get(command, 0))
            if fresh:
                self._seen[command] = window.added
                slot[command] = Histogram.of(fresh) + slot.get(command, Histogram())
