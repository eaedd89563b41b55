"""Samples and thresholds to a verdict, with its reason and a remedy in words. Pure, and safe for NaN and infinity."""

from __future__ import annotations

import math
from collections.abc import Iterable

from botmon_cog.config import HealthConfig
from botmon_cog.domain.reports import (
    ComponentHealth,
    CpuHealth,
    DatabaseHealth,
    ErrorRateHealth,
    MemoryHealth,
    MonitorHealth,
)
from botmon_cog.domain.text import count, percent, plural

HEALTHY, DEGRADED, UNHEALTHY, UNKNOWN = "healthy", "degraded", "unhealthy", "unknown"
WARNING, CRITICAL, SLOW, ERROR = "warning", "critical", "slow", "error"

_OVERALL = {CRITICAL: UNHEALTHY, ERROR: UNHEALTHY, WARNING: DEGRADED, SLOW: DEGRADED}
_SEE_THE_LOG = "See the log lines of botmon_cog; please report them if they are our fault."
_WORST_FIRST = (UNHEALTHY, DEGRADED, UNKNOWN, HEALTHY)


def memory_health(
    rss_bytes: int | None, vms_bytes: int | None, percent_used: float | None, limits: HealthConfig
) -> MemoryHealth:
    """`percent_used`: this process's share of the machine's memory, 0..100; None where it can't be read."""
    status = _level(percent_used, limits.memory_warning_percent, limits.memory_critical_percent)
    reason = {
        UNKNOWN: "the memory of this process can't be read",
        HEALTHY: None,
    }.get(status, f"the bot uses {percent((percent_used or 0) / 100)} of this machine's memory")
    remedy = "Restart the bot soon and look for what it keeps: caches, message history, unclosed sessions."
    return MemoryHealth(
        status=status,
        reason=reason,
        remedy=remedy if status in _OVERALL else None,
        rss_bytes=rss_bytes,
        vms_bytes=vms_bytes,
        percent=percent_used,
    )


def cpu_health(
    percent_used: float | None, system_percent: float | None, limits: HealthConfig, *, is_measured: bool = True
) -> CpuHealth:
    """`percent_used`: of one core, by this process, since the check before; above 100 with several threads.

    `is_measured` False: there was no time to measure it yet, which is no fault.
    """
    if not is_measured:
        return CpuHealth(status=UNKNOWN)
    status = _level(percent_used, limits.cpu_warning_percent, limits.cpu_critical_percent)
    reason = {
        UNKNOWN: "the processor time of this process can't be read",
        HEALTHY: None,
    }.get(status, f"the bot keeps {percent((percent_used or 0) / 100)} of a processor core busy")
    remedy = (
        "Something computes instead of waiting: move it to a thread or a process, or spread the guilds over shards."
    )
    return CpuHealth(
        status=status,
        reason=reason,
        remedy=remedy if status in _OVERALL else None,
        percent=percent_used,
        system_percent=system_percent,
    )


def database_health(
    response_time_s: float | None,
    size_bytes: int | None,
    error: str | None,
    limits: HealthConfig,
    *,
    refusal: str | None = None,
) -> DatabaseHealth:
    """`error`: what the database said instead of answering. `refusal`: what it says to rows, where it answers else."""
    if error is not None or response_time_s is None:
        return DatabaseHealth(
            status=ERROR,
            reason=f"the database does not answer: {error or 'no reason given'}",
            remedy=_database_remedy(error or ""),
        )
    if refusal is not None:
        return DatabaseHealth(
            status=ERROR,
            reason=f"the database takes no rows: {refusal}",
            remedy=_database_remedy(refusal),
            response_time_s=response_time_s,
            size_bytes=size_bytes,
        )
    if response_time_s * 1000 > limits.database_slow_ms:
        return DatabaseHealth(
            status=SLOW,
            reason=f"the database takes {response_time_s:.1f} s to answer",
            remedy="Look for another process that uses the same file or disk.",
            response_time_s=response_time_s,
            size_bytes=size_bytes,
        )
    return DatabaseHealth(status=HEALTHY, response_time_s=response_time_s, size_bytes=size_bytes)


