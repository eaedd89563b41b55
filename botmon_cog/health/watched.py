"""The components of one bot's health, put together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botmon_cog.clock import Clock
from botmon_cog.health.component import Component
from botmon_cog.health.components.commands import Commands
from botmon_cog.health.components.cpu import Cpu
from botmon_cog.health.components.database import Database
from botmon_cog.health.components.files import Files
from botmon_cog.health.components.gateway import Gateway
from botmon_cog.health.components.loop import Loop
from botmon_cog.health.components.memory import Memory
from botmon_cog.health.components.monitor import Monitor
from botmon_cog.health.components.rest import Rest
from botmon_cog.health.components.voice import Voice
from botmon_cog.health.process import ProcessReader
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.recent_outcomes import RecentOutcomes
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.store.queue.writer import Writer
from botmon_cog.store.store import Store


class Watched:
    """Every component, the gravest first. What only the extension can see it tells to `gateway`, `loop` and so on."""

    def __init__(
        self,
        recorder: Recorder,
        writer: Writer,
        recent: RecentOutcomes,
        live: LiveWindows,
        store: Store,
        loops: LoopRuns,
        clock: Clock,
        failures: Failures,
        timeout_s: float,
    ) -> None:
        """`timeout_s`: how long the database may take to answer until it counts as away."""
        self.process = ProcessReader(clock, failures)
        self.database = Database(store.engine, writer, recorder, clock, failures, timeout_s)
        self.gateway = Gateway()
        self.loop = Loop()
        self.commands = Commands(recent, live, store.reports, clock, failures, timeout_s)
        self.memory = Memory(self.process)
        self.cpu = Cpu(self.process)
        self.files = Files(self.process)
        self.rest = Rest()
        self.voice = Voice(clock)
        self.monitor = Monitor(writer, store.engine, loops, clock, failures)

    def __iter__(self) -> Iterator[Component[Any]]:
        every: list[Component[Any]] = [
            self.database,
            self.gateway,
            self.loop,
            self.commands,
            self.memory,
            self.cpu,
            self.files,
            self.rest,
            self.voice,
            self.monitor,
        ]
        return iter(every)
