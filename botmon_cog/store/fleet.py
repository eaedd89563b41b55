"""How every process on the store is, told from what each of them keeps of itself."""

from __future__ import annotations

from datetime import datetime

import msgspec

from botmon_cog.domain.inventory import ServersByShard
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports.fleet import ProcessHealth, Versions
from botmon_cog.store.engine import Engine
from botmon_cog.store.records import milliseconds, moment
from botmon_cog.store.script import Query, Script

_PROCESSES = """
SELECT r.instance, r.started_ms, r.seen_ms, r.ended_ms, r.servers, l.text, c.reason, c.occurred_ms,
       r.version, r.botmon_version, r.discord_version, r.python_version FROM @runs AS r
LEFT JOIN @health_checks AS c ON c.run_id = r.id
    AND c.seq = (SELECT MAX(newest.seq) FROM @health_checks AS newest WHERE newest.run_id = r.id)
LEFT JOIN @labels AS l ON l.id = c.status_id
WHERE r.seen_ms >= :since AND (r.ended_ms IS NULL OR :with_ended = 1)
ORDER BY r.instance, r.started_ms
"""
_VERSIONS = ("host", "botmon", "discord_py", "python")
"""As they are selected."""
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
        return await self._engine.read(_processes(milliseconds(since), with_ended=False))

    async def recent(self, since: datetime) -> list[ProcessHealth]:
        """The same, with those that have ended. Raises as `processes`."""
        return await self._engine.read(_processes(milliseconds(since), with_ended=True))

    async def last_seen(self) -> dict[str, datetime]:
        """When each instance that ever ran gave its last sign of life.

        Raises:
            StorageError: the database can't be read.
        """
        return await self._engine.read(_last_seen())


def _last_seen() -> Script[dict[str, datetime]]:
    return {instance: moment(seen_ms) for instance, seen_ms in (yield Query(_LAST_SEEN, {}))}


def _processes(since: int, *, with_ended: bool) -> Script[list[ProcessHealth]]:
    rows = yield Query(_PROCESSES, {"since": since, "with_ended": int(with_ended)})
    return [
        ProcessHealth(
            instance=instance,
            started_at=moment(started_ms),
            seen_at=moment(seen_ms),
            ended_at=None if ended_ms is None else moment(ended_ms),
            servers=None if servers is None else msgspec.json.decode(servers, type=ServersByShard),
            status=status or "unknown",
            reason=None if reason is None else msgspec.json.decode(reason, type=Reason),
            checked_at=None if checked_ms is None else moment(checked_ms),
            versions=Versions(**dict(zip(_VERSIONS, versions, strict=True))),
        )
        for instance, started_ms, seen_ms, ended_ms, servers, status, reason, checked_ms, *versions in rows
    ]
