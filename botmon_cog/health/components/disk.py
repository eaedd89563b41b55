"""The disk that the store is written to: how much is left before rows have to wait."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import asdict

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import Sample
from botmon_cog.health.component import Component, Finding, Trouble

_MB = 1e6
_CRITICAL = 10.0
"""With a tenth of what makes a warning it is critical."""


class DiskSample(Sample, frozen=True, kw_only=True):
    free_bytes: int
    """What this process may still write."""
    total_bytes: int


_FULL = Trouble(
    "disk.full",
    "the disk has only {free_bytes:bytes} left",
    "the disk has room again",
    detail="of {total_bytes:bytes}",
    remedy="Free some space: old logs, songs that were downloaded, container images. What the store itself may take is "
    "`[retention] disk_cap_mb`.",
    meanwhile="Commands run on. On a full disk rows wait in memory, and what else the bot writes fails.",
)


class Disk(Component[DiskSample]):
    name = "disk"
    title = "Disk"
    troubles = (_FULL,)
    in_numbers = ("{free_bytes:bytes} of {total_bytes:bytes} free",)

    async def sample(self) -> DiskSample | None:
        """None if nothing is left on a disk. Raises OSError."""
        path = self._sources.store_path()
        if path is None:
            return None
        usage = await asyncio.to_thread(shutil.disk_usage, _existing(path))  # a network's may hang
        return DiskSample(free_bytes=usage.free, total_bytes=usage.total)

    def judge(self, sample: DiskSample, config: HealthConfig) -> Iterable[Finding]:
        scarce = config.disk_free_mb * _MB / max(sample.free_bytes, 1)
        yield _FULL.level(scarce, (1.0, _CRITICAL), "disk", **asdict(sample))


def _existing(path: Path) -> Path:
    """The file, or the nearest folder that there is: before the first row there may be neither."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
