"""Memory, processor, database, error rate, and the monitor itself."""

from __future__ import annotations

import asyncio
import logging

import psutil

from botmon_cog.clock import Clock
from botmon_cog.config import HealthConfig
from botmon_cog.domain.health import (
    cpu_health,
    database_health,
    error_rate_health,
    memory_health,
    monitor_health,
    overall,
)
from botmon_cog.domain.models import HealthRecord
from botmon_cog.domain.reports import (
    CpuHealth,
    DatabaseHealth,
    ErrorRateHealth,
    HealthReport,
    MemoryHealth,
    MonitorHealth,
)
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.recorder import Recorder, new_event_id
from botmon_cog.monitors.windows import RecentOutcomes
from botmon_cog.storage.base import Storage
from botmon_cog.storage.queue.writer import Writer

_log = logging.getLogger(__name__)
_HOUR_S = 3600.0
_SHORTEST_CPU_WINDOW_S = 5.0


class HealthCheck:
    """Looks at the process, the database and the last hour. A source that fails costs its line, never the report."""

    def __init__(
        self,
        recorder: Recorder,
        writer: Writer,
        recent: RecentOutcomes,
        storage: Storage,
        clock: Clock,
        config: HealthConfig,
        failures: Failures,
    ) -> None:
        self._recorder = recorder
        self._writer = writer
        self._recent = recent
        self._storage = storage
        self._clock = clock
        self._config = config
        self._failures = failures
        self._process = psutil.Process()
        age_s = clock.now().timestamp() - self._process.create_time()
        self._started_s = clock.monotonic() - max(age_s, 0.0)
        self._cpu = cpu_health(None, None, config, is_measured=False)
        self._cpu_mark = self._mark_cpu()

    @property
    def uptime_s(self) -> float:
        """Seconds since this process began; a reload of the extension does not set it back."""
        return self._clock.monotonic() - self._started_s

    async def check_memory(self) -> MemoryHealth:
        """`rss_bytes`, `vms_bytes`, and `percent` of the machine's memory."""
        try:
            memory = self._process.memory_info()
            percent = memory.rss / psutil.virtual_memory().total * 100
        except (psutil.Error, OSError) as error:
            _log.warning("can't read the memory of this process: %s", error)
            return memory_health(None, None, None, self._config)
        return memory_health(memory.rss, memory.vms, percent, self._config)

    async def check_cpu(self) -> CpuHealth:
        """`percent` of one core by this process and `system_percent` of the machine, since the check before.

        A check within 5 s of the one before repeats it: over less time the number means nothing.
        """
        marked_s, used_s = self._cpu_mark
        if self._clock.monotonic() - marked_s < _SHORTEST_CPU_WINDOW_S:
            return self._cpu
        try:
            self._cpu_mark = now_s, now_used_s = self._mark_cpu()
            percent = (now_used_s - used_s) / (now_s - marked_s) * 100
            self._cpu = cpu_health(percent, psutil.cpu_percent(), self._config)
        except (psutil.Error, OSError) as error:
            _log.warning("can't read the processor time of this process: %s", error)
            self._cpu = cpu_health(None, None, self._config)
        return self._cpu

    def _mark_cpu(self) -> tuple[float, float]:
        """(monotonic seconds, seconds of processor time used by this process until then)."""
        times = self._process.cpu_times()
        return self._clock.monotonic(), times.user + times.system

    async def check_database(self) -> DatabaseHealth:
        """`response_time_s` of taking the write lock for a moment, and `size_bytes`."""
        try:
            async with asyncio.timeout(self._config.database_timeout_s):
                await self._storage.open()  # the first time this upgrades the schema, which is no sign of slowness
                started_s = self._clock.monotonic()
                size_bytes = await self._storage.ping()
        except TimeoutError:
            return database_health(None, None, f"no answer within {self._config.database_timeout_s:g} s", self._config)
        except StorageError as error:
            return database_health(None, None, str(error), self._config)
        except Exception as error:  # noqa: BLE001 (the edge: a report must come, whatever an engine raises)
            self._failures.note("checking the database", error)
            return database_health(None, None, f"{type(error).__name__}: {error}", self._config)
        response_time_s = self._clock.monotonic() - started_s
        return database_health(response_time_s, size_bytes, None, self._config, refusal=await self._refusal())

    async def _refusal(self) -> str | None:
        """What the database said to the rows that wait; None where it takes them. Only so is a full disk seen."""
        if self._writer.away_since is not None:
            self._writer.retry()  # it may be back since the last attempt
            await self._recorder.settle()
        if self._writer.away_since is None or self._writer.last_error is None:
            return None
        return self._writer.last_error.removeprefix(f"{StorageError.__name__}: ")

    async def check_error_rate(self) -> ErrorRateHealth:
        """`error_rate` of the last hour: the bot's faults only, None below the minimum sample."""
        total, errors = self._recent.totals()
        return error_rate_health(total, errors, self._config)

    def check_monitor(self) -> MonitorHealth:
        """What waits to be written, what was lost, and our own failures."""
        return monitor_health(
            queued=self._writer.queued,
            spooled=self._writer.spooled,
            spool_bytes=self._writer.spool_bytes,
            dropped=self._writer.dropped,
            failures=self._failures.n,
            failed_lately=self._failures.within(_HOUR_S),
            trouble=self._storage.trouble,
            last_error=self._writer.last_error or self._failures.last,
        )

    async def get_full_health_report(self) -> HealthReport:
        """The verdict with its reason, and every component."""
        memory, cpu = await self.check_memory(), await self.check_cpu()
        database, error_rate = await self.check_database(), await self.check_error_rate()
        monitor = self.check_monitor()
        status, reason, remedy = overall([database, error_rate, memory, cpu, monitor])
        return HealthReport(
            overall_status=status,
            reason=reason,
            remedy=remedy,
            memory=memory,
            cpu=cpu,
            database=database,
            error_rate=error_rate,
            monitor=monitor,
            uptime_s=self.uptime_s,
            checked_at=self._clock.now(),
        )

    def record(self, report: HealthReport) -> None:
        """Keep a report's verdict for the history."""
        self._recorder.record(
            HealthRecord(
                event_id=new_event_id(),
                occurred_at=report.checked_at,
                status=report.overall_status,
                reason=report.reason,
                rss_bytes=report.memory.rss_bytes,
                cpu_percent=report.cpu.percent,
                database_s=report.database.response_time_s,
                error_rate=report.error_rate.error_rate,
            )
        )
