"""What a report says, as values.

Every report is a struct whose fields can also be read by subscript (`report["overall_status"]`), with `get`, `keys`
and `in`, as the dictionaries of older versions could; `msgspec.to_builtins` and `msgspec.json.encode` take them as
they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.domain.histogram import Histogram

MIN_FOR_PERCENTILES = 20
"""Fewer samples than this have no percentile worth showing."""
MIN_FOR_P99 = 100


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A struct that also subscripts."""

    def __getitem__(self, key: str) -> Any:
        if key not in self.__struct_fields__:
            raise KeyError(key)
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.__struct_fields__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__struct_fields__)

    def keys(self) -> tuple[str, ...]:
        return self.__struct_fields__

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self, key) if key in self.__struct_fields__ else default


class Period(Report, frozen=True, kw_only=True):
    """A run of whole hours, aware UTC: from `start` up to, but not including, `end`."""

    name: str
    """`today`, `weekly`, `monthly`, or `7 days`."""
    start: datetime
    end: datetime


class Percentiles(Report, frozen=True, kw_only=True):
    """Quantiles in seconds, within 2 % of the truth. None where there are too few samples to say."""

    n: int = 0
    p50_s: float | None = None
    p90_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    """Needs 100 samples, the others 20."""
    max_s: float | None = None

    @classmethod
    def of(cls, histogram: Histogram) -> Percentiles:
        n = histogram.n
        enough = n >= MIN_FOR_PERCENTILES
        return cls(
            n=n,
            p50_s=histogram.quantile(0.50) if enough else None,
            p90_s=histogram.quantile(0.90) if enough else None,
            p95_s=histogram.quantile(0.95) if enough else None,
            p99_s=histogram.quantile(0.99) if n >= MIN_FOR_P99 else None,
            max_s=histogram.quantile(1.0),
        )


class HistoryEntry(Report, frozen=True, kw_only=True):
    """One row of the audit log. Everything but `id`, `timestamp` and `command` is None where an old row lacks it."""

    id: int
    timestamp: datetime | None
    """Aware UTC; None where an old row's text is no date."""
    command: str | None
    kind: str | None
    outcome: str | None
    success: bool | None
    duration_s: float | None
    response_s: float | None
    gateway_delay_s: float | None
    guild_id: str | None
    guild_name: str | None
    channel_id: str | None
    user_id: str | None
    username: str | None
    shard_id: int | None
    instance: str | None
    parameters: str | None
    details: str | None
    error_type: str | None
    error_message: str | None


class CommandCounts(Report, frozen=True, kw_only=True):
    """How often a command was invoked and how that ended. `n` includes old rows whose outcome nobody knows."""

    command: str
    n: int = 0
    ok: int = 0
    user_error: int = 0
    denied: int = 0
    error: int = 0
    late: int = 0
    unanswered: int = 0
    cancelled: int = 0

    @property
    def faults(self) -> int:
        """Those that were the bot's fault."""
        return self.error + self.late + self.unanswered

    @property
    def known(self) -> int:
        """Those whose outcome is known."""
        return self.ok + self.user_error + self.denied + self.faults + self.cancelled

    @property
    def fault_rate(self) -> float | None:
        """The bot's faults among the known, 0..1; None where nothing is known."""
        return self.faults / self.known if self.known else None


class HourCount(Report, frozen=True, kw_only=True):
    """Commands within the hour that begins at `start` (aware UTC)."""

    start: datetime
    n: int
    faults: int


class MusicTotals(Report, frozen=True, kw_only=True):
    songs_played: int = 0
    playtime_s: int = 0
    skips: int = 0
    pauses: int = 0

    @property
    def skip_rate(self) -> float | None:
        """Skips per song played, 0..1; None before the first song."""
        return min(self.skips / self.songs_played, 1.0) if self.songs_played else None


class StatisticsReport(Report, frozen=True, kw_only=True):
    """What happened in a guild (or in all, where `guild_id` is None) within a period, and in the one before."""

    guild_id: str | None
    guild_name: str | None
    period: Period
    previous: Period
    """As long as `period`, up to the same hour, so that the two compare."""
    total_commands: int
    previous_commands: int
    unique_users: int
    previous_users: int
    faults: int
    fault_rate: float | None
    """The bot's faults among commands with a known outcome, 0..1."""
    previous_fault_rate: float | None
    commands: tuple[CommandCounts, ...]
    """Most used first."""
    previous_by_command: dict[str, int]
    hours: tuple[HourCount, ...]
    """Those hours of the period in which anything happened, in order."""
    previous_hours: tuple[HourCount, ...]
    total_songs: int
    total_playtime_s: int
    total_playtime_hours: float
    total_skips: int
    skip_rate: float | None
    """Skips per song, 0..1; None without songs."""
    previous_skip_rate: float | None
    total_pauses: int
    unused_commands: tuple[str, ...]
    """Commands used before, but not for 30 days."""
    first_seen: datetime | None
    """The hour of the first command ever recorded here; None before it."""

    @property
    def is_empty(self) -> bool:
        return not (self.total_commands or self.total_songs or self.total_skips or self.total_pauses)


class CommandPerformance(Report, frozen=True, kw_only=True):
    """One command's times. `previous` is its duration in the period before."""

    command: str
    duration: Percentiles
    response: Percentiles
    previous: Percentiles
    slow_share: float
    """The share (0..1) of calls over the threshold."""


class OperationPerformance(Report, frozen=True, kw_only=True):
    """A named operation's times, as `PerformanceMonitor.track` recorded them."""

    name: str
    duration: Percentiles
    failed: int


class Bottleneck(Report, frozen=True, kw_only=True):
    """Something that is slower than its threshold, often enough to matter."""

    name: str
    metric: str
    """`command`, `response` or the operation's name."""
    severity: str
    """`low`, `medium`, `high` or `critical`."""
    threshold_s: float
    p95_s: float
    slow_share: float
    """The share (0..1) of samples over the threshold."""
    n: int


class PerformanceReport(Report, frozen=True, kw_only=True):
    """How quick the bot was in a guild (or in all, where `guild_id` is None) within a period."""

    guild_id: str | None
    period: Period
    command: str | None
    """The one command that was asked for; None for all."""
    total_commands: int
    command_threshold_s: float
    response_threshold_s: float
    duration: Percentiles
    response: Percentiles
    gateway_delay: Percentiles
    late: int
    unanswered: int
    commands: tuple[CommandPerformance, ...]
    """Slowest first, by p95 where there is one, else by the maximum."""
    operations: tuple[OperationPerformance, ...]
    bottlenecks: tuple[Bottleneck, ...]
    """Worst first."""
    by_day: tuple[tuple[str, float | None], ...] = ()
    """(ISO date, p95 or maximum of the duration in seconds) of the one command asked for, else of the worst."""
    by_day_command: str | None = None


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
    """Rows recorded and not yet committed."""
    dropped: int = 0
    """Rows lost since the start."""
    failures: int = 0
    """Our own faults absorbed since the start."""
    last_error: str | None = None


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


class CommandStats(Report, frozen=True, kw_only=True):
    """Commands counted by how they ended."""

    total_commands: int = 0
    """All, those with an unknown outcome (rows of old databases) included."""
    successful_commands: int = 0
    failed_commands: int = 0
    """All known outcomes but `ok`: a user's typo is in here."""
    success_rate: float | None = None
    """Successful among the known, 0..1."""
    fault_rate: float | None = None
    """The bot's faults among the known, 0..1."""
    commands: tuple[CommandCounts, ...] = ()
    """Most used first."""
