"""What is kept of the one message after a store's first day: when the store began, and whether it was sent."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.store.alerts import execute
from botmon_cog.store.engine import Engine
from botmon_cog.store.records import milliseconds, moment
from botmon_cog.store.schema import MARKS
from botmon_cog.store.script import Query, Script
from botmon_cog.store.sql import insert_statement

_MARK = "hello_at"
_FIRST_RUN = "SELECT MIN(started_ms) FROM @runs WHERE seen_ms IS NOT NULL"
_IS_SAID = "SELECT COUNT(*) FROM @marks WHERE name = :name"
_CLAIM = insert_statement(MARKS, "VALUES (:name, :value)", "ignore")
_RELEASE = "DELETE FROM @marks WHERE name = :name"


class FirstDay:
    """Of one store, for all processes that share it. Every method raises StorageError if the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def began_at(self) -> datetime | None:
        """When the bot ran first. None: it never did, or the message about its first day was sent."""
        return await self._engine.read(_began_at())

    async def claim(self, now: datetime) -> bool:
        """Whether the message is ours to send: of several processes one is told so, once."""
        values = {"name": _MARK, "value": str(milliseconds(now))}
        return await self._engine.write(execute(_CLAIM, values)) == 1

    async def release(self) -> None:
        """It could not be sent: it may be claimed again."""
        await self._engine.write(execute(_RELEASE, {"name": _MARK}))


def _began_at() -> Script[datetime | None]:
    ((n,),) = yield Query(_IS_SAID, {"name": _MARK})
    if n:
        return None
    ((first_ms,),) = yield Query(_FIRST_RUN, {})
    return None if first_ms is None else moment(first_ms)
