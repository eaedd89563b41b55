"""The disk that the store lies on."""

from __future__ import annotations

import shutil

import pytest

from botmon_cog.config import Config, StorageConfig
from botmon_cog.health.components.disk import Disk, DiskSample
from botmon_cog.health.words import recovered, words_of
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.health_samples import judged, sources_of

MB = 1_000_000


@pytest.mark.parametrize(
    ("free_bytes", "is_critical"), [(1000 * MB, False), (101 * MB, False), (100 * MB, True), (0, True), (-1, True)]
)
def test_little_room_is_told_with_what_is_left(free_bytes, is_critical):
    (found,) = judged("disk", free_bytes=free_bytes)
    assert (found.key, found.value >= found.limits[1]) == ("disk", is_critical)
    words = words_of(found.reason)
    assert (words.what.startswith("the disk has only "), words.detail) == (True, "of 93 GiB")
    assert recovered(found.reason) == "the disk has room again"


def test_enough_room_is_well():
    assert judged("disk", free_bytes=1001 * MB) == []


async def test_it_is_the_disk_of_the_store_before_and_after_its_file_is_made(tmp_path):
    config = Config(storage=StorageConfig(url=str(tmp_path / "new" / "bot.db")))
    system = MonitoringSystem(config, clock=ManualClock())
    total_bytes = shutil.disk_usage(tmp_path).total
    for _ in range(2):
        sample = (await system.health.report()).sample("disk", DiskSample)
        assert sample is not None
        assert sample.total_bytes == total_bytes
        assert 0 < sample.free_bytes < total_bytes
        await system.open()
    await system.close()


async def test_a_store_in_memory_has_no_disk():
    assert await Disk(sources_of(store_path=lambda: None)).sample() is None
