"""What is kept of the settings made in Discord, and of who is not to be recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.domain.settings import Settings
from botmon_cog.store.alerts import execute
from botmon_cog.store.engine import Engine
from botmon_cog.store.records import clean, milliseconds
from botmon_cog.store.schema import SETTINGS
from botmon_cog.store.script import Query, Script
from botmon_cog.store.sql import insert_statement

_PUT = insert_statement(SETTINGS, "VALUES (:scope, :data, :by, :changed_ms)", "replace")
_ONE = "SELECT data FROM @settings WHERE scope = :scope"
_ALL = "SELECT scope, data FROM @settings ORDER BY scope"
_WITH_REPORT = """
SELECT scope, data FROM @settings WHERE scope = 0 OR data LIKE '%"report_channel_id"%' ORDER BY scope
"""
_FORGET = "DELETE FROM @settings WHERE scope = :scope"


class SettingsStore:
    """Every method raises StorageError if the database is away. A scope is a guild's id; 0 is the bot."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get(self, scope: int) -> Settings:
        """As they were set; the defaults where nothing was."""
        return await self._engine.read(_one(scope))

    async def all(self) -> dict[int, Settings]:
        """Those of every scope for which something was set."""
        return await self._engine.read(_several(_ALL))

    async def with_report(self) -> dict[int, Settings]:
        """Those of every server that has a channel for its report, and of the bot."""
        return await self._engine.read(_several(_WITH_REPORT))

    async def put(self, scope: int, settings: Settings, by: str, now: datetime) -> None:
        """In place of what was set. `by`: the id of the user who set it."""
        values: dict[str, Any] = {
            "scope": scope,
            "data": msgspec.json.encode(settings).decode(),
            "by": clean(by),
            "changed_ms": milliseconds(now),
        }
        await self._engine.write(execute(_PUT, values))

    async def forget(self, scope: int) -> None:
        """As if nothing had ever been set."""
        await self._engine.write(execute(_FORGET, {"scope": scope}))


def _one(scope: int) -> Script[Settings]:
    rows = yield Query(_ONE, {"scope": scope})
    return _read(rows[0][0]) if rows else Settings()


def _several(query: str) -> Script[dict[int, Settings]]:
    return {int(scope): _read(data) for scope, data in (yield Query(query, {}))}


def _read(data: str) -> Settings:
    return msgspec.json.decode(data, type=Settings)
