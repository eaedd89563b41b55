"""The processor: what this process takes of a core, and what its container takes of its quota."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import psutil

from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import count, finite, percent, plural
from botmon_cog.health.cgroup import CpuGroup, cpu_group
from botmon_cog.health.component import Component, Finding, Saying, Words, level
from botmon_cog.health.cpu_meter import CpuMeter
from botmon_cog.health.process import ProcessReader, unread_saying

THROTTLED_SHARE = 0.25
"""Of the quota's periods: beyond it the container is held back so often that answers wait for it."""
_FEWEST_PERIODS = 20
"""The kernel counts only those in which something ran: in fewer, the container was idle."""

_OWN = "the processor time of this process"


class CpuSample(Sample, frozen=True, kw_only=True):
    """Since the look before."""

    percent: float | None = None
    """Of one core, by this process; above 100 with several threads."""
    quota_percent: float | None = None
    """Of what the container may use, by all its processes; None without a quota."""
    quota_cores: float | None = None
    """How many cores the container may use; None without a quota."""
    throttled_share: float | None = None
    """The quota's periods (0 to 1) in which the container had to wait for the next one; None without a quota."""
    is_measured: bool = True
    """False: there was no time to measure it yet, which is no fault."""
    system_percent: float | None = None
    """Of all cores of the machine."""
    threads: int | None = None
    cause: str | None = None
    """Why `percent` is None although it was measured."""


def _busy(core_percent: float) -> Words:
    return Words(
        what=f"the bot keeps {percent(core_percent / 100)} of a processor core busy",
        remedy="Something computes instead of waiting: move it to a thread or a process, or spread the guilds over "
        "shards.",
    )


def _quota(quota_percent: float, cores: float | None = None, core_percent: float | None = None) -> Words:
    own = "" if core_percent is None or not cores else f", {percent(core_percent / 100 / cores)} by this process"
    return Words(
        what=f"the container uses {percent(quota_percent / 100)} of the processor time that it is allowed",
        detail=None if cores is None else f"{_cores(cores)} allowed{own}",
        remedy="Move what computes out of the bot, end what it starts (ffmpeg, browsers), or allow the container more.",
    )


def _throttled(share: float, cores: float | None = None) -> Words:
    return Words(
        what=f"the container is held back in {percent(share)} of its time slices",
        detail=None if cores is None else f"{_cores(cores)} allowed",
        remedy="It wants more processor time at once than it is allowed: raise its CPU limit, or move what computes "
        "out of the bot.",
    )


def _cores(cores: float) -> str:
    return f"{cores:.3g} {'core' if cores == 1 else 'cores'}"


_LATE = "Some answers come late."


class Cpu(Component[CpuSample]):
    name = "cpu"
    title = "Processor"
    sayings: ClassVar[Mapping[str, Saying]] = {
        "cpu.busy": Saying(words=_busy, recovered="the processor is back to normal", meanwhile=_LATE),
        "cpu.quota": Saying(words=_quota, recovered="the processor is back to normal", meanwhile=_LATE),
        "cpu.throttled": Saying(words=_throttled, recovered="the container is hardly held back", meanwhile=_LATE),
        "cpu.unread": unread_saying(_OWN, name),
    }
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {
        "cpu.percent": lambda sample: sample.percent,
        "cpu.system_percent": lambda sample: sample.system_percent,
        "threads": lambda sample: sample.threads,
    }
    inhibits: ClassVar[Mapping[str, Sequence[str]]] = {"cpu": ("cpu.throttled",)}

    def __init__(self, reader: ProcessReader) -> None:
        self._reader = reader
        self._meter = CpuMeter(reader.clock, lambda: reader.read(_OWN, reader.processor_s))
        self._group = self._look_at_group()
        self._quota_percent: float | None = None
        self._throttled_share: float | None = None
        self._system_percent: float | None = None

    async def sample(self) -> CpuSample:
        if self._meter.look():
            self._measure()
        used_percent = self._meter.percent
        return CpuSample(
            percent=used_percent,
            quota_percent=self._quota_percent,
            quota_cores=None if self._group is None else self._allowed_cores(self._group),
            throttled_share=self._throttled_share,
            is_measured=self._meter.is_measured,
            system_percent=self._system_percent,
            threads=self._reader.read("the threads of this process", lambda: self._reader.process().num_threads()),
            cause=self._reader.why(_OWN) if used_percent is None else None,
        )

    def _measure(self) -> None:
        before, group = self._group, self._look_at_group()
        self._group = group
        self._quota_percent = self._throttled_share = None
        if before is not None and group is not None:
            used_s = _passed(before.used_s, group.used_s)
            if used_s is not None:
                self._quota_percent = used_s / self._meter.window_s / self._allowed_cores(group) * 100
            periods, throttled = _passed(before.periods, group.periods), _passed(before.throttled, group.throttled)
            if periods is not None and throttled is not None:
                self._throttled_share = min(throttled / periods, 1.0) if periods >= _FEWEST_PERIODS else 0.0
        self._system_percent = self._reader.read("the processor time of this machine", psutil.cpu_percent)

    def _look_at_group(self) -> CpuGroup | None:
        return self._reader.read("the processor time of this container", lambda: cpu_group(self._reader.root))

    def _allowed_cores(self, group: CpuGroup) -> float:
        return min(group.cores, float(self._reader.cores))

    def judge(self, sample: CpuSample, config: HealthConfig) -> Iterable[Finding]:
        own, quota = finite(sample.percent), finite(sample.quota_percent)
        if quota is not None and quota >= (own or 0.0):
            reason = Reason.of("cpu.quota", quota_percent=quota, cores=sample.quota_cores, core_percent=own)
            yield level("cpu", quota, config.cpu_percent, reason)
        else:
            yield level("cpu", own, config.cpu_percent, Reason.of("cpu.busy", core_percent=own))
        if sample.quota_cores is not None:
            reason = Reason.of("cpu.throttled", share=sample.throttled_share, cores=sample.quota_cores)
            yield level("cpu.throttled", sample.throttled_share, (THROTTLED_SHARE, None), reason)

    def unread(self, sample: CpuSample) -> Reason | None:
        if sample.percent is None and sample.is_measured:
            return Reason.of("cpu.unread", cause=sample.cause)
        return None

    def is_known(self, sample: CpuSample) -> bool:
        return sample.percent is not None

    def brief(self, sample: CpuSample) -> Iterable[str]:
        if sample.percent is not None:
            yield f"CPU {percent(sample.percent / 100)}"

    def numbers(self, sample: CpuSample, now: datetime) -> Iterable[str]:  # noqa: ARG002 (nothing is as old)
        items: list[str] = []
        if sample.percent is not None:
            items.append(f"{percent(sample.percent / 100)} of a core")
        if sample.quota_percent is not None and sample.quota_cores is not None:
            items.append(f"container {percent(sample.quota_percent / 100)} of its {_cores(sample.quota_cores)}")
        if sample.throttled_share:
            items.append(f"held back in {percent(sample.throttled_share)} of its time slices")
        if sample.system_percent is not None:
            items.append(f"whole machine {percent(sample.system_percent / 100)}")
        if sample.threads is not None:
            items.append(f"{count(sample.threads)} {plural(sample.threads, 'thread', 'threads')}")
        yield ", ".join(items)


def _passed(before: float | None, now: float | None) -> float | None:
    """What a counter went up by; None if it is unknown, or began anew."""
    return None if before is None or now is None or now < before else now - before
