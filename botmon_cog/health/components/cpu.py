"""The processor: what this process takes of a core, and what its container takes of its quota."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import psutil
from msgspec.structs import replace

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import finite
from botmon_cog.health.cgroup import CpuGroup, cpu_group
from botmon_cog.health.component import Component, Finding, Trouble, hidden
from botmon_cog.health.process import CpuMeter
from botmon_cog.health.sources import Sources

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
    system_percent: float | None = None
    """Of all cores of the machine."""
    threads: int | None = None
    cause: str | None = None
    """Why `percent` can't be read; None as long as there was no time to measure it, which is no fault."""


_LATE = "Some answers come late."
_trouble = partial(Trouble, recovered="the processor is back to normal", meanwhile=_LATE)
_BUSY = _trouble(
    "cpu.busy",
    "the bot keeps {core_percent:of_100} of a processor core busy",
    remedy="Something computes instead of waiting: move it to a thread or a process, or spread the guilds over shards.",
)
_QUOTA = _trouble(
    "cpu.quota",
    "the container uses {quota_percent:of_100} of the processor time that it is allowed",
    detail="{cores:cores} allowed{own_share:?, {own_share:share} by this process}",
    remedy="Move what computes out of the bot, end what it starts (ffmpeg, browsers), or allow the container more.",
)
_THROTTLED = Trouble(
    "cpu.throttled",
    "the container is held back in {share:share} of its time slices",
    "the container is hardly held back",
    detail="{cores:cores} allowed",
    remedy="It wants more processor time at once than it is allowed: raise its CPU limit, or move what computes out of "
    "the bot.",
    meanwhile=_LATE,
)
_UNREAD = hidden(_OWN, "cpu")


class Cpu(Component[CpuSample]):
    name = "cpu"
    title = "Processor"
    troubles = (_BUSY, _QUOTA, _THROTTLED, _UNREAD)
    vital = (("percent", _UNREAD),)
    in_brief = ("CPU {percent:of_100}",)
    in_numbers = (
        "{percent:of_100} of a core",
        "container {quota_percent:of_100} of its {quota_cores:cores}",
        "held back in {throttled_share:share?} of its time slices",
        "whole machine {system_percent:of_100}",
        "{threads:count} {threads:thread|threads}",
    )

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        reader = sources.process
        self._meter = CpuMeter(sources.clock, lambda: reader.read(_OWN, reader.processor_s))
        self._group = self._look_at_group()
        self._measured = CpuSample(quota_cores=None if self._group is None else self._group.cores)

    async def sample(self) -> CpuSample:
        if self._meter.look():
            self._measured = self._measure()
        reader = self._sources.process
        threads = reader.read("the threads of this process", lambda: reader.process().num_threads())
        return replace(self._measured, threads=threads)

    def _measure(self) -> CpuSample:
        before, self._group = self._group, self._look_at_group()
        used_s, periods, throttled = (_passed(before, self._group, name) for name in ("used_s", "periods", "throttled"))
        cores, reader = None if self._group is None else self._group.cores, self._sources.process
        share = None if periods is None or throttled is None else 0.0
        if periods and throttled and periods >= _FEWEST_PERIODS:
            share = min(throttled / periods, 1.0)
        return CpuSample(
            percent=self._meter.percent,
            quota_percent=used_s / self._meter.window_s / cores * 100 if used_s is not None and cores else None,
            quota_cores=cores,
            throttled_share=share,
            system_percent=reader.read("the processor time of this machine", psutil.cpu_percent),
            cause=reader.why(_OWN),
        )

    def _look_at_group(self) -> CpuGroup | None:
        reader = self._sources.process
        group = reader.read("the processor time of this container", lambda: cpu_group(reader.root))
        return None if group is None else group._replace(cores=min(group.cores, float(reader.cores)))

    def judge(self, sample: CpuSample, config: HealthConfig) -> Iterable[Finding]:
        own, quota, cores = finite(sample.percent), finite(sample.quota_percent), finite(sample.quota_cores)
        if quota is not None and quota >= (own or 0.0):
            own_share = own / 100 / cores if own is not None and cores else None
            yield _QUOTA.level(quota, config.cpu_percent, "cpu", quota_percent=quota, cores=cores, own_share=own_share)
        else:
            yield _BUSY.level(own, config.cpu_percent, "cpu", core_percent=own)
        if cores is not None:
            share = sample.throttled_share
            yield _THROTTLED.level(share, (THROTTLED_SHARE, None), share=share, cores=cores)


def _passed(before: CpuGroup | None, now: CpuGroup | None, name: str) -> float | None:
    """What a counter went up by; None if it is unknown, or began anew."""
    then: float | None = getattr(before, name, None)
    later: float | None = getattr(now, name, None)
    return None if then is None or later is None or later < then else later - then
