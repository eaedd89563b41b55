"""A host as it is in the wild: its database object and its tables, and the monitors at a time that stands still."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from botmon_cog import Config, Monitors, create_monitoring_system
from botmon_cog.original.systems import system_for
from botmon_cog.testing import ManualClock

MIB = 1 << 20
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

SERVERS = """
CREATE TABLE servers (
    guild_id TEXT PRIMARY KEY, guild_name TEXT NOT NULL, prefix TEXT DEFAULT '!', notification_channel_id TEXT,
    default_volume INTEGER DEFAULT 50, created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
"""
BEFORE = f"""{SERVERS}
CREATE TABLE audit_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, user_id TEXT NOT NULL, command TEXT NOT NULL,
    details TEXT, executed_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (guild_id) REFERENCES servers(guild_id) ON DELETE CASCADE
);
CREATE INDEX idx_audit_logs_guild ON audit_logs(guild_id);
CREATE TABLE bot_stats (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, songs_played INTEGER DEFAULT 0,
    total_playtime INTEGER DEFAULT 0, total_skips INTEGER DEFAULT 0, date DATE DEFAULT (DATE('now')),
    FOREIGN KEY (guild_id) REFERENCES servers(guild_id) ON DELETE CASCADE, UNIQUE(guild_id, date)
);
CREATE INDEX idx_bot_stats_guild_date ON bot_stats(guild_id, date);
"""
"""The tables as hosts have them."""
AFTER = f"""{BEFORE}
ALTER TABLE audit_logs ADD COLUMN username TEXT;
ALTER TABLE audit_logs ADD COLUMN guild_name TEXT;
ALTER TABLE audit_logs ADD COLUMN parameters TEXT;
ALTER TABLE audit_logs ADD COLUMN duration REAL;
ALTER TABLE audit_logs ADD COLUMN success INTEGER DEFAULT 1;
ALTER TABLE audit_logs ADD COLUMN error_message TEXT;
ALTER TABLE bot_stats ADD COLUMN total_pauses INTEGER DEFAULT 0;
ALTER TABLE bot_stats ADD COLUMN unique_users INTEGER DEFAULT 0;
ALTER TABLE bot_stats ADD COLUMN commands_executed INTEGER DEFAULT 0;
"""
"""The same, once the old module has run."""


class Memory(NamedTuple):
    """What psutil says of a process."""

    rss: int
    vms: int


class Database:
    """What hosts pass: a connection per call."""

    def __init__(self, db_path: str = "data/bot.db") -> None:
        self.db_path = db_path

    def _get_connection(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.db_path)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What the host reads there by itself."""
        with closing(self._get_connection()) as connection:
            return [dict(row) for row in connection.execute(query, values)]


def make_database(path: Path, *scripts: str) -> Database:
    """A host's database, made by these scripts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        for script in scripts:
            connection.executescript(script)
    return Database(str(path))


@asynccontextmanager
async def monitors(
    db: object, *, config: Config | None = None, clock: ManualClock | None = None
) -> AsyncIterator[Monitors]:
    """The four, at a time that stands still, so that no day ends within a test."""
    config = config or Config()
    first = system_for(db, config=config, clock=clock or ManualClock(NOON))
    async with create_monitoring_system(db, config=config) as made:
        yield made
    await first.close()
