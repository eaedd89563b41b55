"""The files of open invocations that dead processes left: found, locked and read. All of it touches the disk."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from glob import escape
from io import FileIO
from pathlib import Path

from botmon_cog.store.queue import open_slots
from botmon_cog.store.queue.open_file import SUFFIX, fcntl
from botmon_cog.store.queue.open_slots import Left


class LeftFile:
    """A file whose process is dead. Nobody else has it until it is released.

    Attributes:
        left: what it holds; None if nothing.
        problem: why that can't be told, for people; None if it can.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self._file = file
        self.left: Left | None = None
        self.problem: str | None = None

    def read(self) -> None:
        try:
            self.left = open_slots.read(os.pread(self._file.fileno(), open_slots.MOST_BYTES, 0))
        except (OSError, ValueError) as error:
            self.problem = str(error)

    def remove(self) -> None:
        """Raises OSError."""
        self.path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others have it. May be called twice."""
        self._file.close()


def left_files(spool: Path, skipped: Collection[Path] = ()) -> list[LeftFile]:
    """Those beside a spool, each locked by us: whoever calls this releases them all. Those in use are left out.

    Raises:
        OSError: the folder can't be read.
    """
    found: list[LeftFile] = []
    if fcntl is None:
        return found
    for path in sorted(spool.parent.glob(f"{escape(spool.stem)}.*{SUFFIX}")):
        if path not in skipped and (file := _locked(path)) is not None:
            found.append(left := LeftFile(path, file))
            left.read()
    return found


def is_in_use(path: Path) -> bool:
    """Whether its process lives, or another one is recovering it."""
    file = _locked(path)
    if file is not None:
        file.close()
    return file is None and path.exists()


def _locked(path: Path) -> FileIO | None:
    """The file, locked; None if its process lives, if another process recovers it, or if it may not be touched."""
    if fcntl is None:
        return None
    file = None
    with suppress(OSError):
        file = FileIO(path, "r+")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(path.stat(), os.fstat(file.fileno())):  # else another process has just removed it
            return file
    if file is not None:
        file.close()
    return None
