"""The memory that a container allows, from the control groups of Linux, version 2 and version 1.

See https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def memory_limit(root: Path = Path("/")) -> int | None:
    """The least of what this process's own group and those above it allow, in bytes; None where they set no limit.

    Raises:
        OSError: a file that is there can't be read.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except FileNotFoundError:
        return None  # no Linux
    limits = [_limit(file) for line in lines for file in _limit_files(line, root / "sys/fs/cgroup")]
    return min((limit for limit in limits if limit is not None), default=None)


def _limit_files(line: str, mount: Path) -> Iterator[Path]:
    """From the group itself upwards. Inside a container the mount often shows the container's own group as its root."""
    _, controllers, path = line.split(":", 2)
    if not controllers:
        name = "memory.max"
    elif "memory" in controllers.split(","):
        mount, name = mount / "memory", "memory.limit_in_bytes"
    else:
        return
    group = PurePosixPath(path.removeprefix("/"))
    if ".." not in group.parts:  # else it is outside of what the mount shows
        yield from (mount / folder / name for folder in (group, *group.parents) if folder != PurePosixPath())
    yield mount / name


def _limit(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdecimal() and int(text) > 0 else None