def error_rate_health(total: int, errors: int, limits: HealthConfig) -> ErrorRateHealth:
    """Commands within the last hour, and the bot's faults among them. Too few commands give no rate: `unknown`."""
    if total < limits.error_rate_min_commands:
        status = UNKNOWN if errors else HEALTHY
        return ErrorRateHealth(status=status, total=total, errors=errors)
    rate = errors / total
    status = _level(rate, limits.error_rate_warning, limits.error_rate_critical)
    if status == HEALTHY:
        return ErrorRateHealth(status=HEALTHY, error_rate=rate, total=total, errors=errors)
    return ErrorRateHealth(
        status=status,
        reason=f"{percent(rate)} of the last hour's commands failed ({errors} of {total})",
        remedy="See the bot's log for the tracebacks, and /perf for the commands concerned.",
        error_rate=rate,
        total=total,
        errors=errors,
    )


def monitor_health(
    *,
    queued: int,
    dropped: int,
    failures: int,
    failed_lately: bool,
    last_error: str | None,
    spooled: int = 0,
    spool_bytes: int = 0,
    trouble: str | None = None,
) -> MonitorHealth:
    """The monitor's own state; it never makes more than a warning, for the bot runs on without it.

    `queued` and `spooled`: rows that wait in memory and on disk. What is lost weighs more than what went wrong, and
    that more than what waits.
    `trouble`: what befell the database since the start and is over.
    """
    reason = remedy = None
    if dropped:
        reason, remedy = f"{dropped} rows were lost since the start", _SEE_THE_LOG
    elif trouble is not None:
        reason, remedy = trouble, "The bot goes on with the new file; its next start takes this note away."
    elif failed_lately:
        reason, remedy = "the monitor itself failed within the last hour", _SEE_THE_LOG
    elif spooled:
        reason = f"{count(spooled)} {plural(spooled, 'row waits', 'rows wait')} on disk for the database"
        remedy = "Nothing is lost: they are written as soon as the database takes them. See what keeps it."
    return MonitorHealth(
        status=HEALTHY if reason is None else WARNING,
        reason=reason,
        remedy=remedy,
        queued=queued,
        spooled=spooled,
        spool_bytes=spool_bytes,
        dropped=dropped,
        failures=failures,
        last_error=last_error,
    )


def overall(components: Iterable[ComponentHealth]) -> tuple[str, str | None, str | None]:
    """(status, reason, remedy) of the worst component, the first of equals.

    A source that can't be read is not healthy; too few commands to judge (`unknown` without a reason) change nothing.
    """
    worst: tuple[str, str | None, str | None] = (HEALTHY, None, None)
    for component in components:
        status = _OVERALL.get(component.status, HEALTHY)
        if component.status == UNKNOWN and component.reason is not None:
            status = DEGRADED
        if _WORST_FIRST.index(status) < _WORST_FIRST.index(worst[0]):
            worst = (status, component.reason, component.remedy)
    return worst


def _level(value: float | None, warning: float, critical: float) -> str:
    if value is None or math.isnan(value):
        return UNKNOWN
    if value >= critical:
        return CRITICAL
    return WARNING if value >= warning else HEALTHY


def _database_remedy(error: str) -> str:
    text = error.lower()
    if "locked" in text or "busy" in text:
        return "Stop the other process that holds the file: a backup or a database browser, usually."
    if "full" in text:
        return "Make room on the disk; what waits is written then."
    if "readonly" in text or "read-only" in text or "permission" in text or "open" in text:
        return "Let the bot's user write to the file and to its folder."
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return "Move the damaged file away; a new one is begun. Restore a backup if you have one."
    return "See the bot's log for what the database said."
