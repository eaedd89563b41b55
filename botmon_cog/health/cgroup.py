"""What a container allows and uses, from the control groups of Linux, version 2 and version 1.

See https://docs.kernel.org/admin-guide/cgroup-v2.html, and https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
and https://docs.kernel.org/scheduler/sched-bwc.html for version 1: which of both a group is of, the names of its files
tell. All of this raises OSError if a file that is there can't be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

_NO_LIMIT_BYTES = 2**62
"""Version 1 says "no limit" as 2^63 rounded down to a page, whose size differs."""


class MemoryGroup(NamedTuple):
    """The group that sets the least limit, out of this process's own and those above it."""

    limit_bytes: int
    folder: Path

    def used_bytes(self) -> int | None:
        """Of all its processes, without the files that the kernel can drop; None if the group does not say."""
        used_bytes = _number(_text(self.folder / "memory.current", self.folder / "memory.usage_in_bytes"))
        stat = _stat(self.folder / "memory.stat")
        inactive_bytes = stat.get("total_inactive_file", stat.get("inactive_file"))
        return None if used_bytes is None or inactive_bytes is None else max(used_bytes - inactive_bytes, 0)


class CpuGroup(NamedTuple):
    """The group with the least quota, out of this process's own and those above it."""

    cores: float
    """How many cores its processes may keep busy together."""
    used_s: float | None
    """The processor time of all its processes so far."""
    periods: int | None
    """How many periods of the quota have passed in which it ran."""
    throttled: int | None
    """In how many of them it had to wait for the next."""


def memory_group(root: Path = Path("/")) -> MemoryGroup | None:
    """None if no group sets a limit, and if there is no `/proc` that says which group it is."""
    limits: list[tuple[int, Path]] = []
    for folder in _folders(root, "memory"):
        limit_bytes = _number(_text(folder / "memory.max", folder / "memory.limit_in_bytes"))
        if limit_bytes and limit_bytes < _NO_LIMIT_BYTES:
            limits.append((limit_bytes, folder))
    return MemoryGroup(*min(limits)) if limits else None


def cpu_group(root: Path = Path("/")) -> CpuGroup | None:
    """None if no group sets a quota, and if there is no `/proc` that says which group it is."""
    quotas: list[tuple[float, Path]] = []
    for folder in _folders(root, "cpu"):
        both = (
            _text(folder / "cpu.max") or f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}"
        )
        quota_us, _, period_us = map(_number, both.partition(" "))
        if quota_us and period_us:
            quotas.append((quota_us / period_us, folder))
    if not quotas:
        return None
    cores, folder = min(quotas)
    stat = _stat(folder / "cpu.stat")
    used_us, used_ns = stat.get("usage_usec"), _number(_usage_v1(root, folder))
    used_s = used_us / 1e6 if used_us is not None else used_ns / 1e9 if used_ns is not None else None
    return CpuGroup(cores, used_s, stat.get("nr_periods"), stat.get("nr_throttled"))


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """From the group itself upwards. Inside a container the mount often shows the container's own group as its root."""
    mount = root / "sys/fs/cgroup"
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not path or (controllers and controller not in controllers.split(",")):
            continue
        group = PurePosixPath(path.removeprefix("/"))
        inside = (group, *group.parents) if ".." not in group.parts else (PurePosixPath(),)
        for top in dict.fromkeys((mount / controller, mount / controllers)) if controllers else (mount,):
            yield from (top / part for part in inside)


def _usage_v1(root: Path, folder: Path) -> str | None:
    """Beside the quota, or in a tree of its own."""
    mount = root / "sys/fs/cgroup"
    inside = PurePosixPath(*folder.relative_to(mount).parts[1:])
    return _text(folder / "cpuacct.usage", mount / "cpuacct" / inside / "cpuacct.usage")


def _stat(file: Path) -> dict[str, int]:
    pairs = (line.partition(" ") for line in (_text(file) or "").splitlines())
    return {name: number for name, _, text in pairs if (number := _number(text)) is not None}


def _number(text: str | None) -> int | None:
    """None for `max` and `-1`, and for what is no number."""
    return int(text) if text is not None and text.isdecimal() else None


def _text(*files: Path) -> str | None:
    """Of the first of them that there is; None if there is none."""
    for file in files:
        with suppress(FileNotFoundError):
            return file.read_text().strip()
    return None
