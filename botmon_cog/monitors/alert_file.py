"""The alerts on disk, for a start at which the database is away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from botmon_cog.domain.alerts import Alert, AlertMessage, Mute
from botmon_cog.storage.queue.disk import DiskThreads
from botmon_cog.storage.queue.segments import Names

T = TypeVar("T")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a process knows of its alerts."""

    alerts: tuple[Alert, ...] = ()
    is_ahead: bool = False
    """Whether they were moved without the database; else what it has is as new."""
    mutes: tuple[Mute, ...] = ()
    """Those in force."""
    new_mutes: tuple[Mute, ...] = ()
    """Those of them that are not stored."""
    ended_mutes: tuple[tuple[str, str], ...] = ()
    """(scope, key) of those that are stored and have been ended."""
    outbox: tuple[AlertMessage, ...] = ()
    """Messages that the database does not have, or has without their result."""


class AlertFile:
    """One file of an instance, beside its spooled rows. It touches the disk in threads only."""

    def __init__(self, folder: Path, instance: str) -> None:
        self._path = folder / f"{Names(instance).prefix}alerts.json"
        self._disk = DiskThreads("botmon-alerts")
        self._lock = asyncio.Lock()
        self._written: Kept | None = None

    async def read(self) -> Kept | None:
        """What an earlier process left; None where it left nothing.

        Raises:
            OSError: the disk failed.
            ValueError: the file is none of ours.
        """
        async with self._lock:
            self._written = await self._run(self._read)
            return self._written

    async def write(self, kept: Kept) -> None:
        """Keep it in place of what was kept before, whole or not at all. Raises OSError."""
        async with self._lock:
            if kept != self._written:
                await self._run(lambda: self._write(msgspec.json.encode(kept)))
                self._written = kept

    async def remove(self) -> None:
        """There is nothing to know. Raises OSError."""
        async with self._lock:
            if self._written is not None:
                await self._run(self._remove)
                self._written = None

    async def settle(self) -> None:
        """Return when no thread works on the file any more."""
        await self._disk.settle()

    async def _run(self, work: Callable[[], T]) -> T:
        """One piece of work at a time: what a disk that hung did late would undo what came after it."""
        if self._disk.is_busy:
            raise TimeoutError("the disk is still busy with the time before")
        return await self._disk.run(work)

    def _read(self) -> Kept | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_name(self._path.name + ".tmp")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)

    def _remove(self) -> None:
        self._path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty
            self._path.parent.rmdir()
