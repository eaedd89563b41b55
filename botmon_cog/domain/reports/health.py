"""How the bot is."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.domain.reports.base import Report


class ComponentHealth(Report, frozen=True, kw_only=True):
    """One component's verdict and what it rests on. Fields that do not concern it are None."""

    status: str
    """`healthy`, `warning`, `critical`, `slow`, `error` or `unknown`."""
    reason: str | None = None
    """One sentence for people, None while healthy."""
    remedy: str | None = None
    rss_bytes: int | None = None
    vms_bytes: int | None = None
    percent: float | None = None
    """Of the machine's memory (memory), or of one core (cpu)."""
    system_percent: float | None = None
    """Of the whole machine (cpu)."""
    response_time_s: float | None = None
    size_bytes: int | None = None
    error_rate: float | None = None
    """0..1 over the last hour; None below the minimum sample."""
    total: int | None = None
    """Commands in the last hour."""
    errors: int | None = None
    """The bot's faults among them."""


class MonitorHealth(Report, frozen=True, kw_only=True):
    """The monitor's own state."""

    status: str
    reason: str | None = None
    remedy: str | None = None
    queued: int = 0
    """Rows in memory, recorded and not yet committed."""
    spooled: int = 0
    """Rows on disk that wait for the database."""
    spool_bytes: int = 0
    dropped: int = 0
    """Rows lost since the start."""
    failures: int = 0
    """Our own faults absorbed since the start."""
    last_error: str | None = None

    @property
    def waiting(self) -> int:
        """Rows that are not in the database yet, in memory or on disk."""
        return self.queued + self.spooled


class HealthReport(Report, frozen=True, kw_only=True):
    """The verdict and what it rests on."""

    overall_status: str
    """`healthy`, `degraded`, `unhealthy` or, before anything is known, `unknown`."""
    reason: str | None
    """The worst component's reason, None while healthy."""
    remedy: str | None
    memory: ComponentHealth
    cpu: ComponentHealth
    database: ComponentHealth
    error_rate: ComponentHealth
    monitor: MonitorHealth
    uptime_s: float
    checked_at: datetime

    @property
    def components(self) -> dict[str, ComponentHealth | MonitorHealth]:
        return {
            "memory": self.memory,
            "cpu": self.cpu,
            "database": self.database,
            "error_rate": self.error_rate,
            "monitor": self.monitor,
        }


class HealthMoment(Report, frozen=True, kw_only=True):
    """A verdict as it was at a moment of the past."""

    occurred_at: datetime
    status: str
    reason: str | None
