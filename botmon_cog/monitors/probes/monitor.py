"""The monitor looks at itself."""

from __future__ import annotations

import threading

import psutil

from botmon_cog.clock import Clock
from botmon_cog.domain.samples import MonitorSample
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.probes.cpu import CpuMeter
from botmon_cog.monitors.probes.reader import Reader
from botmon_cog.store.engine import Engine
from botmon_cog.store.queue.writer import Writer

THREAD_PREFIX = "botmon-"
"""The names of all threads of ours begin so."""

_HOUR_S = 3600.0


class MonitorProbe:
    """What waits to be written, what was lost, our own failures, loops and costs."""

    def __init__(self, writer: Writer, engine: Engine, loops: LoopRuns, clock: Clock, failures: Failures) -> None:
        self._writer = writer
        self._engine = engine
        self._loops = loops
        self._failures = failures
        self._cpu = CpuMeter(clock, OwnThreads(Reader(failures)).used_s)

    def sample(
        self, *, unreachable: tuple[str, ...] = (), broken: tuple[str, ...] = (), hints: tuple[str, ...] = ()
    ) -> MonitorSample:
        self._cpu.look()
        return MonitorSample(
            queued=self._writer.queued,
            spooled=self._writer.spooled,
            spool_bytes=self._writer.spool_bytes,
            dropped=self._writer.dropped,
            failures=self._failures.n,
            failed_lately=self._failures.within(_HOUR_S),
            last_error=self._writer.last_error or self._failures.last,
            trouble=self._engine.trouble,
            loops=self._loops.runs(),
            unreachable=unreachable,
            broken=broken,
            hints=hints,
            cpu_percent=self._cpu.percent,
        )


class OwnThreads:
    """The processor time of the threads that are ours alone: those of the database, the spool and the watchdog.

    It leaves out what the monitor does on the event loop's own thread, which can't be told from the bot's there, and
    what a thread used between the last look and its end.
    """

    def __init__(self, reader: Reader, process: psutil.Process | None = None) -> None:
        self._reader = reader
        self._process = process or psutil.Process()
        self._before: dict[int, float] = {}
        self._total_s = 0.0

    def used_s(self) -> float | None:
        """By all of them until now; None where the system does not tell threads apart."""
        own = {thread.native_id for thread in threading.enumerate() if thread.name.startswith(THREAD_PREFIX)}
        if own:
            found = self._reader.read("the processor time of threads", self._process.threads)
            used = {thread.id: thread.user_time + thread.system_time for thread in found or () if thread.id in own}
            if not used:
                return None
        else:
            used = {}
        for id_, used_s in used.items():
            before_s = self._before.get(id_, 0.0)
            self._total_s += used_s - before_s if used_s >= before_s else used_s  # else it is a new one of that id
        self._before = used
        return self._total_s
