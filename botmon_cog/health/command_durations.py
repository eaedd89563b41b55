"""Which commands take longer than they used to."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from datetime import timedelta

from botmon_cog.clock import Clock
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.reports import Period
from botmon_cog.domain.rollup import DURATION, HOURS_PER_DAY, hour_of, start_of_day
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import finite
from botmon_cog.errors import StorageError
from botmon_cog.health.sources import Sources
from botmon_cog.monitors.windows import LiveWindows

_log = logging.getLogger(__name__)

SLOW_FROM_S, FEWEST_TIMED = 1.0, 20
"""Nobody minds a command that is faster; fewer calls say nothing."""
FEWEST_BEFORE = 50
"""Fewer calls in the week before say nothing of how long a command usually takes."""
RETRY_S = 300.0
"""So long a database that did not answer is not asked again."""
_P95 = 0.95
_MOST_FOUND = 20
_SLOT_S = 300.0
_SLOTS_PER_HOUR = 12
_WEEK = timedelta(days=7)


class SlowCommand(Sample, frozen=True, kw_only=True):
    """One command that takes long."""

    command: str
    p95_s: float
    """Of the last hour."""
    usual_s: float
    """The p95 of the seven days before."""
    n: int
    """Calls within the last hour."""

    @property
    def times(self) -> float:
        """How many times its usual duration it takes; 0 if that is not known."""
        return finite(self.p95_s / self.usual_s if self.usual_s > 0 else None) or 0.0


class SlowCommands:
    """Those that take 1 s or more. Asks the database only where there are any."""

    def __init__(self, sources: Sources) -> None:
        self._recent = RecentDurations(sources.live, sources.clock)
        self._usual = UsualDurations(sources)

    async def find(self) -> tuple[SlowCommand, ...]:
        """The worst beside what is usual first, without those of which that is not known; at most 20."""
        long: dict[str, tuple[float, int]] = {}
        for command, histogram in self._recent.by_command().items():
            p95_s = histogram.quantile(_P95)
            if p95_s is not None and p95_s >= SLOW_FROM_S and histogram.n >= FEWEST_TIMED:
                long[command] = p95_s, histogram.n
        if not long:
            return ()
        usual = await self._usual.read()
        slow = [
            SlowCommand(command=command, p95_s=p95_s, usual_s=usual[command], n=n)
            for command, (p95_s, n) in long.items()
            if command in usual
        ]
        return tuple(sorted(slow, key=lambda each: each.times, reverse=True)[:_MOST_FOUND])


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


class UsualDurations:
    """Each command's p95 over the seven days (UTC) before today, of all processes. Read once an hour, when wanted."""

    def __init__(self, sources: Sources) -> None:
        self._known: Mapping[str, float] = {}
        self._sources = sources
        self._hour: int | None = None
        self._not_before_s = 0.0

    async def read(self) -> Mapping[str, float]:
        """By command, without those that were too few; what was read before if the database is away. Raises nothing."""
        clock = self._sources.clock
        hour, now_s = hour_of(clock.now()), clock.monotonic()
        if hour == self._hour or now_s < self._not_before_s:
            return self._known
        end = start_of_day(hour // HOURS_PER_DAY)
        self._not_before_s = now_s + RETRY_S
        try:
            async with asyncio.timeout(self._sources.timeout_s):
                counted = await self._sources.store.reports.counted(
                    None, Period(name="week", start=end - _WEEK, end=end)
                )
        except (StorageError, TimeoutError) as error:
            _log.warning("can't read how long commands took last week: %s", error or type(error).__name__)
        except Exception as error:  # noqa: BLE001 (whatever an engine raises costs the comparison only)
            self._sources.failures.note("reading how long commands took last week", error)
        else:
            found = counted.latencies(DURATION)
            p95s = {command: each.quantile(_P95) for (command, _), each in found.items() if each.n >= FEWEST_BEFORE}
            self._known = {command: p95_s for command, p95_s in p95s.items() if p95_s is not None}
            self._hour, self._not_before_s = hour, 0.0
        return self._known
