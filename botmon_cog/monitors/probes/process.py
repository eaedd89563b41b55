"""Memory, processor, threads and open files of this process."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

from botmon_cog.clock import Clock
from botmon_cog.domain.samples import ProcessSample
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.probes.cgroup import memory_limit
from botmon_cog.monitors.probes.cpu import CpuMeter
from botmon_cog.monitors.probes.growth import Growth
from botmon_cog.monitors.probes.reader import Reader


class ProcessProbe:
    """What can't be read here costs its own field."""

    def __init__(
        self, clock: Clock, failures: Failures, process: psutil.Process | None = None, root: Path = Path("/")
    ) -> None:
        """`root`: where `/proc` and `/sys` are."""
        self._clock = clock
        self._process = process or psutil.Process()
        self._root = root
        self._read = Reader(failures).read
        began_at_s = self._read("when this process began", self._process.create_time)
        age_s = 0.0 if began_at_s is None else clock.now().timestamp() - began_at_s
        self._began_s = clock.monotonic() - max(age_s, 0.0)
        self._growth = Growth()
        self._cpu = CpuMeter(clock, self._used_s)
        self._system_cpu_percent: float | None = None

    @property
    def uptime_s(self) -> float:
        """Seconds since this process began."""
        return self._clock.monotonic() - self._began_s

    def sample(self) -> ProcessSample:
        read, process = self._read, self._process
        memory = read("the memory of this process", process.memory_info)
        if memory is not None:
            self._growth.add(self._clock.monotonic(), memory.rss)
        limit_bytes, is_contained = self._limit()
        if self._cpu.look():
            self._system_cpu_percent = read("the processor time of this machine", psutil.cpu_percent)
        return ProcessSample(
            rss_bytes=None if memory is None else memory.rss,
            vms_bytes=None if memory is None else memory.vms,
            limit_bytes=limit_bytes,
            is_contained=is_contained,
            growth_bytes_per_h=None if memory is None else self._growth.per_h,
            cpu_percent=self._cpu.percent,
            is_cpu_measured=self._cpu.is_measured,
            system_cpu_percent=self._system_cpu_percent,
            threads=read("the threads of this process", process.num_threads),
            files=read("the open files of this process", lambda: _open_files(process)),
            files_limit=read("the limit of open files", _files_limit),
        )

    def _limit(self) -> tuple[int | None, bool]:
        """The memory that this process may use, and whether a container sets it."""
        total_bytes = self._read("the memory of this machine", lambda: psutil.virtual_memory().total)
        allowed_bytes = self._read("the memory of this container", lambda: memory_limit(self._root))
        if allowed_bytes is None or (total_bytes is not None and allowed_bytes >= total_bytes):
            return total_bytes, False
        return allowed_bytes, True

    def _used_s(self) -> float | None:
        times = self._read("the processor time of this process", self._process.cpu_times)
        return None if times is None else times.user + times.system


def _open_files(process: psutil.Process) -> int:
    if sys.platform == "win32":
        return process.num_handles()
    return process.num_fds()


def _files_limit() -> int | None:
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 (not on Windows)

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
