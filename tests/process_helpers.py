"""A process and a machine that tests make up, for what is read of both."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from botmon_cog.health.process import ProcessReader
from botmon_cog.monitors.failures import Failures
from botmon_cog.testing import ManualClock

MIB = 2**20
GROUPS = Path(__file__).parent / "cgroups"
"""What `/proc` and `/sys` hold in a container of Docker (version 1) and in a service of systemd (version 2): both with
512 MiB, of which 410 MiB are used and 70 MiB more can be dropped."""


class FakeProcess:
    """Stands in for psutil's; what it raises may be set by name."""

    def __init__(self, clock: ManualClock, **refused: Exception) -> None:
        self.created_s = clock.now().timestamp() - 100
        self.used_s = 50.0
        self.rss_bytes = 200 * MIB
        self.files = 33
        self.refused = refused

    def _get(self, name: str, value: object) -> object:
        if name in self.refused:
            raise self.refused[name]
        return value

    def create_time(self):
        return self._get("create_time", self.created_s)

    def memory_info(self):
        return self._get("memory_info", SimpleNamespace(rss=self.rss_bytes, vms=900 * MIB))

    def num_threads(self):
        return self._get("num_threads", 7)

    def num_fds(self):
        return self._get("num_fds", self.files)

    num_handles = num_fds

    def processor_s(self):
        return self._get("processor_s", self.used_s)


def reader_of(
    clock: ManualClock, root: Path, failures: Failures | None = None, **refused: Exception
) -> tuple[ProcessReader, FakeProcess]:
    process = FakeProcess(clock, **refused)
    reader = ProcessReader(
        clock,
        failures or Failures(clock),
        root,
        process=process,  # pyright: ignore[reportArgumentType]
        processor_s=process.processor_s,  # pyright: ignore[reportArgumentType]
    )
    reader.cores = 2
    return reader, process


def tree(root: Path, cgroup: str, **files: str) -> Path:
    """A machine's files: what `/proc/self/cgroup` says, and others by path below `/sys/fs/cgroup`."""
    (root / "proc/self").mkdir(parents=True, exist_ok=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for path, content in files.items():
        file = root / "sys/fs/cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
    return root
