"""What a container allows and uses, from the control groups of Linux, version 2 and version 1.

See https://docs.kernel.org/admin-guide/cgroup-v2.html, and https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
and https://docs.kernel.org/scheduler/sched-bwc.html for version 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

_NO_LIMIT_BYTES = 2**62
"""Version 1 says "no limit" as 2^63 rounded down to a page, whose size differs."""


class MemoryGroup(msgspec.Struct, frozen=True):
    """The group that sets the least limit, out of this process's own and those above it."""

    limit_bytes: int
    folder: Path
    is_v2: bool

    def used_bytes(self) -> int | None:
        """Of all its processes, without the files that the kernel can drop; None if the group does not say.

        Raises:
            OSError: a file that is there can't be read.
        """
        current, inactive = (
            ("memory.current", "inactive_file") if self.is_v2 else ("memory.usage_in_bytes", "total_inactive_file")
        )
        used_bytes = _number(_text(self.folder / current))
        inactive_bytes = _stat(self.folder / "memory.stat").get(inactive)
        if used_bytes is None or inactive_bytes is None:
            return None
        return max(used_bytes - inactive_bytes, 0)


class CpuGroup(msgspec.Struct, frozen=True):
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
    """None if no group sets a limit, and if there is no `/proc` that says which group it is.

    Raises:
        OSError: a file that is there can't be read.
    """
    groups: list[MemoryGroup] = []
    for folder, is_v2 in _folders(root, "memory"):
        limit_bytes = _number(_text(folder / ("memory.max" if is_v2 else "memory.limit_in_bytes")))
        if limit_bytes is not None and 0 < limit_bytes < _NO_LIMIT_BYTES:
            groups.append(MemoryGroup(limit_bytes, folder, is_v2))
    return min(groups, key=lambda group: group.limit_bytes, default=None)


def cpu_group(root: Path = Path("/")) -> CpuGroup | None:
    """None if no group sets a quota, and if there is no `/proc` that says which group it is.

    Raises:
        OSError: a file that is there can't be read.
    """
    quotas: list[tuple[float, Path, bool]] = []
    for folder, is_v2 in _folders(root, "cpu"):
        cores = _cores(folder, is_v2=is_v2)
        if cores is not None:
            quotas.append((cores, folder, is_v2))
    if not quotas:
        return None
    cores, folder, is_v2 = min(quotas, key=lambda quota: quota[0])
    stat = _stat(folder / "cpu.stat")
    used = stat.get("usage_usec") if is_v2 else _number(_usage_v1(root, folder))
    return CpuGroup(
        cores=cores,
        used_s=None if used is None else used / (1e6 if is_v2 else 1e9),
        periods=stat.get("nr_periods"),
        throttled=stat.get("nr_throttled"),
    )


def _folders(root: Path, controller: str) -> Iterator[tuple[Path, bool]]:
    """From the group itself upwards, each with whether it is of version 2.

    Inside a container the mount often shows the container's own group as its root.
    """
    mount = root / "sys/fs/cgroup"
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not path or (controllers and controller not in controllers.split(",")):
            continue
        group = PurePosixPath(path.removeprefix("/"))
        inside = [] if ".." in group.parts else [part for part in (group, *group.parents) if part != PurePosixPath()]
        tops = dict.fromkeys((mount / controller, mount / controllers)) if controllers else (mount,)
        for top in tops:
            yield from ((top / part, not controllers) for part in inside)
            yield top, not controllers


def _cores(folder: Path, *, is_v2: bool) -> float | None:
    if is_v2:
        quota_text, _, period_text = (_text(folder / "cpu.max") or "").partition(" ")
    else:
        quota_text, period_text = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
    quota_us, period_us = _number(quota_text), _number(period_text)
    return quota_us / period_us if quota_us and period_us else None


def _usage_v1(root: Path, folder: Path) -> str | None:
    """Beside the quota, or in a tree of its own."""
    text = _text(folder / "cpuacct.usage")
    if text is None:
        mount = root / "sys/fs/cgroup"
        inside = PurePosixPath(*folder.relative_to(mount).parts[1:])
        text = _text(mount / "cpuacct" / inside / "cpuacct.usage")
    return text


def _stat(file: Path) -> dict[str, int]:
    pairs = (line.partition(" ") for line in (_text(file) or "").splitlines())
    return {name: number for name, _, text in pairs if (number := _number(text)) is not None}


def _number(text: str | None) -> int | None:
    """None for `max` and `-1`, and for what is no number."""
    return int(text) if text is not None and text.isdecimal() else None


def _text(file: Path) -> str | None:
    """None if there is no such file."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return None
