"""Databases of hosts, as the old module left them or found them, and what looks after them."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.host import HostSync
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.history import HistoryFilter
from botmon_cog.testing import ManualClock
from tests.engines import Storage
from tests.storage_helpers import NOON, invocation

SERVERS = """
CREATE TABLE servers (
    guild_id TEXT PRIMARY KEY, guild_name TEXT NOT NULL, prefix TEXT DEFAULT '!', notification_channel_id TEXT,
    default_volume INTEGER DEFAULT 50, created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME DEFAULT CURRENT_TIMESTAMP
)
"""
FOREIGN_KEY = ", FOREIGN KEY (guild_id) REFERENCES servers(guild_id) ON DELETE CASCADE"
AUDIT_LOGS = f"""
CREATE TABLE audit_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, user_id TEXT NOT NULL, command TEXT NOT NULL,
    details TEXT, executed_at DATETIME DEFAULT CURRENT_TIMESTAMP{FOREIGN_KEY}
)
"""
BOT_STATS = f"""
CREATE TABLE bot_stats (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, songs_played INTEGER DEFAULT 0,
    total_playtime INTEGER DEFAULT 0, total_skips INTEGER DEFAULT 0, date DATE DEFAULT (DATE('now')){FOREIGN_KEY},
    UNIQUE(guild_id, date)
)
"""
ADDED_TO_LOGS = (
    "username TEXT",
    "guild_name TEXT",
    "parameters TEXT",
    "duration REAL",
    "success INTEGER DEFAULT 1",
    "error_message TEXT",
)
ADDED_TO_STATS = (
    "total_pauses INTEGER DEFAULT 0",
    "unique_users INTEGER DEFAULT 0",
    "commands_executed INTEGER DEFAULT 0",
)
INDEXES = (
    "CREATE INDEX idx_audit_logs_guild_id ON audit_logs (guild_id)",
    "CREATE INDEX idx_bot_stats_guild_date ON bot_stats (guild_id, date)",
)
BEFORE = (SERVERS, AUDIT_LOGS, BOT_STATS, *INDEXES, "INSERT INTO servers (guild_id, guild_name) VALUES ('1', 'One')")
ALTERED = (
    *(f"ALTER TABLE audit_logs ADD COLUMN {column}" for column in ADDED_TO_LOGS),
    *(f"ALTER TABLE bot_stats ADD COLUMN {column}" for column in ADDED_TO_STATS),
)
AFTER = (*BEFORE, *ALTERED)
PLAIN = tuple(statement.replace(FOREIGN_KEY, "") for statement in AFTER)
"""As after the old module, without foreign keys."""

MIRRORED = "guild_id, user_id, command, details, executed_at, username, guild_name, parameters, duration, success"
STATS = "songs_played, total_playtime, total_skips, total_pauses, unique_users, commands_executed"


class HostDb:
    """A host's file, as the host itself uses it."""

    def __init__(self, path: Path, statements: Iterable[str] = ()) -> None:
        self.path = path
        self.run(*statements)

    def connect(self, **options: Any) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, **{"timeout": 5.0, "isolation_level": None} | options)
        db.execute("PRAGMA foreign_keys = ON")
        return db

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements; what the last one finds."""
        found: list[tuple[Any, ...]] = []
        with closing(self.connect()) as db:
            for statement in statements:
                found = db.execute(statement).fetchall()
        return found

    def log(self, command: str = "play", at: str = "2026-01-05 12:00:00", *, guild: str = "1", user: str = "10") -> int:
        """A row of the host's own; its id."""
        with closing(self.connect()) as db:
            statement = (
                "INSERT INTO audit_logs (guild_id, user_id, command, details, executed_at) VALUES (?, ?, ?, ?, ?)"
            )
            values = (guild, user, command, f"Command: {command} | Success: True", at)
            return int(db.execute(statement, values).lastrowid or 0)

    def fill(self, rows: int, *, guilds: int = 1) -> None:
        """Old rows of the host's, one per minute from the beginning of 2025."""
        with closing(self.connect()) as db:
            db.execute("BEGIN")
            db.executemany(
                "INSERT INTO audit_logs (guild_id, user_id, command, executed_at) "
                "VALUES (?, ?, ?, datetime('2025-01-01', ? || ' minutes'))",
                ((str(1 + n % guilds), str(10 + n % 7), f"command{n % 5}", n) for n in range(rows)),
            )
            db.execute("COMMIT")

    def logs(self, columns: str = "command") -> list[Any]:
        """All rows of audit_logs in the order of their ids; the values themselves if it is one column."""
        rows = self.run(f"SELECT {columns} FROM audit_logs ORDER BY id")  # noqa: S608
        return [row[0] for row in rows] if "," not in columns else rows

    def stats(self, guild: str = "1", day: str = "2026-01-05") -> tuple[Any, ...] | None:
        """Songs, playtime, skips, pauses, people, commands of a day; None if there is no row."""
        rows = self.run(f"SELECT {STATS} FROM bot_stats WHERE guild_id = '{guild}' AND date = '{day}'")  # noqa: S608
        return rows[0] if rows else None

    def schema(self) -> list[tuple[Any, ...]]:
        return self.run("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name")

    def settings(self) -> list[Any]:
        names = ("journal_mode", "user_version", "application_id", "auto_vacuum", "page_size")
        return [self.run(f"PRAGMA {name}")[0][0] for name in names]

    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


