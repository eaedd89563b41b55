"""Events with sensible defaults, and databases as older bots left them behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from botmon_cog.domain.models import Invocation, Kind, MusicEvent, MusicEventType, Outcome
from botmon_cog.domain.reports import Period

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVER = Period(name="ever", start=datetime(2000, 1, 1, tzinfo=UTC), end=datetime(2100, 1, 1, tzinfo=UTC))

OLD_AUDIT_LOGS = """
CREATE TABLE audit_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id TEXT,
    user_id TEXT,
    action TEXT,
    details TEXT,
    timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP{more}
)
"""
OLD_BOT_STATS = """
CREATE TABLE bot_stats (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id TEXT,
    date TEXT,
    total_songs_played INTEGER DEFAULT 0,
    total_playtime INTEGER DEFAULT 0,
    total_skips INTEGER DEFAULT 0{columns},
    UNIQUE(guild_id, date){constraints}
)
"""
GUILDS = "CREATE TABLE guilds (guild_id TEXT PRIMARY KEY)"
FOREIGN_KEY = ",\n    FOREIGN KEY (guild_id) REFERENCES guilds(guild_id)"

_ids = count(1)


def invocation(**fields: Any) -> Invocation:
    """One successful `/play` in guild 1 at noon."""
    defaults: dict[str, Any] = {
        "event_id": f"event-{next(_ids)}",
        "kind": Kind.SLASH,
        "command": "play",
        "outcome": Outcome.OK,
        "started_at": NOON,
        "guild_id": "1",
        "user_id": "10",
    }
    return Invocation(**defaults | fields)


def music(**fields: Any) -> MusicEvent:
    """One song played in guild 1 at noon."""
    defaults: dict[str, Any] = {
        "event_id": f"music-{next(_ids)}",
        "type": MusicEventType.SONG_PLAYED,
        "occurred_at": NOON,
        "guild_id": "1",
    }
    return MusicEvent(**defaults | fields)


def period(start: datetime, hours: int) -> Period:
    return Period(name="test", start=start, end=start + timedelta(hours=hours))


def make(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)
    return path


def rows(path: Path | str, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def schema(path: Path) -> list[tuple[Any, ...]]:
    return rows(path, "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name")


def dump(path: Path) -> list[str]:
    """All that the file holds, as SQL, but for the counters of AUTOINCREMENT: they move where a row is skipped."""
    with closing(sqlite3.connect(path)) as db:
        return [line for line in db.iterdump() if 'INSERT INTO "sqlite_sequence"' not in line]
