"""Samples to a verdict. Pure: all it keeps is what `Levels` keeps, and all it knows of time is what the samples say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from botmon_cog.config import ComponentName, HealthConfig
from botmon_cog.domain.health.commands import judge_commands, judge_error_rate
from botmon_cog.domain.health.database import judge_database
from botmon_cog.domain.health.event_loop import judge_loop
from botmon_cog.domain.health.gateway import judge_gateway
from botmon_cog.domain.health.levels import Check, Levels
from botmon_cog.domain.health.monitor import judge_monitor
from botmon_cog.domain.health.process import judge_cpu, judge_files, judge_memory
from botmon_cog.domain.health.rest import judge_rest
from botmon_cog.domain.health.verdict import UNKNOWN, overall
from botmon_cog.domain.reports import (
    CommandsHealth,
    ComponentHealth,
    CpuHealth,
    DatabaseHealth,
    ErrorRateHealth,
    FilesHealth,
    GatewayHealth,
    HealthReport,
    LoopHealth,
    MemoryHealth,
    MonitorHealth,
    RestHealth,
)
from botmon_cog.domain.samples import Samples

_Component = tuple[ComponentName, str, Callable[[Any, HealthConfig, Check], ComponentHealth], type[ComponentHealth]]

_COMPONENTS: tuple[_Component, ...] = (
    ("database", "database", judge_database, DatabaseHealth),
    ("gateway", "gateway", judge_gateway, GatewayHealth),
    ("loop", "loop", judge_loop, LoopHealth),
    ("error_rate", "commands", judge_error_rate, ErrorRateHealth),
    ("commands", "commands", judge_commands, CommandsHealth),
    ("memory", "process", judge_memory, MemoryHealth),
    ("cpu", "process", judge_cpu, CpuHealth),
    ("files", "process", judge_files, FilesHealth),
    ("rest", "rest", judge_rest, RestHealth),
    ("monitor", "monitor", judge_monitor, MonitorHealth),
)
"""In the order of `ComponentName`: its name, the sample that it rests on, who judges it, and what comes of it."""


class Judge:
    """Judges one process, check after check."""

    def __init__(self, config: HealthConfig) -> None:
        self._config = config
        self._levels = Levels(config)
        self._watched = tuple(component for component in _COMPONENTS if component[0] in config.watch)

    def step(self, samples: Samples, uptime_s: float) -> HealthReport:
        """A check: what is out of its limits comes closer to being certain, what is back in them to being over."""
        if samples.jumped_s:
            self._levels.shift(timedelta(seconds=samples.jumped_s))
        check = Check(self._levels, samples.taken_at, is_step=True)
        report = self._judge(samples, uptime_s, check)
        check.end()
        return report

    def look(self, samples: Samples, uptime_s: float) -> HealthReport:
        """Between two checks, without changing anything: facts as they are, levels as the last step left them."""
        return self._judge(samples, uptime_s, Check(self._levels, samples.taken_at, is_step=False))

    def _judge(self, samples: Samples, uptime_s: float, check: Check) -> HealthReport:
        components: dict[str, Any] = {}
        for name, source, judge, kind in self._watched:
            sample = getattr(samples, source)
            if sample is not None:
                components[name] = judge(sample, self._config, check)
            elif source in samples.failed:
                components[name] = kind(status=UNKNOWN)
        if not components:  # nothing is known yet
            components = {name: kind(status=UNKNOWN) for name, _, _, kind in self._watched}
        status, reason, remedy = overall(components.values())
        unknown = [name for name, component in components.items() if component.status == UNKNOWN]
        return HealthReport(
            overall_status=status,
            reason=reason,
            remedy=remedy,
            **components,
            unknown=(*unknown, *check.unknown),
            uptime_s=uptime_s,
            checked_at=samples.taken_at,
        )
