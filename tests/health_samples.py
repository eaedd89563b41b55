"""A bot that is well, as samples, what may befall it, and its health with samples given."""

from __future__ import annotations

import dataclasses
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec

from botmon_cog.config import AlertsConfig, Config, HealthConfig
from botmon_cog.domain.models import HealthRecord
from botmon_cog.domain.reports.health import HealthReport, Problem
from botmon_cog.domain.samples import Block, GatewaySample, LoopSample, RestSample, Sample, ShardSample
from botmon_cog.health.check import Health
from botmon_cog.health.component import Component, Finding
from botmon_cog.health.components import COMPONENTS
from botmon_cog.health.components.commands import CommandsSample
from botmon_cog.health.components.cpu import CpuSample
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.health.components.disk import DiskSample
from botmon_cog.health.components.files import FilesSample
from botmon_cog.health.components.memory import MemorySample
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.health.components.voice import VoiceSample
from botmon_cog.health.sources import Sources
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.metrics import Metrics
from botmon_cog.monitors.metrics.operations import Operations
from botmon_cog.testing import ManualClock

T = TypeVar("T")

DEFAULTS = HealthConfig()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GB = 1_000_000_000

SHARD = ShardSample(shard_id=0, latency_s=0.05, usual_latency_s=0.05, is_connected=True)
BLOCK = Block(
    who="/play", where="cogs/music.py:42 in play", n=3, total_s=4.0, longest_s=2.0, last_at=NOON - timedelta(minutes=2)
)
WELL: dict[str, Sample] = {
    "database": DatabaseSample(response_time_s=0.002, size_bytes=1_000_000),
    "gateway": GatewaySample(shards=(SHARD,), identifies_left=990, identifies_total=1000),
    "loop": LoopSample(p50_s=0.001, p99_s=0.01, max_s=0.03),
    "commands": CommandsSample(total=100, errors=1),
    "memory": MemorySample(process_bytes=100_000_000, used_bytes=100_000_000, virtual_bytes=GB, limit_bytes=GB),
    "cpu": CpuSample(percent=5.0, system_percent=20.0, threads=9),
    "disk": DiskSample(free_bytes=40 * GB, total_bytes=100 * GB),
    "files": FilesSample(files=30, limit=1024),
    "rest": RestSample(rate_limits_1h=2),
    "voice": VoiceSample(connections=2, latency_s=0.04),
    "monitor": MonitorSample(queued=3),
}


def sample(name: str, **values: object) -> Any:
    """As in `WELL`, with some values replaced."""
    return msgspec.structs.replace(WELL[name], **values)


def shards(n: int, down: dict[int, float], **values: object) -> tuple[ShardSample, ...]:
    """So many shards, some of them down for so many seconds."""
    return tuple(
        ShardSample(
            shard_id=number,
            is_connected=number not in down,
            down_s=down.get(number, 0.0),
            **({"latency_s": 0.05, "usual_latency_s": 0.05} | values),  # pyright: ignore[reportArgumentType]
        )
        for number in range(n)
    )


def judged(name: str, config: HealthConfig = DEFAULTS, **values: object) -> list[Finding]:
    """What a component finds beyond its limits."""
    findings = component(name).judge(sample(name, **values), config)
    return [each for each in findings if each.value is not None and any(map(_is_beyond, each.limits, [each.value] * 2))]


def _is_beyond(limit: float | None, value: float) -> bool:
    return limit is not None and value >= limit


def component(name: str) -> Component[Any]:
    """One that can judge and show samples, and looks at nothing."""
    kind = next(kind for kind in COMPONENTS if kind.name == name)
    return object.__new__(kind)


def sources_of(**parts: Any) -> Sources:
    """With these parts alone, for components that look at nothing else."""
    fields = [field.name for field in dataclasses.fields(Sources) if field.default is dataclasses.MISSING]
    return Sources(**dict.fromkeys(fields) | parts)


class Bot:
    """The health of a bot whose samples are given. Each check comes a minute after the one before.

    Attributes:
        samples: what its components see, by their names: a sample, None, or what looking raises.
        kept: the rows of the history.
    """

    def __init__(self, config: HealthConfig = DEFAULTS, alerts: AlertsConfig | None = None, **parts: Any) -> None:
        """`parts`: as for `check`."""
        self.clock = ManualClock(NOON - MINUTE)
        self.failures = Failures(self.clock)
        self.loops = LoopRuns(self.clock)
        self.operations = Operations()
        self.kept: list[HealthRecord] = []
        self.samples: dict[str, Sample | Exception | None] = dict(WELL)
        self._set(parts)
        whole = Config(health=config, alerts=alerts or AlertsConfig())
        sources = sources_of(
            recorder=SimpleNamespace(operations=self.operations, record=self.kept.append),
            metrics=Metrics(self.kept.append, self.clock, self.failures),
            loops=self.loops,
            clock=self.clock,
            failures=self.failures,
            process=SimpleNamespace(uptime_s=60.0),
        )
        self.health = Health([self._watched(kind.name) for kind in COMPONENTS], sources, whole)

    def _watched(self, name: str) -> Component[Any]:
        made: Any = component(name)

        async def look() -> Sample | None:
            seen = self.samples[name]
            if isinstance(seen, Exception):
                raise seen
            return seen

        made.sample = look
        return made

    def _set(self, parts: dict[str, Any]) -> None:
        for name, part in parts.items():
            self.samples[name] = sample(name, **part) if isinstance(part, dict) else part

    def check(self, n: int = 1, /, **parts: Any) -> HealthReport:
        """So many checks; the last one's report. `parts`: what is seen from now on, as samples or some of their values.

        `memory={"used_bytes": 1}` is the sample of a bot that is well, but for that.
        """
        self._set(parts)
        for _ in range(n - 1):
            self._tick()
        return self._tick()

    def _tick(self) -> HealthReport:
        at_once(self.clock.advance(60.0))
        return at_once(self.health.check())

    def look(self, **parts: Any) -> HealthReport:
        """Between two checks."""
        self._set(parts)
        return at_once(self.health.report())


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that waits for nothing."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as done:
        return done.value


def settled(config: HealthConfig = DEFAULTS, /, **parts: Any) -> HealthReport:
    """The verdict on a bot that has been so for long enough."""
    return Bot(config, **parts).check(5)


def only(report: HealthReport) -> Problem:
    (problem,) = report.problems
    return problem


def keys(problems: Iterable[Problem]) -> list[str]:
    return [problem.key for problem in problems]
