"""A bot's OTLP push without the bot: a recorder that it listens to, and a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from botmon_cog.config import Config, OtelConfig, StorageConfig
from botmon_cog.domain.exposed import Family
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.exporters.otlp.about import About
from botmon_cog.exporters.otlp.destination import Signal, interval_s
from botmon_cog.exporters.otlp.service import SPANS_EVERY_S, OtlpPush
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock

NOW = datetime(2026, 1, 5, 12, 1, tzinfo=UTC)
"""When the first push of the metrics is made."""
_NAMES: dict[Signal, str] = {"metrics": "OTLP metrics", "traces": "OTLP spans"}
ABOUT = About("Loopback Bot", "one", "1.4.2")


def invocation(outcome: Outcome = Outcome.OK, **fields: object) -> Invocation:
    told = {"kind": Kind.SLASH, "command": "play", "outcome": outcome, "started_at": NOW, "duration_s": 0.2}
    return Invocation(**told | fields)


@dataclass
class Pushes:
    push: OtlpPush
    system: MonitoringSystem
    clock: ManualClock
    config: OtelConfig
    env: Mapping[str, str]
    runs: Runs

    @property
    def recorder(self) -> Recorder:
        return self.system.recorder

    async def one(self, signal: Signal, pause_s: float = 0.0) -> None:
        """Let one interval pass, and the push that is due then come to its end."""
        every_s = interval_s(self.config, self.env) if signal == "metrics" else SPANS_EVERY_S
        run = self.runs.next(_NAMES[signal])
        await self.clock.advance(max(every_s, pause_s))
        async with asyncio.timeout(10):
            await run


class Runs(LoopRuns):
    """Tells when a push has come to its end. To turn the loop until then would take the time from the push's thread."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self._next: dict[str, asyncio.Future[None]] = {}

    def next(self, name: str) -> asyncio.Future[None]:
        return self._next.setdefault(name, asyncio.get_running_loop().create_future())

    def note(self, name: str) -> None:
        super().note(name)
        if waiting := self._next.pop(name, None):
            waiting.set_result(None)


@asynccontextmanager
async def pushing(
    config: OtelConfig,
    families: Sequence[Family] = (),
    *,
    env: Mapping[str, str] | None = None,
    about: About = ABOUT,
) -> AsyncIterator[Pushes]:
    """Started; stopped at the end."""
    clock = ManualClock()
    env, runs = env or {}, Runs(clock)

    async def gather() -> Sequence[Family]:
        return families

    async with MonitoringSystem(Config(storage=StorageConfig(url=":memory:")), clock=clock) as system:
        push = OtlpPush(config, gather, lambda: about, system.recorder, clock, system.failures, runs, env)
        push.start()
        try:
            yield Pushes(push, system, clock, config, env, runs)
        finally:
            await push.stop()
        assert system.recorder.tap is None
