"""What the processes keep of what they have: servers by shard, and commands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.domain.inventory import CommandNames, ServersByShard, united_names
from botmon_cog.store.alerts import execute
from botmon_cog.store.engine import Engine
from botmon_cog.store.log import RunKey
from botmon_cog.store.records import clean, milliseconds
from botmon_cog.store.script import Query, Script

_PUT = "UPDATE @runs SET servers = :servers, commands = :commands WHERE token = :token"
_OF_LIVE = """
SELECT commands FROM @runs WHERE seen_ms >= :since AND ended_ms IS NULL AND commands IS NOT NULL ORDER BY started_ms
"""
_LATEST = "SELECT commands FROM @runs WHERE commands IS NOT NULL ORDER BY started_ms DESC, id DESC LIMIT :limit"
_MOST_RUNS = 20


class InventoryStore:
    """Of all processes on one store. Every method raises StorageError if the database is away."""

    def __init__(self, engine: Engine, run: RunKey) -> None:
        self._engine = engine
        self._run = run

    async def put(self, servers: ServersByShard | None, commands: CommandNames) -> bool:
        """Store what this process has, in place of what it had. False: nothing is kept of this run yet."""
        values: dict[str, Any] = {
            "token": self._run.token,
            "servers": None if servers is None else _json(servers),
            "commands": clean(_json(commands)),
        }
        return await self._engine.write(execute(_PUT, values)) == 1

    async def commands(self, since: datetime) -> CommandNames | None:
        """Those of the processes that gave a sign of life at `since` or later and have not ended.

        Where there is none, those of the last one that ran. None: no process has kept any.
        """
        return await self._engine.read(_commands(milliseconds(since)))

    async def ever_seen(self) -> CommandNames:
        """Those of the last starts, with the earliest times."""
        return await self._engine.read(_ever_seen())


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _commands(since: int) -> Script[CommandNames | None]:
    rows = yield Query(_OF_LIVE, {"since": since})
    if not rows:
        rows = yield Query(_LATEST, {"limit": 1})
    return united_names(_decoded(data) for (data,) in rows) if rows else None


def _ever_seen() -> Script[CommandNames]:
    return united_names(_decoded(data) for (data,) in (yield Query(_LATEST, {"limit": _MOST_RUNS})))


def _decoded(data: str) -> CommandNames:
    return msgspec.json.decode(data, type=CommandNames)
