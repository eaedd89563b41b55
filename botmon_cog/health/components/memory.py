"""The memory of this process, or of the container that it runs in with what it started."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import bytes_, duration, finite, percent
from botmon_cog.health.cgroup import memory_group
from botmon_cog.health.component import Component, Finding, Saying, Words, level
from botmon_cog.health.growth import Growth
from botmon_cog.health.process import ProcessReader, machine_memory, unread_saying

_MB = 1e6
_HOUR_S = 3_600.0
_MOST = 0.5
"""Of a container's memory: below it the bot's own process is not where to look."""

_OWN, _MACHINE, _CONTAINER = "the memory of this process", "the memory of this machine", "the memory of this container"


class MemorySample(Sample, frozen=True, kw_only=True):
    process_bytes: int | None = None
    """Resident memory of this process alone."""
    virtual_bytes: int | None = None
    used_bytes: int | None = None
    """What counts against the limit: in a container all its processes, else this one."""
    limit_bytes: int | None = None
    """The container's if that is less than the machine's memory, else the machine's."""
    is_contained: bool = False
    """Whether `limit_bytes` is a container's."""
    growth_bytes_per_h: float | None = None
    """The trend of `used_bytes`; None until it has been watched for hours. A jump is no trend."""
    cause: str | None = None
    """Why `used_bytes` or `limit_bytes` is None."""

    @property
    def percent(self) -> float | None:
        """Used, of the limit."""
        if self.used_bytes is None or not self.limit_bytes:
            return None
        return self.used_bytes / self.limit_bytes * 100

    @property
    def full_in_s(self) -> float | None:
        """How long it lasts at this growth; None if it does not grow, or the limit is unknown."""
        growth = finite(self.growth_bytes_per_h)
        if growth is None or growth <= 0 or self.used_bytes is None or self.limit_bytes is None:
            return None
        return max(self.limit_bytes - self.used_bytes, 0) / growth * _HOUR_S


def _full(
    used_percent: float,
    used_bytes: int,
    limit_bytes: int,
    process_bytes: int | None = None,
    is_contained: bool = False,
    **_: object,
) -> Words:
    remedy = "Restart the bot soon and look for what it keeps: caches, message history, unclosed sessions."
    own = ""
    if is_contained and process_bytes is not None:
        own = f", {bytes_(process_bytes)} by this process"
        if process_bytes < used_bytes * _MOST:
            remedy = (
                "Most of it is not the bot's own process: look at what it starts (ffmpeg, browsers) and never ends."
            )
    whose = "its container's" if is_contained else "this machine's"
    return Words(
        what=f"the bot uses {percent(used_percent / 100)} of {whose} memory",
        detail=f"{bytes_(used_bytes)} of {bytes_(limit_bytes)}{own}",
        remedy=remedy,
    )


def _growing(
    growth_bytes_per_h: float, used_bytes: int, limit_bytes: int | None = None, full_in_s: float | None = None
) -> Words:
    detail = f"{bytes_(used_bytes)} now"
    if limit_bytes is not None and full_in_s is not None:
        detail = f"{bytes_(used_bytes)} of {bytes_(limit_bytes)}, full in {duration(full_in_s)}"
    return Words(
        what=f"the bot's memory grows by {bytes_(growth_bytes_per_h)} an hour",
        detail=detail,
        remedy="Look for what is only ever added to: lists and dicts in your cogs, caches without a bound, tasks that "
        "never end. A restart buys time.",
    )


_UNTIL_FULL = "Commands run on. When the memory is full, the system kills the bot."