async def no_pause(_: float) -> None:
    """In place of the moments in which the host has its turn."""
    await asyncio.sleep(0)


class Keeper:
    """What looks after a host's file in a test.

    Attributes:
        running: (guild, user, command) that the observer has open.
        flushed: how often what was recorded was written.
        is_stored: what `flush` returns.
    """

    def __init__(self, storage: Storage, path: Path, clock: ManualClock | None = None, *, mirrors: bool = True) -> None:
        self.clock = clock or ManualClock(NOON)
        self.storage = storage
        self.failures = Failures(self.clock)
        self.running: set[tuple[str | None, str | None, str]] = set()
        self.flushed = 0
        self.is_stored = True
        self.on_flush: Callable[[], Any] | None = None
        self.host_sync = HostSync(
            path,
            storage,
            self.clock,
            mirrors=mirrors,
            flush=self._flush,
            is_running=lambda *who: who in self.running,
            failures=self.failures,
            pause=no_pause,
        )

    async def _flush(self) -> bool:
        self.flushed += 1
        if self.on_flush is not None:
            await self.on_flush()
        return self.is_stored

    @property
    def problems(self) -> tuple[str, ...]:
        return self.host_sync.problems

    async def sync(self) -> None:
        """One pass, in which nothing failed."""
        await self.host_sync.sync()
        assert self.failures.last is None

    async def close(self) -> None:
        await self.host_sync.close()
        assert self.failures.last is None


@asynccontextmanager
async def kept(storage: Storage, path: Path, clock: ManualClock | None = None, **options: Any) -> AsyncIterator[Keeper]:
    """A file that is looked after; closed in the end."""
    keeper = Keeper(storage, path, clock, **options)
    try:
        yield keeper
    finally:
        await keeper.close()


def told(command: str = "play", **fields: Any) -> Invocation:
    """A command that the host told of, at noon."""
    return invocation(**{"kind": Kind.LOGGED, "command": command} | fields)


async def commands_in(storage: Storage) -> list[str]:
    """The commands of the log that were told or read, in their order."""
    named = "SELECT l.text FROM @invocations AS i JOIN @labels AS l ON l.id = i.command_id"
    return [command for (command,) in await storage.rows(f"{named} WHERE kind = 6 ORDER BY started_ms, seq")]


async def history(storage: Storage, **wanted: Any) -> list[Any]:
    await storage.rollups.catch_up()
    return list(reversed(await storage.history_of(HistoryFilter(**wanted))))


async def host_days(storage: Storage) -> list[tuple[Any, ...]]:
    """(day, guild, songs, playtime, skips, pauses, people, commands) of the host's own."""
    return [row[1:] for row in await storage.rows("SELECT * FROM @host_days ORDER BY day, guild_id")]
