"""People who asked not to be recorded."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.store.engine import Engine
from botmon_cog.store.records import milliseconds
from botmon_cog.store.schema import UNRECORDED
from botmon_cog.store.script import Execute, Insert, Query, Script

_ALL = "SELECT user_id, since_ms FROM @unrecorded"
_REMOVE = "DELETE FROM @unrecorded WHERE user_id = :user_id"


class UnrecordedStore:
    """Every method raises StorageError if the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def all(self) -> dict[int, int]:
        """Since when (milliseconds since 1970), by user."""
        return await self._engine.read(_all())

    async def add(self, user_id: int, now: datetime) -> None:
        """From now on. Does nothing if they asked for it before."""
        await self._engine.write(_add(user_id, milliseconds(now)))

    async def remove(self, user_id: int) -> None:
        await self._engine.write(_remove(user_id))


def _all() -> Script[dict[int, int]]:
    return dict((yield Query(_ALL)))


def _add(user_id: int, since_ms: int) -> Script[None]:
    yield Insert(UNRECORDED, [(user_id, since_ms)], "ignore")


def _remove(user_id: int) -> Script[None]:
    yield Execute(_REMOVE, {"user_id": user_id})