class Memory(Component[MemorySample]):
    name = "memory"
    title = "Memory"
    sayings: ClassVar[Mapping[str, Saying]] = {
        "memory.full": Saying(words=_full, recovered="memory is back to normal", meanwhile=_UNTIL_FULL),
        "memory.growing": Saying(words=_growing, recovered="memory grows no more", meanwhile=_UNTIL_FULL),
        "memory.unread": unread_saying(_OWN, name),
        "memory.no_limit": unread_saying("the size of this machine's memory", name),
    }
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {
        "memory.percent": lambda sample: sample.percent,
        "memory.rss_mb": lambda sample: None if sample.process_bytes is None else sample.process_bytes / _MB,
        "memory.growth_mb_per_h": lambda sample: (
            None if sample.growth_bytes_per_h is None else sample.growth_bytes_per_h / _MB
        ),
    }

    def __init__(self, reader: ProcessReader) -> None:
        self._reader = reader
        self._growth = Growth()

    async def sample(self) -> MemorySample:
        read, why = self._reader.read, self._reader.why
        own = read(_OWN, lambda: self._reader.process().memory_info())
        machine_bytes = read(_MACHINE, machine_memory)
        group = read(_CONTAINER, lambda: memory_group(self._reader.root))
        used_bytes = None if own is None else own.rss
        limit_bytes, is_contained = machine_bytes, False
        if group is not None and (machine_bytes is None or group.limit_bytes < machine_bytes):
            limit_bytes, is_contained = group.limit_bytes, True
            group_bytes = read("the memory that this container uses", group.used_bytes)
            used_bytes = used_bytes if group_bytes is None else group_bytes
        if used_bytes is not None:
            self._growth.add(self._reader.clock.monotonic(), used_bytes)
        return MemorySample(
            process_bytes=None if own is None else own.rss,
            virtual_bytes=None if own is None else own.vms,
            used_bytes=used_bytes,
            limit_bytes=limit_bytes,
            is_contained=is_contained,
            growth_bytes_per_h=None if used_bytes is None else self._growth.per_h,
            cause=why(_OWN) if used_bytes is None else why(_MACHINE) if limit_bytes is None else None,
        )

    def judge(self, sample: MemorySample, config: HealthConfig) -> Iterable[Finding]:
        used, growth = finite(sample.percent), finite(sample.growth_bytes_per_h)
        full = Reason.of(
            "memory.full",
            used_percent=used,
            used_bytes=sample.used_bytes,
            limit_bytes=sample.limit_bytes,
            process_bytes=sample.process_bytes,
            is_contained=sample.is_contained,
            growth_bytes_per_h=growth,
            full_in_s=sample.full_in_s,
        )
        growing = Reason.of(
            "memory.growing",
            growth_bytes_per_h=growth,
            used_bytes=sample.used_bytes,
            limit_bytes=sample.limit_bytes,
            full_in_s=sample.full_in_s,
        )
        yield level("memory", used, config.memory_percent, full)
        yield level("memory.growth", growth, (config.memory_growth_mb_per_h * _MB, None), growing)

    def unread(self, sample: MemorySample) -> Reason | None:
        if sample.used_bytes is None:
            return Reason.of("memory.unread", cause=sample.cause)
        if sample.limit_bytes is None:
            return Reason.of("memory.no_limit", cause=sample.cause)
        return None

    def brief(self, sample: MemorySample) -> Iterable[str]:
        if sample.used_bytes is not None:
            used = sample.percent
            yield f"memory {bytes_(sample.used_bytes)}" + ("" if used is None else f" ({percent(used / 100)})")

    def numbers(self, sample: MemorySample, now: datetime) -> Iterable[str]:  # noqa: ARG002 (nothing is as old)
        items: list[str] = []
        if sample.used_bytes is not None:
            items.append(bytes_(sample.used_bytes))
        if sample.percent is not None:
            whose = "container" if sample.is_contained else "machine"
            items.append(f"{percent(sample.percent / 100)} of the {whose}'s {bytes_(sample.limit_bytes)}")
        if sample.is_contained and sample.process_bytes is not None:
            items.append(f"{bytes_(sample.process_bytes)} by this process")
        if sample.virtual_bytes is not None:
            items.append(f"{bytes_(sample.virtual_bytes)} virtual")
        growth = finite(sample.growth_bytes_per_h)
        if growth is not None:
            items.append(f"{'grows' if growth >= 0 else 'shrinks'} by {bytes_(abs(growth))} an hour")
        yield ", ".join(items)
