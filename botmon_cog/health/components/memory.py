"""The memory of this process, or of the container that it runs in with what it started."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import finite
from botmon_cog.health.cgroup import memory_group
from botmon_cog.health.component import HOUR_S, Component, Finding, Trouble, hidden
from botmon_cog.health.growth import Growth
from botmon_cog.health.process import machine_memory
from botmon_cog.health.sources import Sources

_MB = 1e6
_TOLD = ("used_bytes", "limit_bytes", "process_bytes", "own_bytes", "is_contained", "full_in_s")
"""What both reasons tell of a sample."""
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
    """Why something of this can't be read."""

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
        return max(self.limit_bytes - self.used_bytes, 0) / growth * HOUR_S

    @property
    def own_bytes(self) -> int | None:
        """Of this process, if there are others beside it in a container."""
        return self.process_bytes if self.is_contained else None

    @property
    def shrinks_bytes_per_h(self) -> float | None:
        """None if it grows."""
        growth = finite(self.growth_bytes_per_h)
        return -growth if growth is not None and growth < 0 else None


def _room(used_bytes: int, process_bytes: int | None = None, *, is_contained: bool = False, **_: object) -> str:
    if is_contained and process_bytes is not None and process_bytes < used_bytes * _MOST:
        return "Most of it is not the bot's own process: look at what it starts (ffmpeg, browsers) and never ends."
    return "Restart the bot soon and look for what it keeps: caches, message history, unclosed sessions."


_trouble = partial(Trouble, meanwhile="Commands run on. When the memory is full, the system kills the bot.")
_FULL = _trouble(
    "memory.full",
    (
        "the bot uses {used_percent:of_100} of {is_contained:its container|this machine}'s memory",
        "the bot uses {used_percent:of_100} of this machine's memory",
    ),
    "memory is back to normal",
    detail="{used_bytes:bytes} of {limit_bytes:bytes}{own_bytes:?, {own_bytes:bytes} by this process}",
    remedy=_room,
)
_GROWING = _trouble(
    "memory.growing",
    "the bot's memory grows by {growth_bytes_per_h:bytes} an hour",
    "memory grows no more",
    detail=("{used_bytes:bytes} of {limit_bytes:bytes}, full in {full_in_s:duration}", "{used_bytes:bytes} now"),
    remedy="Look for what is only ever added to: lists and dicts in your cogs, caches without a bound, tasks that "
    "never end. A restart buys time.",
)
_UNREAD = hidden(_OWN, "memory")
_NO_LIMIT = hidden("the size of this machine's memory", "memory", "no_limit")


class Memory(Component[MemorySample]):
    name = "memory"
    title = "Memory"
    troubles = (_FULL, _GROWING, _UNREAD, _NO_LIMIT)
    vital = (("used_bytes", _UNREAD), ("limit_bytes", _NO_LIMIT))
    in_brief = ("memory {used_bytes:bytes}{percent:? ({percent:of_100})}",)
    in_numbers = (
        "{used_bytes:bytes}",
        "{percent:of_100} of the {is_contained:container|machine}'s {limit_bytes:bytes}",
        "{own_bytes:bytes} by this process",
        "{virtual_bytes:bytes} virtual",
        ("shrinks by {shrinks_bytes_per_h:bytes} an hour", "grows by {growth_bytes_per_h:bytes} an hour"),
    )

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._growth = Growth()

    async def sample(self) -> MemorySample:
        reader = self._sources.process
        read, why = reader.read, reader.why
        own = read(_OWN, lambda: reader.process().memory_info())
        machine_bytes = read(_MACHINE, machine_memory)
        group = read(_CONTAINER, lambda: memory_group(reader.root))
        used_bytes = None if own is None else own.rss
        limit_bytes, is_contained = machine_bytes, False
        if group is not None and (machine_bytes is None or group.limit_bytes < machine_bytes):
            limit_bytes, is_contained = group.limit_bytes, True
            group_bytes = read("the memory that this container uses", group.used_bytes)
            used_bytes = used_bytes if group_bytes is None else group_bytes
        if used_bytes is not None:
            self._growth.add(self._sources.clock.monotonic(), used_bytes)
        return MemorySample(
            process_bytes=None if own is None else own.rss,
            virtual_bytes=None if own is None else own.vms,
            used_bytes=used_bytes,
            limit_bytes=limit_bytes,
            is_contained=is_contained,
            growth_bytes_per_h=None if used_bytes is None else self._growth.per_h,
            cause=why(_OWN) or why(_MACHINE),
        )

    def judge(self, sample: MemorySample, config: HealthConfig) -> Iterable[Finding]:
        growth = finite(sample.growth_bytes_per_h)
        values = {name: getattr(sample, name) for name in _TOLD} | {"growth_bytes_per_h": growth}
        yield _FULL.level(sample.percent, config.memory_percent, "memory", used_percent=sample.percent, **values)
        yield _GROWING.level(growth, (config.memory_growth_mb_per_h * _MB, None), "memory.growth", **values)
