"""Makes the host's file where there is none yet, as the bot and the old module would have left it."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from botmon_cog.store.sqlite.connection import Connection

_TABLES = """
CREATE TABLE IF NOT EXISTS audit_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    command TEXT NOT NULL,
    details TEXT,
    executed_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    username TEXT,
    guild_name TEXT,
    parameters TEXT,
    duration REAL,
    success INTEGER DEFAULT 1,
    error_message TEXT
);
CREATE INDEX IF NOT EXISTS idx_audit_logs_guild ON audit_logs (guild_id);
CREATE TABLE IF NOT EXISTS bot_stats (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id TEXT NOT NULL,
    songs_played INTEGER DEFAULT 0,
    total_playtime INTEGER DEFAULT 0,
    total_skips INTEGER DEFAULT 0,
    date DATE DEFAULT (DATE('now')),
    total_pauses INTEGER DEFAULT 0,
    unique_users INTEGER DEFAULT 0,
    commands_executed INTEGER DEFAULT 0,
    UNIQUE(guild_id, date)
);
CREATE INDEX IF NOT EXISTS idx_bot_stats_guild_date ON bot_stats (guild_id, date);
"""


async def make(path: Path) -> None:
    """Make a file with the original's two tables, whole or not at all; does nothing if something is there by then.

    They have no foreign keys: there is no table `servers` to which they could refer.

    Raises:
        OSError: it can't be made.
        sqlite3.Error: likewise.
    """
    connection = Connection(lambda: sqlite3.connect(":memory:"), "botmon-host-make")  # for its thread
    try:
        await connection.run(lambda _: _make(path))
    finally:
        await connection.close()


def _make(path: Path) -> None:
    for log in ("-wal", "-journal"):
        left = path.with_name(f"{path.name}{log}")
        if left.exists() and left.stat().st_size:
            raise OSError(f"{left.name} is left of a database that is not there any more, and would damage a new one")
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        _fill(new)
        try:
            os.link(new, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links: here a crash may leave an empty file
            _fill(path)
    finally:
        for helper in ("", "-journal"):
            new.with_name(f"{new.name}{helper}").unlink(missing_ok=True)


def _fill(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        if not db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:  # else the host was quicker
            for statement in _TABLES.split(";\n"):
                db.execute(statement)
        db.execute("COMMIT")
