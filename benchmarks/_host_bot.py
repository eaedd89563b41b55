"""The bot of `host.py`: reads and writes its database until it is told to end, and prints how long its calls took."""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

_READ_EVERY_S, _WRITE_EVERY_S = 0.01, 0.02


def _connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    return db


def _read(path: str, n: int) -> None:
    with closing(_connect(path)) as db:
        db.execute(
            "SELECT * FROM audit_logs WHERE guild_id = ? ORDER BY id DESC LIMIT 10", (str(1 + n % 50),)
        ).fetchall()


def _write(path: str, n: int) -> None:
    with closing(_connect(path)) as db, db:
        db.execute(
            "INSERT INTO audit_logs (guild_id, user_id, command, details) VALUES (?, '5', 'stop', 'mine')",
            (str(1 + n % 50),),
        )
        db.execute(
            "INSERT INTO bot_stats (guild_id, songs_played) VALUES (?, 1) "
            "ON CONFLICT(guild_id, date) DO UPDATE SET songs_played = songs_played + 1",
            (str(1 + n % 50),),
        )


def _repeat(call: Callable[[str, int], None], path: str, every_s: float, ended: threading.Event) -> list[float]:
    took: list[float] = []
    while not ended.wait(every_s):
        began_s = time.perf_counter()
        call(path, len(took))
        took.append(time.perf_counter() - began_s)
    return took


def _summary(took: list[float]) -> dict[str, Any]:
    milliseconds = sorted(1000 * seconds for seconds in took)
    return {
        "n": len(took),
        "median_ms": statistics.median(milliseconds),
        "p99_ms": milliseconds[int(len(milliseconds) * 0.99)],
        "worst_ms": milliseconds[-1],
    }


def main() -> None:
    path = sys.argv[1]
    ended = threading.Event()
    found: dict[str, list[float]] = {}

    def run(name: str, call: Callable[[str, int], None], every_s: float) -> None:
        found[name] = _repeat(call, path, every_s, ended)

    threads = [
        threading.Thread(target=run, args=("reads", _read, _READ_EVERY_S)),
        threading.Thread(target=run, args=("writes", _write, _WRITE_EVERY_S)),
    ]
    for thread in threads:
        thread.start()
    print("calling", flush=True)
    sys.stdin.readline()
    ended.set()
    for thread in threads:
        thread.join()
    print(json.dumps({name: _summary(took) for name, took in found.items()}))


if __name__ == "__main__":
    main()
