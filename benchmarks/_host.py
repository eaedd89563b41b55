"""One situation of `host.py`: botmon's side here, the bot's calls in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import _root  # noqa: F401 (before botmon_cog)

from botmon_cog.clock import SystemClock
from botmon_cog.domain.models import Event, Invocation, Kind, MusicEvent, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.host import HostSync
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.store import Store

ALONE, FIRST_READING, MIRROR = "alone", "first_reading", "mirror"
GUILDS = 50
_TABLES = """
CREATE TABLE servers (guild_id TEXT PRIMARY KEY, guild_name TEXT NOT NULL);
CREATE TABLE audit_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, user_id TEXT NOT NULL, command TEXT NOT NULL,
    details TEXT, executed_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (guild_id) REFERENCES servers(guild_id) ON DELETE CASCADE
);
CREATE TABLE bot_stats (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, songs_played INTEGER DEFAULT 0,
    total_playtime INTEGER DEFAULT 0, total_skips INTEGER DEFAULT 0, date DATE DEFAULT (DATE('now')),
    FOREIGN KEY (guild_id) REFERENCES servers(guild_id) ON DELETE CASCADE, UNIQUE(guild_id, date)
);
CREATE INDEX idx_audit_logs_guild_id ON audit_logs (guild_id);
CREATE INDEX idx_bot_stats_guild_date ON bot_stats (guild_id, date);
"""


def build(path: Path, rows: int) -> None:
    """The file of a bot that has run for a while."""
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(_TABLES)
        db.executemany("INSERT INTO servers VALUES (?, 'A server')", ((str(guild),) for guild in range(1, GUILDS + 1)))
        db.executemany(
            "INSERT INTO audit_logs (guild_id, user_id, command, details, executed_at) "
            "VALUES (?, ?, 'play', 'Command: play | Success: True', datetime('now', ? || ' minutes'))",
            ((str(1 + n % GUILDS), str(n % 997), n - rows - 60) for n in range(rows)),
        )


class _Side:
    """Botmon's side."""

    def __init__(self, path: Path) -> None:
        clock = SystemClock()
        self.clock = clock
        self.store = Store(SqliteEngine(str(path.with_name("bot.botmon.db"))), RunKey.new("benchmark", clock.now()))
        self.failures = Failures(clock)
        self.seq = 0
        self.sync = HostSync(
            path,
            self.store,
            clock,
            mirrors=True,
            flush=self._flush,
            is_running=lambda *_: False,
            failures=self.failures,
        )

    async def _flush(self) -> None:
        """Everything was stored when it was appended."""

    async def record(self, n: int) -> None:
        events: list[Event] = []
        for _ in range(n):
            guild = str(1 + self.seq % GUILDS)
            kind = Kind.SLASH if self.seq % 2 else Kind.LOGGED
            at = self.clock.now() - timedelta(milliseconds=200)
            who: dict[str, Any] = {"guild_id": guild, "user_id": "7"}
            invocation = Invocation(
                kind=kind, command="play", outcome=Outcome.OK, started_at=at, duration_s=0.2, username="Ann", **who
            )
            events += [invocation, MusicEvent(type=MusicEventType.SONG_PLAYED, occurred_at=at, duration_s=200.0, **who)]
            self.seq += 2
        first = self.seq - len(events) + 1
        await self.store.log.append([Batch(run=self.store.run, first_seq=first, events=events)])

    async def close(self) -> None:
        await self.sync.close()
        await self.store.engine.close()
        if self.failures.last is not None or self.sync.problems:
            raise SystemExit(f"{self.failures.last} {self.sync.problems}")


async def _first_reading(path: Path) -> dict[str, Any]:
    side = _Side(path)
    began_s = time.monotonic()
    await side.sync.sync()
    took_s = time.monotonic() - began_s
    ((read,),) = await _rows(side, "SELECT COUNT(*) FROM @invocations")
    await side.close()
    return {"took_s": took_s, "read": read}


async def _mirror(path: Path, seconds: float, rate: int) -> dict[str, Any]:
    side = _Side(path)
    await side.sync.sync()
    side.sync.start()
    began_s, recorded = time.monotonic(), 0
    while (passed_s := time.monotonic() - began_s) < seconds:
        due = int(passed_s * rate) - recorded
        if due:
            await side.record(due)
            recorded += due
        await asyncio.sleep(0.1)
    await side.close()
    with closing(sqlite3.connect(path)) as db:
        ((mirrored,),) = db.execute("SELECT COUNT(*) FROM audit_logs WHERE username = 'Ann'").fetchall()
    return {"mirrored": mirrored}


async def _rows(side: _Side, sql: str) -> Any:
    from botmon_cog.store.script import Query  # noqa: PLC0415

    def script() -> Any:
        return (yield Query(sql))

    return await side.store.engine.read(script())


def main() -> None:
    situation, name, seconds, rate = sys.argv[1:]
    path = Path(name)
    script = Path(__file__).with_name("_host_bot.py")
    bot = subprocess.Popen(
        [sys.executable, str(script), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert bot.stdout is not None
    bot.stdout.readline()  # it calls by now
    found: dict[str, Any] = {}
    match situation:
        case "alone":
            time.sleep(float(seconds))
        case "first_reading":
            found = asyncio.run(_first_reading(path))
        case _:
            found = asyncio.run(_mirror(path, float(seconds), int(rate)))
    told, _ = bot.communicate("enough\n")
    print(json.dumps(found | json.loads(told)))


if __name__ == "__main__":
    main()
