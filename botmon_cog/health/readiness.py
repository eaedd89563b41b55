"""Whether the bot can do its work right now: for whoever decides where traffic goes, or what is restarted."""

from __future__ import annotations

from botmon_cog.health.components.database import Database
from botmon_cog.health.sources import Sources

_READY_FOR_S = 1.0
"""So long one answer of the database serves everybody who asks."""


class ReadinessProbe:
    """Asks the gateway and the database. Cheap to ask often."""

    def __init__(self, sources: Sources, database: Database) -> None:
        self._sources = sources
        self._database = database

    async def look(self) -> tuple[str, ...]:
        """Why it is not ready, in words that hold nothing secret; empty if it is."""
        reasons = () if self._is_connected() else ("the gateway is not connected",)
        is_away = (await self._database.recent_sample(_READY_FOR_S)).error is not None
        return (*reasons, "the database does not answer") if is_away else reasons

    def _is_connected(self) -> bool:
        try:
            sample = self._sources.gateway()
        except Exception as error:  # noqa: BLE001 (who asks gets an answer)
            self._sources.failures.note("looking at the gateway", error)
            return False
        return sample is not None and bool(sample.shards) and all(shard.is_connected for shard in sample.shards)
