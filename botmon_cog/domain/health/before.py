"""Verdicts of one moment, for `monitors/health.py` until it asks a `Judge`."""

from __future__ import annotations

import math

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health.verdict import CRITICAL, ERROR, HEALTHY, SLOW, UNKNOWN, WARNING
from botmon_cog.domain.reports import (
    CpuHealth,
    DatabaseHealth,
    MemoryHealth,
    MonitorHealth,
)
from botmon_cog.domain.text import count, percent, plural

_SEE_THE_LOG = "See the log lines of botmon_cog; please report them if they are our fault."


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
        remedy=remedy if status in (WARNING, CRITICAL) else None,
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
        remedy=remedy if status in (WARNING, CRITICAL) else None,
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
