"""Who is not recorded, as this process knows it: asked for every event, and so kept in memory."""

from __future__ import annotations

from botmon_cog.clock import Clock
from botmon_cog.store.unrecorded import UnrecordedStore


class UnrecordedBook:
    """People whose commands are counted without them. What other processes were told is known after `refresh`.

    Attributes:
        ids: theirs, each as a number and as text; changed in place, so that whoever asks often may hold on to it.
    """

    def __init__(self, store: UnrecordedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.ids: set[int | str] = set()
        self._changes = 0

    def __contains__(self, user_id: object) -> bool:
        return user_id in self.ids

    async def refresh(self) -> None:
        """Take up what was asked for anywhere. Raises StorageError."""
        known: dict[int, int] = {}
        changes = -1
        while changes != self._changes:  # else what was asked for here meanwhile would be forgotten again
            changes = self._changes
            known = await self._store.all()
        found: set[int | str] = {*known, *map(str, known)}
        self.ids |= found  # in two steps, so that nobody is recorded in between
        self.ids &= found

    def spare(self, user_id: int) -> None:
        """Record them no more until the next `refresh`: what they are doing just now asks to be erased."""
        self.ids |= {user_id, str(user_id)}

    async def add(self, user_id: int) -> None:
        """Record them no more, here from this moment on. Raises StorageError."""
        await self._store.add(user_id, self._clock.now())
        self._changes += 1
        self.ids |= {user_id, str(user_id)}

    async def remove(self, user_id: int) -> None:
        """Record them again. Raises StorageError."""
        await self._store.remove(user_id)
        self._changes += 1
        self.ids -= {user_id, str(user_id)}
