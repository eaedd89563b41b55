"""The checks of the health: looks at everything that is watched, and has it judged."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from botmon_cog.clock import Clock
from botmon_cog.config import HealthConfig
from botmon_cog.domain.health import UNHEALTHY, Judge
from botmon_cog.domain.models import HealthRecord
from botmon_cog.domain.reports import (
    CpuHealth,
    DatabaseHealth,
    ErrorRateHealth,
    HealthReport,
    MemoryHealth,
    MonitorHealth,
)
from botmon_cog.domain.samples import (
    CommandsSample,
    DatabaseSample,
    GatewaySample,
    LoopSample,
    MonitorSample,
    ProcessSample,
    RestSample,
    Samples,
)
from botmon_cog.domain.taken import taken_duration, taken_moment, taken_size, taken_text_or_none
from botmon_cog.domain.text import finite
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.probes.commands import CommandsProbe
from botmon_cog.monitors.probes.database import DatabaseProbe
from botmon_cog.monitors.probes.monitor import MonitorProbe
from botmon_cog.monitors.probes.process import ProcessProbe
from botmon_cog.monitors.readiness import Readiness
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.monitors.wall_jumps import WallJumps
from botmon_cog.monitors.windows import LiveWindows, RecentOutcomes
from botmon_cog.store.queue.writer import Writer
from botmon_cog.store.store import Store

T = TypeVar("T")

HEALTH_CHECKS = "health checks"
"""The name of the loop that runs them."""
_NAMES = {
    "process": "the process",
    "loop": "the event loop",
    "gateway": "the gateway",
    "rest": "Discord's REST interface",
    "commands": "the commands",
    "monitor": "the monitor",
    "unreachable": "the ways to the owners",
    "broken": "what was asked for",
    "hints": "what could be had besides",
}
"""What is looked at, in words."""
_READY_FOR_S = 1.0
"""So long one answer of the database serves everybody who asks whether the bot is ready."""


def _nothing() -> None:
    return None


def _none() -> tuple[str, ...]:
    return ()


class Sources:
    """What others know. Each is asked at every look, and must change nothing by it; None where nobody watches.

    Attributes:
        unreachable: the ways to the owners that are closed, in words.
        broken: the features that were asked for and do not work, in words.
        hints: what the owners could have besides, in words.
    """

    def __init__(self) -> None:
        self.loop: Callable[[], LoopSample | None] = _nothing
        self.gateway: Callable[[], GatewaySample | None] = _nothing
        self.rest: Callable[[], RestSample | None] = _nothing
        self.unreachable: Callable[[], tuple[str, ...]] = _none
        self.broken: Callable[[], tuple[str, ...]] = _none
        self.hints: Callable[[], tuple[str, ...]] = _none


class Health:
    """Gathers samples and judges them. A source that fails costs its line, never the report.

    Attributes:
        sources: what the extension watches; it sets them.
        latest_samples: those of the last check, None before the first.
    """

    def __init__(
        self,
        recorder: Recorder,
        writer: Writer,
        recent: RecentOutcomes,
        live: LiveWindows,
        store: Store,
        loops: LoopRuns,
        clock: Clock,
        config: HealthConfig,
        failures: Failures,
    ) -> None:
        self.sources = Sources()
        self.latest_samples: Samples | None = None
        self._is_unhealthy = False
        self._recorder = recorder
        self._clock = clock
        self._loops = loops
        self._failures = failures
        self._judge = Judge(config)
        self._jumps = WallJumps(clock)
        self._process = ProcessProbe(clock, failures)
        self._database = DatabaseProbe(store.engine, writer, recorder, clock, failures, config.database_timeout_s)
        self._commands = CommandsProbe(recent, live, store.reports, clock, failures, config)
        self._monitor = MonitorProbe(writer, store.engine, loops, clock, failures)

    @property
    def uptime_s(self) -> float:
        """Seconds since this process began; a reload of the extension does not set it back."""
        return self._process.uptime_s

    # -- checks and looks ----------------------------------------------------------------------------------------------

    async def check(self) -> HealthReport:
        """Look at everything, move what is certain and what is over on by one check, and keep the verdict."""
        self.latest_samples = samples = replace(await self._gather(), jumped_s=self._jumps.look())
        self._recorder.metrics.restart()
        report = self._judge.step(samples, self.uptime_s)
        self.record(report)
        self._loops.note(HEALTH_CHECKS)
        self._is_unhealthy = report.overall_status == UNHEALTHY
        return report

    def is_well(self) -> bool:
        """Whether the last check found the bot not unhealthy, and was not long since. True before the first is due."""
        is_late = any(run.is_late for run in self._loops.runs() if run.name == HEALTH_CHECKS)
        return not (self._is_unhealthy or is_late)

    async def report(self) -> HealthReport:
        """The verdict with its reason, and every component, as they are now. Changes nothing."""
        return self._look(await self._gather())

    def record(self, report: HealthReport) -> None:
        """Keep a report's verdict for the history. `check` does it."""
        self._recorder.record(
            HealthRecord(
                occurred_at=taken_moment(report.checked_at),
                status=report.overall_status,
                reason=taken_text_or_none(report.reason, "reason"),
                rss_bytes=taken_size(report.memory.rss_bytes),
                cpu_percent=finite(report.cpu.percent),
                database_s=taken_duration(report.database.response_time_s, "database_s"),
                error_rate=finite(report.error_rate.error_rate),
            )
        )

    # -- one component, as it is now -----------------------------------------------------------------------------------

    async def memory(self) -> MemoryHealth:
        """`rss_bytes`, `vms_bytes`, and `percent` of the memory that this process may use."""
        return self._look(Samples(taken_at=self._clock.now(), process=self._sample_process())).memory

    async def cpu(self) -> CpuHealth:
        """`percent` of one core by this process and `system_percent` of the machine, since the look before.

        A look within 5 s of the one before repeats it: over less time the number means nothing.
        """
        return self._look(Samples(taken_at=self._clock.now(), process=self._sample_process())).cpu

    async def database(self) -> DatabaseHealth:
        """`response_time_s` of taking the write lock for a moment, and `size_bytes`."""
        return self._look(Samples(taken_at=self._clock.now(), database=await self._database.sample())).database

    async def database_sample(self) -> DatabaseSample:
        """The same, without a verdict."""
        return await self._database.sample()

    async def error_rate(self) -> ErrorRateHealth:
        """`error_rate` of the last hour: the bot's faults only, None below the minimum sample."""
        return self._look(Samples(taken_at=self._clock.now(), commands=await self._sample_commands())).error_rate

    def monitor(self) -> MonitorHealth:
        """What waits to be written, what was lost, and our own failures."""
        return self._look(Samples(taken_at=self._clock.now(), monitor=self._sample_monitor())).monitor

    async def readiness(self) -> Readiness:
        """Whether the bot can do its work: its gateway is connected and its database answers. Cheap to ask often."""
        reasons: list[str] = []
        gateway = self._ask("gateway", self.sources.gateway)
        if gateway is None or not gateway.shards or not all(shard.is_connected for shard in gateway.shards):
            reasons.append("the gateway is not connected")
        if (await self._database.recent_sample(_READY_FOR_S)).error is not None:
            reasons.append("the database does not answer")
        return Readiness(reasons=tuple(reasons))

    # -- samples -------------------------------------------------------------------------------------------------------

    async def _gather(self) -> Samples:
        database = await self._database.sample()
        failed: list[str] = []
        return Samples(
            commands=await self._sample_commands(failed, can_read=database.error is None),
            database=database,
            process=self._sample_process(failed),
            loop=self._ask("loop", self.sources.loop, failed),
            gateway=self._ask("gateway", self.sources.gateway, failed),
            rest=self._ask("rest", self.sources.rest, failed),
            monitor=self._sample_monitor(failed),
            custom=self._recorder.metrics.means(),
            failed=tuple(failed),
            taken_at=self._clock.now(),
        )

    def _sample_process(self, failed: list[str] | None = None) -> ProcessSample | None:
        return self._ask("process", self._process.sample, failed)

    def _sample_monitor(self, failed: list[str] | None = None) -> MonitorSample | None:
        unreachable = self._ask("unreachable", self.sources.unreachable) or ()
        broken = self._ask("broken", self.sources.broken) or ()
        hints = self._ask("hints", self.sources.hints) or ()
        sample = partial(self._monitor.sample, unreachable=unreachable, broken=broken, hints=hints)
        return self._ask("monitor", sample, failed)

    async def _sample_commands(
        self, failed: list[str] | None = None, *, can_read: bool = False
    ) -> CommandsSample | None:
        try:
            return await self._commands.sample(can_read=can_read)
        except Exception as error:  # noqa: BLE001 (costs its line)
            return self._could_not("commands", error, failed)

    def _ask(self, name: str, source: Callable[[], T], failed: list[str] | None = None) -> T | None:
        """What a source says; None where it fails, which is noted, and in `failed` as well."""
        try:
            return source()
        except Exception as error:  # noqa: BLE001 (costs its line)
            return self._could_not(name, error, failed)

    def _could_not(self, name: str, error: Exception, failed: list[str] | None) -> None:
        self._failures.note(f"looking at {_NAMES[name]}", error)
        if failed is not None:
            failed.append(name)

    def _look(self, samples: Samples) -> HealthReport:
        return self._judge.look(samples, self.uptime_s)
