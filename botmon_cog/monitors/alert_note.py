"""The alerts on disk, for a start at which the database is away."""

from __future__ import annotations

import asyncio

import msgspec

from botmon_cog.domain.alerts import Alert, AlertMessage, Mute
from botmon_cog.store.queue.spool import Spool


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


class AlertNote:
    """A note of an instance in the spool."""

    def __init__(self, spool: Spool, instance: str) -> None:
        self._spool = spool
        self._key = f"alerts/{instance}"
        self._lock = asyncio.Lock()
        self._written: Kept | None = None

    async def read(self) -> Kept | None:
        """What an earlier process left; None if it left nothing.

        Raises:
            SpoolError: the disk failed.
            ValueError: the note can't be read.
        """
        async with self._lock:
            note = await self._spool.read_note(self._key)
            self._written = None if note is None else msgspec.json.decode(note, type=Kept)
            return self._written

    async def write(self, kept: Kept) -> None:
        """Keep it in place of what was kept before, whole or not at all. Raises SpoolError."""
        async with self._lock:
            if kept != self._written:
                await self._spool.write_note(self._key, msgspec.json.encode(kept))
                self._written = kept

    async def remove(self) -> None:
        """There is nothing to know. Raises SpoolError."""
        async with self._lock:
            if self._written is not None:
                await self._spool.remove_note(self._key)
                self._written = None
