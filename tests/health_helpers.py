"""Health reports for the tests of what is drawn from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import discord

from botmon_cog.cog import embeds
from botmon_cog.domain.reports import (
    CommandsHealth,
    CpuHealth,
    DatabaseHealth,
    ErrorRateHealth,
    FilesHealth,
    GatewayHealth,
    HealthMoment,
    HealthReport,
    LoopHealth,
    MemoryHealth,
    MonitorHealth,
    Problem,
    RestHealth,
)
from botmon_cog.domain.samples import GatewaySample, LoopSample, RestSample, ShardSample

NOW = datetime(2026, 11, 23, 21, 4, 30, tzinfo=UTC)
LOCKED = "the database does not answer: database is locked"
STOP_IT = "Stop the other process that holds the file."
BLOCKED = (
    "the event loop was blocked for 4.2 s in ten minutes, most by /play (cogs/music.py:42 in play, waiting in "
    "requests.sessions.send)"
)
FAILING = "31 % of the last hour's commands failed (77 of 250)"


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


def stamp(when: datetime, style: str) -> str:
    return f"<t:{int(when.timestamp())}:{style}>"


def values(embed: discord.Embed) -> dict[str | None, str]:
    return {field.name: shown(field.value) for field in embed.fields}


def shown(words: str | None) -> str:
    """What keeps a line together is a space to the reader."""
    return (words or "").replace("\u00a0", " ")


def shard(shard_id: int, latency_s: float | None = 0.041, **parts: Any) -> ShardSample:
    return ShardSample(shard_id=shard_id, latency_s=latency_s, **({"is_connected": True} | parts))


def gateway(*shards: ShardSample, status: str = "healthy", **parts: Any) -> GatewayHealth:
    return GatewayHealth(status=status, sample=GatewaySample(shards=shards, **parts))


def problem(key: str, reason: str, severity: Any = "critical", remedy: str | None = None, **parts: Any) -> Problem:
    return Problem(key=key, severity=severity, reason=reason, remedy=remedy, **({"since": ago(minutes=10)} | parts))


HEALTHY: dict[str, Any] = {
    "database": DatabaseHealth(status="healthy", response_time_s=0.0009, size_bytes=14_700_000),
    "gateway": gateway(shard(0)),
    "loop": LoopHealth(status="healthy", sample=LoopSample(p50_s=0.0004, p99_s=0.002, max_s=0.012)),
    "error_rate": ErrorRateHealth(status="healthy", total=318, errors=0, error_rate=0.0),
    "commands": CommandsHealth(status="healthy"),
    "memory": MemoryHealth(
        status="healthy", rss_bytes=172_000_000, vms_bytes=1_300_000_000, percent=3.1, limit_bytes=2**33
    ),
    "cpu": CpuHealth(status="healthy", percent=1.2, system_percent=11.4, threads=23),
    "files": FilesHealth(status="healthy", files=87, limit=1024),
    "rest": RestHealth(status="healthy", sample=RestSample(rate_limits_1h=2)),
    "monitor": MonitorHealth(status="healthy"),
}


def health_report(
    status: str = "healthy", reason: str | None = None, remedy: str | None = None, **parts: Any
) -> HealthReport:
    usual: dict[str, Any] = {"uptime_s": 1_062_000.0, "checked_at": ago(seconds=4)}
    return HealthReport(overall_status=status, reason=reason, remedy=remedy, **(usual | HEALTHY | parts))


def troubled(key: str, reason: str, severity: Any = "critical", **numbers: Any) -> Any:
    """The health of one component that is not well."""
    kind = type(HEALTHY[key])
    found = problem(key, reason, severity)
    return kind(status="error" if key == "database" else severity, reason=reason, problems=(found,), **numbers)


AWAY = health_report(
    "unhealthy",
    LOCKED,
    STOP_IT,
    database=troubled("database", LOCKED),
    monitor=MonitorHealth(status="healthy", queued=214),
)


def glance(**parts: Any) -> embeds.Glance:
    usual: dict[str, Any] = {
        "commands_1h": 318,
        "faults_1h": 0,
        "scope": "The Listening Room",
        "calm_since": ago(days=6, hours=3),
    }
    return embeds.Glance(**(usual | parts))


def moment(hours_ago: float, status: str, reason: str | None = None) -> HealthMoment:
    return HealthMoment(occurred_at=ago(hours=hours_ago), status=status, reason=reason)
