"""How every process on the store is, told from what each of them keeps of itself."""

from __future__ import annotations

from datetime import datetime

import msgspec

from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports.fleet import ProcessHealth
from botmon_cog.store.engine import Engine
from botmon_cog.store.records import milliseconds, moment
from botmon_cog.store.script import Query, Script

_PROCESSES = """
SELECT r.instance, r.started_ms, r.seen_ms, l.text, c.reason, c.occurred_ms FROM @runs AS r
LEFT JOIN @health_checks AS c ON c.run_id = r.id
    AND c.seq = (SELECT MAX(newest.seq) FROM @health_checks AS newest WHERE newest.run_id = r.id)
LEFT JOIN @labels AS l ON l.id = c.status_id
WHERE r.seen_ms >= :since AND r.ended_ms IS NULL
ORDER BY r.instance, r.started_ms
"""
_LAST_SEEN = "SELECT instance, MAX(seen_ms) FROM @runs WHERE seen_ms IS NOT NULL GROUP BY instance"


class FleetStore:
    """Reads what the processes say of themselves."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def processes(self, since: datetime) -> list[ProcessHealth]:
        """Those that gave a sign of life at `since` or later and have not ended, by instance.

        Raises:
            StorageError: the database can't be read.
        """
        return await self._engine.read(_processes(milliseconds(since)))

    async def last_seen(self) -> dict[str, datetime]:
        """When each instance that ever ran gave its last sign of life.

        Raises:
            StorageError: the database can't be read.
        """
        return await self._engine.read(_last_seen())


def _last_seen() -> Script[dict[str, datetime]]:
    return {instance: moment(seen_ms) for instance, seen_ms in (yield Query(_LAST_SEEN, {}))}


def _processes(since: int) -> Script[list[ProcessHealth]]:
    rows = yield Query(_PROCESSES, {"since": since})
    return [
        ProcessHealth(
            instance=instance,
            started_at=moment(started_ms),
            seen_at=moment(seen_ms),
            status=status or "unknown",
            reason=None if reason is None else msgspec.json.decode(reason, type=Reason),
            checked_at=None if checked_ms is None else moment(checked_ms),
        )
        for instance, started_ms, seen_ms, status, reason, checked_ms in rows
    ]
