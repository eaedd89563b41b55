"""Which commands take longer than they used to."""

from __future__ import annotations

import logging
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
from botmon_cog.store.engine import answered

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
        self._sources = sources
        self._recent = RecentDurations(sources.live, sources.clock)
        self._usual_s: Mapping[str, float] = {}
        self._read_in_hour: int | None = None
        self._not_before_s = 0.0

    async def find(self) -> tuple[SlowCommand, ...]:
        """The worst beside what is usual first, without those of which that is not known; at most 20."""
        long: dict[str, tuple[float, int]] = {}
        for command, histogram in self._recent.by_command().items():
            p95_s = histogram.quantile(_P95)
            if p95_s is not None and p95_s >= SLOW_FROM_S and histogram.n >= FEWEST_TIMED:
                long[command] = p95_s, histogram.n
        if long:
            await self._read_usual()
        slow = [
            SlowCommand(command=command, p95_s=p95_s, usual_s=self._usual_s[command], n=n)
            for command, (p95_s, n) in long.items()
            if command in self._usual_s
        ]
        return tuple(sorted(slow, key=lambda each: each.times, reverse=True)[:_MOST_FOUND])

    async def _read_usual(self) -> None:
        """Once an hour: each command's p95 over the seven days (UTC) before today, of all processes. Raises nothing."""
        clock = self._sources.clock
        hour, now_s = hour_of(clock.now()), clock.monotonic()
        if hour == self._read_in_hour or now_s < self._not_before_s:
            return
        end = start_of_day(hour // HOURS_PER_DAY)
        self._not_before_s = now_s + RETRY_S
        try:
            week = Period(name="week", start=end - _WEEK, end=end)
            counted = await answered(self._sources.store.reports.counted(None, week), self._sources.timeout_s)
        except StorageError as error:
            _log.warning("can't read how long commands took last week: %s", error)
        except Exception as error:  # noqa: BLE001 (whatever an engine raises costs the comparison only)
            self._sources.failures.note("reading how long commands took last week", error)
        else:
            found = counted.latencies(DURATION)
            p95s = {command: each.quantile(_P95) for (command, _), each in found.items() if each.n >= FEWEST_BEFORE}
            self._usual_s = {command: p95_s for command, p95_s in p95s.items() if p95_s is not None}
            self._read_in_hour, self._not_before_s = hour, 0.0


class RecentDurations:
    """Histograms by five minutes, filled from the live windows at each look: the commands themselves pay nothing.

    Of more than 1000 calls of one command between two looks only the newest 1000 count. What this process has not seen
    itself is not in it.
    """

    def __init__(self, live: LiveWindows, clock: Clock) -> None:
        self._live = live
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._slots: dict[int, dict[str, Histogram]] = {}

    def by_command(self) -> dict[str, Histogram]:
        """Of the last hour, or up to five minutes more, with what came since the look before."""
        number = int(self._clock.monotonic() // _SLOT_S)
        self._slots = {each: slot for each, slot in self._slots.items() if each >= number - _SLOTS_PER_HOUR}
        slot = self._slots.setdefault(number, {})
        for command, window in self._live.durations():
            fresh = window.newest(window.added - self._seen.get(command, 0))
            if fresh:
                self._seen[command] = window.added
                slot[command] = Histogram.of(fresh) + slot.get(command, Histogram())
        commands = dict.fromkeys(command for each in self._slots.values() for command in each)
        return {
            command: Histogram.merged(each[command] for each in self._slots.values() if command in each)
            for command in commands
        }
