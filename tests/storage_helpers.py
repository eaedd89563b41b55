"""Events with sensible defaults, and databases as older bots left them behind."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import aiosqlite

from botmon_cog.domain.alerts import Alert, AlertMessage, News, NewsItem
from botmon_cog.domain.models import Invocation, Kind, MetricSample, MusicEvent, MusicEventType, Outcome
from botmon_cog.domain.reports import Period
from botmon_cog.storage.base import Storage
from botmon_cog.storage.sqlite import SqliteStorage

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVER = Period(name="ever", start=datetime(2000, 1, 1, tzinfo=UTC), end=datetime(2100, 1, 1, tzinfo=UTC))

RAW_TABLES = ("audit_logs", "music_events", "custom_metrics", "health_checks")
ROLLUP_TABLES = (
    "command_hourly",
    "command_seen",
    "active_users",
    "latency_hourly",
    "latency_daily",
    "music_hourly",
    "bot_stats",
    "guild_names",
)
ALERT_TABLES = ("alerts", "alert_messages", "alert_mutes")
UPTIME_TABLES = ("runs", "gateway_losses")
OTHER_TABLES = ("legacy_stats", *ALERT_TABLES, *UPTIME_TABLES, "marks")

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


def sample(**fields: Any) -> MetricSample:
    """One voice connect of 1.5 s at noon, in no guild."""
    defaults: dict[str, Any] = {
        "event_id": f"sample-{next(_ids)}",
        "name": "voice_connect",
        "occurred_at": NOON,
        "value": 1.5,
    }
    return MetricSample(**defaults | fields)


def alert(**fields: Any) -> Alert:
    """The memory of instance `test` is critical since noon, and nobody knows yet."""
    defaults: dict[str, Any] = {
        "scope": "test",
        "key": "memory",
        "state": "firing",
        "severity": "critical",
        "reason": "memory is at 96 %",
        "since": NOON,
    }
    return Alert(**defaults | fields)


def message(news: dict[str, Any] | None = None, **fields: Any) -> AlertMessage:
    """News of that alert for the application 9, made at noon and due. `news`: fields of `News` that are others."""
    item = NewsItem(
        scope="test", key="memory", change="fired", severity="critical", reason="memory is at 96 %", since=NOON
    )
    told: dict[str, Any] = {"kind": "alert", "items": (item,), "instance": "test", "made_at": NOON}
    defaults: dict[str, Any] = {
        "message_id": f"message-{next(_ids)}",
        "instance": "test",
        "audience": "9",
        "news": News(**told | (news or {})),
        "made_at": NOON,
    }
    return AlertMessage(**defaults | fields)


def period(start: datetime, hours: float) -> Period:
    return Period(name="test", start=start, end=start + timedelta(hours=hours))


def storage_at(source: Path | str | aiosqlite.Connection, busy_timeout_s: float = 5.0) -> SqliteStorage:
    return SqliteStorage(
        source if isinstance(source, aiosqlite.Connection) else str(source),
        instance="test",
        busy_timeout_s=busy_timeout_s,
    )


def threads() -> list[threading.Thread]:
    """Those of ours that run."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("botmon")]


async def count_of(storage: Storage) -> int:
    """How many commands it holds."""
    return sum(counts.n for counts in await storage.command_counts(None, EVER))


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
