"""What goes wrong around a SQLite file, brought about on purpose; every one of them also where the tests run as root.

- Another process writes: `write_lock`.
- The disk is full: `Child(..., disk=(folder, size))`, where the writer runs in a child, and everywhere; `small_disk`
  for a writer in this process, where mounting is allowed; `fill` for the moment at which it is full.
- The folder is read-only: `open_folder` and `set_writable`, with the writer in a `Child(..., unprivileged=True)`.
- The writer is killed: `Child.kill`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from botmon_cog.store.script import Execute, Query, Script
from botmon_cog.store.sqlite.engine import SqliteEngine
from tests.child import Child, ChildError, Talk, mount_tmpfs, unmount


async def _hold(talk: Talk, path: str, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
        connection.execute(statement)
        talk.send("held")
        await talk.receive()
        connection.execute("ROLLBACK")
    talk.send("released")


class Lock:
    """A lock that another process holds."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._held = True

    def release(self) -> None:
        """Returns when it is free."""
        if self._held:
            self._held = False
            assert self._child.ask("release") == "released"


@contextmanager
def write_lock(path: Path | str, *, exclusive: bool = False) -> Iterator[Lock]:
    """Another process writes to the database from here on; `exclusive` keeps readers out as well, outside of WAL."""
    with Child(_hold, str(path), "BEGIN EXCLUSIVE" if exclusive else "BEGIN IMMEDIATE") as child:
        assert child.receive() == "held"
        lock = Lock(child)
        yield lock
        lock.release()


async def _hold_mount(talk: Talk, folder: str, size: int) -> None:
    def clear() -> None:
        with suppress(OSError):
            unmount(folder)
        Path(folder).rmdir()

    talk.at_end.append(clear)
    mount_tmpfs(folder, size)
    talk.send("mounted")
    await talk.receive()
    unmount(folder)
    talk.send("unmounted")


@contextmanager
def small_disk(size: int) -> Iterator[Path]:
    """A folder of which everything together has `size` bytes, for this process too; skips the test without root."""
    folder = Path(tempfile.mkdtemp(prefix="botmon-disk-")).resolve()
    try:
        with Child(_hold_mount, folder, size) as child:
            try:
                child.receive()
            except ChildError as error:
                pytest.skip(f"this machine does not let us mount a small disk: {str(error).splitlines()[-1]}")
            try:
                yield folder
            finally:
                assert child.ask("unmount") == "unmounted"
    finally:
        folder.rmdir()


def fill(folder: Path | str, leave: int = 0) -> Path:
    """Fill the small disk up to the last byte, but for `leave`; deleting the file that comes back makes room again."""
    ballast = Path(folder) / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
        file.truncate(max(0, file.tell() - leave))
    return ballast


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every account reaches and may write to, unlike pytest's, which are their owner's alone."""
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - mkdtemp in it
        if all(path.stat().st_mode & 0o001 for path in (Path(place).resolve(), *Path(place).resolve().parents)):
            break
    folder = Path(tempfile.mkdtemp(prefix="botmon-open-", dir=place)).resolve()
    try:
        set_writable(folder, writable=True)
        yield folder
    finally:
        set_writable(folder, writable=True)
        shutil.rmtree(folder)


def set_writable(folder: Path, *, writable: bool) -> None:
    """The folder and all that is in it; open files stay as they were opened."""
    for path in (folder, *folder.rglob("*")):
        if os.geteuid() in (0, path.stat().st_uid):
            path.chmod((0o777 if writable else 0o555) if path.is_dir() else (0o666 if writable else 0o444))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def seen(folder: Path, *, reads: bool = True) -> dict[str, Any]:
    """All that is in a folder: names, links, modes, times of change, contents.

    Without `reads` no file is opened: that would end the locks that this process has on it.
    """
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        content = path.read_bytes() if reads and path.is_file() and not path.is_symlink() else state.st_size
        target = os.readlink(path) if path.is_symlink() else None  # noqa: PTH115 (as it is written)
        changed = None if path.suffix == ".db-shm" else state.st_mtime_ns  # what readers of a log share
        found[str(path.relative_to(folder))] = (state.st_mode, state.st_ino, changed, content, target)
    return found


def put_in(value: str = "1") -> Script[int]:
    return (yield Execute("INSERT INTO @marks (name, value) VALUES (:name, 'x')", {"name": value}))


def take_out() -> Script[list[str]]:
    return [name for (name,) in (yield Query("SELECT name FROM @marks WHERE value = 'x' ORDER BY name"))]


async def use(path: Path | str, **options: Any) -> SqliteEngine:
    """Write to a store and read it; it is closed again."""
    engine = SqliteEngine(str(path), **options)
    try:
        await engine.write(put_in())
        assert await engine.read(take_out()) == ["1"]
        assert await engine.ping() > 0
    finally:
        await engine.close()
    return engine
