"""What a container allows and uses: from recorded trees of both versions, odd ones, and the machine's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from botmon_cog.health.cgroup import CpuGroup, MemoryGroup, cpu_group, memory_group
from tests.process_helpers import GROUPS, MIB, tree

UNLIMITED_V1 = "9223372036854771712"
UNLIMITED_V1_64K_PAGES = "9223372036854710272"
V1 = "5:devices:/docker/abc\n4:cpu,memory:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_recorded_tree_tells_memory_without_what_the_kernel_can_drop(version):
    group = memory_group(GROUPS / version)
    assert group is not None
    assert (group.limit_bytes, group.used_bytes()) == (512 * MIB, (480 - 70) * MIB)


@pytest.mark.parametrize(("version", "cores"), [("v1", 0.5), ("v2", 1.5)])
def test_a_recorded_tree_tells_the_quota_and_how_often_it_held_back(version, cores):
    assert cpu_group(GROUPS / version) == CpuGroup(cores, 12.5, 400, 100)


@pytest.mark.parametrize(
    ("cgroup", "files", "limit"),
    [
        pytest.param("0::/\n", {"memory.max": "512"}, 512, id="v2, in a namespace of its own"),
        pytest.param("0::/\n", {"memory.max": "max"}, None, id="v2, without a limit"),
        pytest.param("0::/\n", {}, None, id="v2, on the machine itself"),
        pytest.param("0::/a/b\n", {"a/b/memory.max": "300", "a/memory.max": "max"}, 300, id="v2, its own"),
        pytest.param("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": "200"}, 200, id="v2, of the group above"),
        pytest.param("0::/a/b\n", {"a/b/memory.max": "300", "a/memory.max": "200"}, 200, id="v2, the least"),
        pytest.param("0::/docker/abc\n", {"memory.max": "400"}, 400, id="v2, the mount is the container's"),
        pytest.param("0::/../other\n", {"memory.max": "500"}, 500, id="v2, outside of the namespace"),
        pytest.param(V1, {"memory/docker/abc/memory.limit_in_bytes": "700"}, 700, id="v1"),
        pytest.param(V1, {"cpu,memory/docker/abc/memory.limit_in_bytes": "700"}, 700, id="v1, one tree for two"),
        pytest.param(V1, {"memory/memory.limit_in_bytes": "600"}, 600, id="v1, the mount is the container's"),
        pytest.param(V1, {"memory/memory.limit_in_bytes": UNLIMITED_V1}, None, id="v1, without a limit"),
        pytest.param(V1, {"memory/memory.limit_in_bytes": UNLIMITED_V1_64K_PAGES}, None, id="v1, larger pages"),
        pytest.param("0::/\n", {"memory.max": "nonsense"}, None, id="nonsense"),
        pytest.param("0::/\n", {"memory.max": ""}, None, id="empty"),
        pytest.param("0::/\n", {"memory.max": "0"}, None, id="nothing at all"),
        pytest.param("nonsense\n\n0:\n", {"memory.max": "9"}, None, id="lines that name no group"),
    ],
)
def test_the_memory_limit_is_the_least_of_what_the_groups_allow(tmp_path, cgroup, files, limit):
    group = memory_group(tree(tmp_path, cgroup, **files))
    assert (None if group is None else group.limit_bytes) == limit


@pytest.mark.parametrize(
    ("cgroup", "files", "cores"),
    [
        pytest.param("0::/\n", {"cpu.max": "200000 100000"}, 2.0, id="v2"),
        pytest.param("0::/\n", {"cpu.max": "max 100000"}, None, id="v2, without a quota"),
        pytest.param("0::/\n", {"cpu.max": "5000"}, None, id="v2, without a period"),
        pytest.param("0::/\n", {"cpu.max": "5000 0"}, None, id="v2, no period"),
        pytest.param("0::/a\n", {"a/cpu.max": "max 1000", "cpu.max": "500 1000"}, 0.5, id="v2, of the group above"),
        pytest.param(V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100"}, None, id="v1, without"),
        pytest.param(V1, {"cpu/cpu.cfs_quota_us": "50", "cpu/cpu.cfs_period_us": "100"}, 0.5, id="v1"),
    ],
)
def test_the_quota_is_the_least_of_what_the_groups_allow(tmp_path, cgroup, files, cores):
    group = cpu_group(tree(tmp_path, cgroup, **files))
    assert (None if group is None else group.cores) == cores


def test_processor_time_of_version_1_may_be_counted_in_a_tree_of_its_own(tmp_path):
    cgroup = "3:cpuacct:/bot\n2:cpu:/bot\n"
    files = {
        "cpu/bot/cpu.cfs_quota_us": "1",
        "cpu/bot/cpu.cfs_period_us": "1",
        "cpuacct/bot/cpuacct.usage": "7000000000",
    }
    group = cpu_group(tree(tmp_path, cgroup, **files))
    assert group == CpuGroup(1.0, 7.0, None, None)


@pytest.mark.parametrize("missing", ["memory.current", "memory.stat"])
def test_a_group_that_does_not_say_what_it_uses_has_a_limit_all_the_same(tmp_path, missing):
    files = {"memory.max": "900", "memory.current": "500", "memory.stat": "anon 1\ninactive_file 100\n"}
    group = memory_group(tree(tmp_path, "0::/\n", **files))
    assert group is not None
    assert (group.limit_bytes, group.used_bytes()) == (900, 400)
    (group.folder / missing).unlink()
    assert group.used_bytes() is None


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert memory_group(tmp_path) is None
    assert cpu_group(tmp_path) is None


def test_the_machines_own_group_counts_what_this_process_uses():
    """Read from the kernel: whatever this machine has, what we take of it is in it."""
    folders = _own_groups()
    if not folders:
        pytest.skip("no group of this process counts memory")
    taken = bytearray(64 * MIB)
    taken[::4096] = b"\1" * (len(taken) // 4096)
    used_bytes = MemoryGroup(1, folders[0]).used_bytes()
    assert used_bytes is not None
    assert used_bytes >= len(taken)
    limit = memory_group()
    assert limit is None or used_bytes <= limit.limit_bytes


def _own_groups() -> list[Path]:
    mount = Path("/sys/fs/cgroup")
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    v1 = [(mount / "memory" / path[1:], False) for _, names, path in lines if "memory" in names.split(",")]
    v2 = [(mount / path[1:], True) for _, names, path in lines if not names]
    return [
        folder
        for folder, is_v2 in v1 + v2
        if (folder / ("memory.current" if is_v2 else "memory.usage_in_bytes")).exists()
    ]
