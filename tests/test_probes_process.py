"""What is seen of this process; a source that is refused costs its own field, and one line in the log."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.probes.cgroup import memory_limit
from botmon_cog.monitors.probes.cpu import CpuMeter
from botmon_cog.monitors.probes.process import ProcessProbe
from botmon_cog.testing import ManualClock

MB = 1_000_000
UNLIMITED_V1 = "9223372036854771712"


class FakeProcess:
    """Stands in for psutil's; what it raises may be set by name."""

    def __init__(self, clock: ManualClock, **refused: Exception) -> None:
        self.created_s = clock.now().timestamp() - 100
        self.used_s = 50.0
        self.rss_bytes = 200 * MB
        self.refused = refused

    def _get(self, name: str, value: object) -> object:
        if name in self.refused:
            raise self.refused[name]
        return value

    def create_time(self):
        return self._get("create_time", self.created_s)

    def memory_info(self):
        return self._get("memory_info", SimpleNamespace(rss=self.rss_bytes, vms=900 * MB))

    def cpu_times(self):
        return self._get("cpu_times", SimpleNamespace(user=self.used_s * 0.75, system=self.used_s * 0.25))

    def num_threads(self):
        return self._get("num_threads", 7)

    def num_fds(self):
        return self._get("num_fds", 33)

    num_handles = num_fds


def tree(root: Path, cgroup: str, **limits: str) -> Path:
    """A machine's files: what `/proc/self/cgroup` says, and limits by path below `/sys/fs/cgroup`."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for path, limit in limits.items():
        file = root / "sys/fs/cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(limit + "\n")
    return root


def probe_of(clock: ManualClock, root: Path, failures: Failures | None = None, **refused: Exception):
    process = FakeProcess(clock, **refused)
    return ProcessProbe(clock, failures or Failures(clock), process, root), process  # pyright: ignore[reportArgumentType]


V1 = "5:devices:/docker/abc\n4:cpu,memory:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n"


@pytest.mark.parametrize(
    ("cgroup", "limits", "limit"),
    [
        pytest.param("0::/\n", {"memory.max": "512"}, 512, id="v2, in a namespace of its own"),
        pytest.param("0::/\n", {"memory.max": "max"}, None, id="v2, without a limit"),
        pytest.param("0::/\n", {}, None, id="v2, on the machine itself"),
        pytest.param("0::/a/b\n", {"a/b/memory.max": "300", "a/memory.max": "max"}, 300, id="v2, its own"),
        pytest.param("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": "200"}, 200, id="v2, of the group above"),
        pytest.param("0::/docker/abc\n", {"memory.max": "400"}, 400, id="v2, the mount is the container's"),
        pytest.param("0::/../other\n", {"memory.max": "500"}, 500, id="v2, outside of the namespace"),
        pytest.param(V1, {"memory/docker/abc/memory.limit_in_bytes": "700"}, 700, id="v1"),
        pytest.param(V1, {"memory/memory.limit_in_bytes": "600"}, 600, id="v1, the mount is the container's"),
        pytest.param(
            V1, {"memory/docker/abc/memory.limit_in_bytes": UNLIMITED_V1}, int(UNLIMITED_V1), id="v1, without a limit"
        ),
        pytest.param("0::/\n", {"memory.max": "nonsense"}, None, id="nonsense"),
        pytest.param("0::/\n", {"memory.max": "0"}, None, id="nothing at all"),
    ],
)
def test_the_limit_is_the_least_of_what_the_groups_allow(tmp_path, cgroup, limits, limit):
    assert memory_limit(tree(tmp_path, cgroup, **limits)) == limit


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert memory_limit(tmp_path) is None


def test_a_container_is_told_from_the_machine(tmp_path):
    clock = ManualClock()
    probe, _ = probe_of(clock, tree(tmp_path / "small", "0::/\n", **{"memory.max": str(512 * MB)}))
    sample = probe.sample()
    assert (sample.limit_bytes, sample.is_contained) == (512 * MB, True)
    probe, _ = probe_of(clock, tree(tmp_path / "vast", V1, **{"memory/memory.limit_in_bytes": UNLIMITED_V1}))
    sample = probe.sample()
    assert (sample.limit_bytes, sample.is_contained) == (psutil.virtual_memory().total, False)


@pytest.mark.parametrize("cgroup", ["nonsense\n", "0::/\n"])
def test_control_groups_that_can_not_be_read_leave_the_machine(tmp_path, cgroup):
    clock = ManualClock()
    root = tree(tmp_path, cgroup)
    (root / "sys/fs/cgroup/memory.max").mkdir(parents=True)  # a directory is no file
    sample = probe_of(clock, root)[0].sample()
    assert (sample.limit_bytes, sample.is_contained) == (psutil.virtual_memory().total, False)


async def test_every_field_is_read(tmp_path):
    clock = ManualClock()
    probe, process = probe_of(clock, tmp_path)
    assert probe.uptime_s == pytest.approx(100)
    first = probe.sample()
    assert (first.rss_bytes, first.vms_bytes, first.threads, first.files) == (200 * MB, 900 * MB, 7, 33)
    assert first.files_limit is None or first.files_limit > 33
    assert (first.cpu_percent, first.is_cpu_measured) == (None, False)
    await clock.advance(10)
    process.used_s += 12
    sample = probe.sample()
    assert (sample.cpu_percent, sample.is_cpu_measured) == (pytest.approx(120), True)
    assert 0 <= sample.system_cpu_percent <= 100
    await clock.advance(2)
    process.used_s += 2
    assert probe.sample().cpu_percent == sample.cpu_percent, "over 2 s the number means nothing"
    assert probe.uptime_s == pytest.approx(112)


@pytest.mark.parametrize(
    ("reader", "fields"),
    [
        ("memory_info", {"rss_bytes", "vms_bytes"}),
        ("cpu_times", {"cpu_percent"}),
        ("num_threads", {"threads"}),
        ("num_fds", {"files"}),
    ],
)
@pytest.mark.parametrize("error", [psutil.AccessDenied(), psutil.ZombieProcess(1), OSError("no"), ValueError("odd")])
async def test_a_refused_source_costs_its_field_and_one_line_in_the_log(tmp_path, caplog, reader, fields, error):
    clock = ManualClock()
    failures = Failures(clock)
    with caplog.at_level(logging.WARNING):
        probe, _ = probe_of(clock, tmp_path, failures, **{reader: error})
        for _ in range(4):
            await clock.advance(60)
            sample = probe.sample()
    seen = {"rss_bytes", "vms_bytes", "limit_bytes", "cpu_percent", "system_cpu_percent", "threads", "files"}
    assert {name for name in seen if getattr(sample, name) is None} == fields
    assert sample.is_cpu_measured
    assert len(caplog.records) == 1
    assert failures.n == isinstance(error, ValueError), "what the system refuses is no fault of ours"


def test_a_process_that_does_not_tell_its_age_began_now(tmp_path):
    assert probe_of(ManualClock(), tmp_path, create_time=psutil.AccessDenied())[0].uptime_s == 0


async def test_processor_time_that_is_refused_for_a_while_is_measured_again():
    clock = ManualClock()
    used: list[float | None] = [1.0, None, 4.0, 9.0]
    meter = CpuMeter(clock, lambda: used.pop(0))
    found = []
    for _ in range(3):
        await clock.advance(10)
        assert meter.look()
        found.append((meter.percent, meter.is_measured))
    assert found == [(None, True), (None, False), (pytest.approx(50), True)]
