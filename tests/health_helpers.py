"""Health reports for the tests of what is drawn from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import discord
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports.health import ComponentHealth, HealthMoment, HealthReport, Problem
from botmon_cog.domain.samples import GatewaySample, LoopSample, RestSample, Sample, ShardSample
from botmon_cog.health.components.commands import CommandsSample
from botmon_cog.health.components.cpu import CpuSample
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.health.components.files import FilesSample
from botmon_cog.health.components.memory import MemorySample
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.health.words import words_of

NOW = datetime(2026, 11, 23, 21, 4, 30, tzinfo=UTC)
LOCKED = Reason.of("database.away", said="database is locked")
STOP_IT = words_of(LOCKED).remedy or ""
BLOCKED = Reason.of(
    "loop.blocked", blocked_s=4.2, who="/play", where="cogs/music.py:42 in play", inside="requests.sessions.send"
)
FAILING = Reason.of("commands.failing", share=0.308, faults=77, total=250, late=0, unanswered=0, worst=["lyrics"])


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
    usual: dict[str, Any] = {"usual_latency_s": latency_s, "is_connected": True}
    return ShardSample(shard_id=shard_id, latency_s=latency_s, **(usual | parts))


SAMPLES: dict[str, Sample] = {
    "database": DatabaseSample(response_time_s=0.0009, size_bytes=14_700_000),
    "gateway": GatewaySample(shards=(shard(0),)),
    "loop": LoopSample(p50_s=0.0004, p99_s=0.002, max_s=0.012),
    "commands": CommandsSample(total=318),
    "memory": MemorySample(
        process_bytes=172_000_000, used_bytes=172_000_000, virtual_bytes=1_300_000_000, limit_bytes=2**33
    ),
    "cpu": CpuSample(percent=1.2, system_percent=11.4, threads=23),
    "files": FilesSample(files=87, limit=1024),
    "rest": RestSample(rate_limits_1h=2),
    "monitor": MonitorSample(),
}
"""Of a bot that is well and speaks nowhere."""


def well(name: str, **numbers: Any) -> ComponentHealth:
    """A component that is well, with some values of its sample replaced."""
    return ComponentHealth(status="healthy", sample=replace(SAMPLES[name], **numbers))


def problem(key: str, reason: Reason, severity: Any = "critical", **parts: Any) -> Problem:
    return Problem(key=key, severity=severity, reason=reason, **({"since": ago(minutes=10)} | parts))


def troubled(key: str, reason: Reason, severity: Any = "critical", **numbers: Any) -> ComponentHealth:
    """The component of that key, not well."""
    found = problem(key, reason, severity)
    return replace(well(key.partition(".")[0], **numbers), status=severity, problems=(found,))


def health_report(status: str = "healthy", **parts: Any) -> HealthReport:
    """Of a bot that is well, but for the components in `parts`; other names in it are the report's own fields."""
    components = {name: parts.pop(name, well(name)) for name in SAMPLES} | {
        name: parts.pop(name) for name in list(parts) if isinstance(parts[name], ComponentHealth)
    }
    usual: dict[str, Any] = {"uptime_s": 1_062_000.0, "watched_s": 1_062_000.0, "checked_at": ago(seconds=4)}
    return HealthReport(overall_status=status, components=components, **(usual | parts))


AWAY = health_report(
    "unhealthy",
    database=troubled("database", LOCKED, response_time_s=None, error="database is locked"),
    monitor=well("monitor", queued=214),
)


def glance(**parts: Any) -> embeds.Glance:
    usual: dict[str, Any] = {
        "commands_1h": (318, 0),
        "scope": "The Listening Room",
        "calm_since": ago(days=6, hours=3),
    }
    return embeds.Glance(**(usual | parts))


def moment(hours_ago: float, status: str, reason: Reason | None = None) -> HealthMoment:
    return HealthMoment(occurred_at=ago(hours=hours_ago), status=status, reason=reason)
