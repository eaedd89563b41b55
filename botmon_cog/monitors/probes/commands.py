"""The last hour's commands: how they ended, and which take longer than they used to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from botmon_cog.clock import Clock
from botmon_cog.config import HealthConfig
from botmon_cog.domain.reports import Period
from botmon_cog.domain.rollup import DURATION, HOURS_PER_DAY, hour_of, start_of_day
from botmon_cog.domain.samples import CommandsSample, SlowCommand
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.probes.durations import RecentDurations
from botmon_cog.monitors.windows import LiveWindows, RecentOutcomes
from botmon_cog.store.reports import Reports

_log = logging.getLogger(__name__)

_P95 = 0.95
_FEWEST_BEFORE = 50
"""Fewer calls in the week before say nothing of how long a command usually takes."""
_MOST_TOLD = 20
_WEEK = timedelta(days=7)


class CommandsProbe:
    """Counts outcomes in memory, and asks the database only where a command is slow at all."""

    def __init__(
        self,
        recent: RecentOutcomes,
        live: LiveWindows,
        reports: Reports,
        clock: Clock,
        failures: Failures,
        config: HealthConfig,
    ) -> None:
        self._recent = recent
        self._durations = RecentDurations(live, clock)
        self._usual = UsualDurations(reports, clock, failures, config.database_timeout_s)
        self._config = config

    async def sample(self, *, can_read: bool = True) -> CommandsSample:
        """`can_read` False: the database is away; then commands are held against what was read before."""
        counts = self._recent.counts()
        return CommandsSample(
            total=counts.total,
            errors=counts.errors,
            late=counts.late,
            unanswered=counts.unanswered,
            slow=await self._slow(can_read=can_read),
        )

    async def _slow(self, *, can_read: bool) -> tuple[SlowCommand, ...]:
        config = self._config
        long: dict[str, tuple[float, int]] = {}
        for command, histogram in self._durations.by_command().items():
            p95_s, n = histogram.quantile(_P95), histogram.n
            if p95_s is not None and p95_s >= config.slow_command_min_s and n >= config.slow_command_min_commands:
                long[command] = p95_s, n
        if not long:
            return ()
        usual = await self._usual.read() if can_read else self._usual.known
        slow = [
            SlowCommand(command=command, p95_s=p95_s, usual_s=usual[command], n=n)
            for command, (p95_s, n) in long.items()
            if command in usual and p95_s >= config.slow_command_factor * usual[command]
        ]
        return tuple(sorted(slow, key=lambda each: each.p95_s / each.usual_s, reverse=True)[:_MOST_TOLD])


class UsualDurations:
    """Each command's p95 over the seven days (UTC) before today, of all processes. Read once an hour, when wanted.

    Attributes:
        known: what was read last, by command; without those that were too few.
    """

    def __init__(self, reports: Reports, clock: Clock, failures: Failures, timeout_s: float) -> None:
        self.known: Mapping[str, float] = {}
        self._reports = reports
        self._clock = clock
        self._failures = failures
        self._timeout_s = timeout_s
        self._hour: int | None = None

    async def read(self) -> Mapping[str, float]:
        """What is known, and brought up to date if the database lets it. Raises nothing."""
        hour = hour_of(self._clock.now())
        if hour == self._hour:
            return self.known
        end = start_of_day(hour // HOURS_PER_DAY)
        try:
            async with asyncio.timeout(self._timeout_s):
                counted = await self._reports.counted(None, Period(name="week", start=end - _WEEK, end=end))
        except (StorageError, TimeoutError) as error:
            _log.warning("can't read how long commands took last week: %s", error or type(error).__name__)
        except Exception as error:  # noqa: BLE001 (whatever an engine raises costs the comparison only)
            self._failures.note("reading how long commands took last week", error)
        else:
            found = counted.latencies(DURATION)
            p95s = {command: each.quantile(_P95) for (command, _), each in found.items() if each.n >= _FEWEST_BEFORE}
            self.known = {command: p95_s for command, p95_s in p95s.items() if p95_s is not None}
            self._hour = hour
        return self.known
