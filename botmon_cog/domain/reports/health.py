"""How the bot is."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from botmon_cog.config import ComponentName, Severity
from botmon_cog.domain.report import Report
from botmon_cog.domain.samples import GatewaySample, LoopRun, LoopSample, RestSample, SlowCommand

UNWATCHED = "unwatched"
"""The status of a component that `[health] watch` leaves out."""


class Problem(Report, frozen=True, kw_only=True):
    """One thing that is not well, once that is certain."""

    key: str
    """What an alert goes by: `memory`, `gateway.shard.3`, `commands.play`, `rule.players`."""
    severity: Severity
    reason: str
    """One sentence for people, without a full stop: `the database does not answer: disk I/O error`."""
    remedy: str | None = None
    since: datetime
    """When it was first seen."""
    is_shared: bool = False
    """Whether every process on the same database sees the same (the database itself)."""


class ComponentHealth(Report, frozen=True, kw_only=True):
    """One component's verdict and what it rests on."""

    status: str = UNWATCHED
    """`healthy`, `warning`, `critical`, `slow`, `error`, `unknown`, or `unwatched`."""
    reason: str | None = None
    """One sentence for people, None while healthy."""
    remedy: str | None = None
    problems: tuple[Problem, ...] = ()
    """All that is not well with it, the worst first; `reason` and `remedy` are the first one's."""


class MemoryHealth(ComponentHealth, frozen=True, kw_only=True):
    rss_bytes: int | None = None
    vms_bytes: int | None = None
    percent: float | None = None
    """Of the memory that this process may use."""
    limit_bytes: int | None = None
    is_contained: bool = False
    growth_bytes_per_h: float | None = None


class CpuHealth(ComponentHealth, frozen=True, kw_only=True):
    percent: float | None = None
    """Of one core, by this process."""
    system_percent: float | None = None
    """Of the whole machine."""
    threads: int | None = None


class FilesHealth(ComponentHealth, frozen=True, kw_only=True):
    """Open file descriptors."""

    files: int | None = None
    limit: int | None = None


class LoopHealth(ComponentHealth, frozen=True, kw_only=True):
    """The event loop."""

    sample: LoopSample | None = None


class GatewayHealth(ComponentHealth, frozen=True, kw_only=True):
    sample: GatewaySample | None = None


class RestHealth(ComponentHealth, frozen=True, kw_only=True):
    """Discord's REST interface."""

    sample: RestSample | None = None


class DatabaseHealth(ComponentHealth, frozen=True, kw_only=True):
    response_time_s: float | None = None
    size_bytes: int | None = None


class ErrorRateHealth(ComponentHealth, frozen=True, kw_only=True):
    error_rate: float | None = None
    """0..1 over the last hour; None below the minimum sample."""
    total: int | None = None
    """Commands in the last hour."""
    errors: int | None = None
    """The bot's faults among them."""
    late: int = 0
    unanswered: int = 0


class CommandsHealth(ComponentHealth, frozen=True, kw_only=True):
    """Commands against their own past."""

    slow: tuple[SlowCommand, ...] = ()


class MonitorHealth(ComponentHealth, frozen=True, kw_only=True):
    """The monitor's own state."""

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
    loops: tuple[LoopRun, ...] = ()
    unreachable: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    cpu_percent: float | None = None

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
    database: DatabaseHealth = DatabaseHealth()
    gateway: GatewayHealth = GatewayHealth()
    loop: LoopHealth = LoopHealth()
    error_rate: ErrorRateHealth = ErrorRateHealth()
    commands: CommandsHealth = CommandsHealth()
    memory: MemoryHealth = MemoryHealth()
    cpu: CpuHealth = CpuHealth()
    files: FilesHealth = FilesHealth()
    rest: RestHealth = RestHealth()
    monitor: MonitorHealth = MonitorHealth()
    rules: tuple[Problem, ...] = ()
    """What `[[alerts.rule]]` found. It makes alerts, and no verdict."""
    unknown: tuple[str, ...] = ()
    """Keys, with all beneath them, of which nobody can tell now whether they are well."""
    uptime_s: float
    checked_at: datetime

    @property
    def components(self) -> dict[str, ComponentHealth]:
        """By name, the gravest first; without those that `[health] watch` leaves out."""
        every: dict[str, ComponentHealth] = {name: getattr(self, name) for name in get_args(ComponentName)}
        return {name: component for name, component in every.items() if component.status != UNWATCHED}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is not well, the components' in their order, then the rules'."""
        return (*(problem for component in self.components.values() for problem in component.problems), *self.rules)


class HealthMoment(Report, frozen=True, kw_only=True):
    """A verdict as it was at a moment of the past."""

    occurred_at: datetime
    status: str
    reason: str | None
