"""A bot that is well, as samples, and what may befall it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health import Judge
from botmon_cog.domain.reports import HealthReport, Problem
from botmon_cog.domain.samples import (
    Block,
    CommandsSample,
    DatabaseSample,
    GatewaySample,
    LoopSample,
    MonitorSample,
    ProcessSample,
    RestSample,
    Samples,
    ShardSample,
    SlowCommand,
)

DEFAULTS = HealthConfig()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GB = 1_000_000_000

SHARD = ShardSample(shard_id=0, latency_s=0.05, is_connected=True)
PLAY = SlowCommand(command="play", p95_s=4.1, usual_s=0.9, n=50)
BLOCK = Block(
    who="/play", where="cogs/music.py:42 in play", n=3, total_s=4.0, longest_s=2.0, last_at=NOON - timedelta(minutes=2)
)

WELL = Samples(
    taken_at=NOON,
    process=ProcessSample(
        rss_bytes=100_000_000,
        vms_bytes=GB,
        limit_bytes=GB,
        growth_bytes_per_h=1e6,
        cpu_percent=5.0,
        system_cpu_percent=20.0,
        threads=9,
        files=30,
        files_limit=1024,
    ),
    loop=LoopSample(p50_s=0.001, p99_s=0.01, max_s=0.03),
    gateway=GatewaySample(shards=(SHARD,), identifies_left=990, identifies_total=1000),
    rest=RestSample(rate_limits_1h=2),
    commands=CommandsSample(total=100, errors=1),
    database=DatabaseSample(response_time_s=0.002, size_bytes=1_000_000),
    monitor=MonitorSample(queued=3),
)


def samples(at: int = 0, **parts: dict[str, object]) -> Samples:
    """As `WELL`, so many minutes after noon, with some values of some samples replaced: `memory={"rss_bytes": 1}`."""
    changed = {name: msgspec.structs.replace(getattr(WELL, name), **values) for name, values in parts.items()}
    return msgspec.structs.replace(WELL, taken_at=NOON + at * MINUTE, **changed)


def of_memory(percent: float | None, at: int = 0) -> Samples:
    """A bot that uses so much of its memory."""
    return samples(at, process={"rss_bytes": None if percent is None else percent, "limit_bytes": 100})


def steps(judge: Judge, series: Iterable[Samples]) -> list[HealthReport]:
    return [judge.step(each, 60.0) for each in series]


def settled(config: HealthConfig = DEFAULTS, /, **parts: dict[str, object]) -> HealthReport:
    """The verdict on a bot that has been so for long enough."""
    return steps(Judge(config), [samples(n, **parts) for n in range(config.checks_window)])[-1]


def only(report: HealthReport) -> Problem:
    (problem,) = report.problems
    return problem


def shards(n: int, down: dict[int, float], **values: object) -> tuple[ShardSample, ...]:
    """So many shards, some of them down for so many seconds."""
    return tuple(
        ShardSample(
            shard_id=number,
            is_connected=number not in down,
            down_s=down.get(number, 0.0),
            **({"latency_s": 0.05} | values),  # pyright: ignore[reportArgumentType]
        )
        for number in range(n)
    )
