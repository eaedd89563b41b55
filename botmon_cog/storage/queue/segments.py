"""The files of a spool: whole or not there, named so that they sort by age and tell how many rows they hold."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

_LONGEST_INSTANCE = 100
_WHOLE = ".jsonl"
_PARTIAL = ".tmp"
_BAD = ".bad"
_REST = re.compile(r"\d{8}T\d{12}-\d{6}-[0-9a-f]{8}-(\d+)(\.jsonl|\.tmp|\.jsonl\.bad|\.tmp\.bad)", re.ASCII)
_CHUNK_BYTES = 1 << 16


@dataclass(slots=True, kw_only=True)
class Segment:
    """One file of rows, a line each, and how far it has been read."""

    path: Path
    rows: int
    """Lines not yet read; in a file that a crash left behind, the whole ones."""
    size_bytes: int
    offset: int = 0
    bad: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(offset, length) of the lines that can't be read."""
    is_torn: bool = False
    """Whether its last line has no end, because a crash came."""

    @property
    def is_partial(self) -> bool:
        """Whether a crash came before the file had its name."""
        return self.path.suffix == _PARTIAL


class Names:
    """Makes file names that sort by age, also where the wall clock is set back, and that no other process makes."""

    def __init__(self, instance: str) -> None:
        self.prefix = _file_name(instance) + "."
        self._token = secrets.token_hex(4)
        self._made = 0
        self._stamp = ""

    def make(self, rows: int, now: datetime) -> str:
        """The name without its ending. `now` is aware UTC."""
        self._made += 1
        self._stamp = max(self._stamp, f"{now:%Y%m%dT%H%M%S%f}")
        return f"{self.prefix}{self._stamp}-{self._made:06d}-{self._token}-{rows}"


def _file_name(instance: str) -> str:
    """The instance as every file system takes it; different ones stay different."""
    name = quote(instance, safe=" ")
    if len(name) <= _LONGEST_INSTANCE:
        return name
    return f"{name[:_LONGEST_INSTANCE]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def find_segments(folder: Path, prefix: str) -> tuple[list[Segment], int]:
    """The segments whose names begin with `prefix`, oldest first, and the bytes of the lines set aside.

    Raises:
        OSError: the folder is there and can't be read.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if name.startswith(prefix))  # noqa: PTH208 (names are wanted)
    except (FileNotFoundError, NotADirectoryError):
        return [], 0
    found: list[Segment] = []
    bad_bytes = 0
    for name in names:
        match = _REST.fullmatch(name, len(prefix))
        if match is None:
            continue
        path = folder / name
        with suppress(FileNotFoundError):  # a process of the same instance has just ended it
            size_bytes = path.stat().st_size
            if match[2].endswith(_BAD):
                bad_bytes += size_bytes
            else:
                rows = _count_lines(path) if match[2] == _PARTIAL else int(match[1])
                found.append(Segment(path=path, rows=rows, size_bytes=size_bytes))
    return found, bad_bytes


def write_segment(folder: Path, name: str, lines: Sequence[bytes]) -> Segment:
    """Store the lines durably; makes the folder where it is missing.

    Raises:
        OSError: nothing was stored.
    """
    _make_folder(folder)
    partial, path = folder / (name + _PARTIAL), folder / (name + _WHOLE)
    try:
        _write_new(partial, lines)
        partial.rename(path)
        _sync_folder(folder)
    except BaseException:
        for leftover in (partial, path):
            with suppress(OSError):
                leftover.unlink()
        with suppress(OSError):
            folder.rmdir()
        raise
    return Segment(path=path, rows=len(lines), size_bytes=sum(map(len, lines)))


def read_lines(segment: Segment, max_lines: int) -> list[tuple[int, bytes]]:
    """The next lines from `segment.offset` on, each with its own offset. Raises OSError."""
    with segment.path.open("rb") as file:
        file.seek(segment.offset)
        found: list[tuple[int, bytes]] = []
        offset = segment.offset
        for line in file:
            found.append((offset, line))
            offset += len(line)
            if len(found) >= max_lines:
                break
    return found


def remove_segment(segment: Segment) -> int:
    """Delete a segment, after its unreadable lines were set aside, and the folder with its last file.

    Returns:
        The bytes set aside.

    Raises:
        OSError: it is still there.
    """
    kept = 0
    with suppress(FileNotFoundError):  # a process of the same instance was faster
        if segment.bad:
            lines = list(_bad_lines(segment))
            bad_path = segment.path.with_name(segment.path.name + _BAD)
            bad_path.unlink(missing_ok=True)
            _write_new(bad_path, lines)
            kept = sum(map(len, lines))
        segment.path.unlink()
        _sync_folder(segment.path.parent)
    with suppress(OSError):  # not empty
        segment.path.parent.rmdir()
    return kept


def _bad_lines(segment: Segment) -> Iterator[bytes]:
    with segment.path.open("rb") as file:
        for offset, length in segment.bad:
            file.seek(offset)
            yield file.read(length).removesuffix(b"\n") + b"\n"


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""))


def _write_new(path: Path, lines: Sequence[bytes]) -> None:
    with path.open("xb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Make what was renamed or removed in a folder last; where a system can't, as Windows, it does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
