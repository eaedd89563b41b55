"""One measurement in a fresh interpreter: `python _ingest.py PATH ENGINE BATCH ROWS`; prints one line of JSON.

PATH is `botmon`, `log` or `engine`. The PostgreSQL database is the one in `BOTMON_STORAGE_URL`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import _root  # noqa: F401 (finds botmon_cog)
import msgspec
from _activity import Activity, zipf
from _history import counts
from _profile import Sampler

from botmon_cog.config import Config
from botmon_cog.domain.models import Event
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.records import Encoder
from botmon_cog.store.schema import INVOCATIONS
from botmon_cog.store.script import Row

GUILDS = 500
HOURS = 4
SQLITE, POSTGRES = "sqlite", "postgres"
BOTMON, LOG, ENGINE = "botmon", "log", "engine"
"""The log and its roll-ups, the log alone, the engine alone."""

_START = datetime(2026, 1, 7, 15, tzinfo=UTC)
_WARM_UP = 2_000
_MOST_WAITING = 20_000
"""Rows that are recorded before we wait for them: the queue never overflows."""


def _events(n: int) -> list[Event]:
    return list(Activity(zipf(GUILDS)).events(n, _START, HOURS))


async def measure(path: str, engine: str, batch: int, n: int, url: str, *, profile: bool) -> dict[str, Any]:
    config = Config()
    storage = msgspec.structs.replace(config.storage, url=url, batch_max=batch)
    system = MonitoringSystem(msgspec.structs.replace(config, storage=storage))
    if path == LOG:
        system.store.rollups.lot = _nothing_counted
    await system.start()
    events = _events(_WARM_UP + n)
    try:
        if path != ENGINE:
            result = await _through_botmon(system, events, batch, profile=profile)
        elif engine == SQLITE:
            result = _into_sqlite(url, events, batch)
        else:
            result = await _into_postgres(url, config.storage.postgres_schema, events, batch)
        logged, rolled_up = await counts(system.store)
    finally:
        await system.close()
    if logged != len(events) or rolled_up != (len(events) if path == BOTMON else 0):
        raise RuntimeError(f"{len(events)} events left {logged} rows, and {rolled_up} counted in the roll-ups")
    return result


async def _nothing_counted() -> int:
    return 0


async def _through_botmon(
    system: MonitoringSystem, events: Sequence[Event], batch: int, *, profile: bool
) -> dict[str, Any]:
    at_once = min(_MOST_WAITING, batch * 100)
    await _record(system, events[:_WARM_UP], at_once)
    gc.collect()
    gc.freeze()  # the events are ours, not the bot's: looking through them would cost each collection
    sampler = Sampler()
    if profile:
        with sampler:
            seconds, cpu_s = await _timed_record(system, events[_WARM_UP:], at_once)
        wall_us = seconds / (len(events) - _WARM_UP) * 1e6
        return {"threads": sampler.found, "looks": sampler.looks, "wall_us": wall_us}
    seconds, cpu_s = await _timed_record(system, events[_WARM_UP:], at_once)
    n = len(events) - _WARM_UP
    return {"per_s": n / seconds, "cpu_us": cpu_s / n * 1e6}


async def _timed_record(system: MonitoringSystem, events: Sequence[Event], at_once: int) -> tuple[float, float]:
    started_s, used_s = time.perf_counter(), time.process_time()
    await _record(system, events, at_once)
    return time.perf_counter() - started_s, time.process_time() - used_s


async def _record(system: MonitoringSystem, events: Sequence[Event], at_once: int) -> None:
    record = system.recorder.record
    for position in range(0, len(events), at_once):
        for event in events[position : position + at_once]:
            record(event)
        await system.flush()
    await system.store.rollups.catch_up()


def _rows(events: Sequence[Event]) -> list[Row]:
    encoder = Encoder(INVOCATIONS)
    labels = {text: number for number, text in enumerate(sorted(encoder.labels(events)), start=1)}
    return encoder.rows(1, 1, events, labels)


def _into_sqlite(path: str, events: Sequence[Event], batch: int) -> dict[str, float]:
    table, rows = INVOCATIONS, _rows(events)
    marks = ", ".join("?" * len(table.columns))
    insert = f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"  # noqa: S608 (our own names)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = NORMAL")

        def write(some: Sequence[tuple[Any, ...]]) -> None:
            for position in range(0, len(some), batch):
                db.execute("BEGIN IMMEDIATE")
                db.executemany(insert, some[position : position + batch])
                db.execute("COMMIT")

        write(rows[:_WARM_UP])
        gc.collect()
        gc.freeze()
        started_s, used_s = time.perf_counter(), time.process_time()
        write(rows[_WARM_UP:])
        seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - used_s
    n = len(rows) - _WARM_UP
    return {"per_s": n / seconds, "cpu_us": cpu_s / n * 1e6}


async def _into_postgres(url: str, schema: str, events: Sequence[Event], batch: int) -> dict[str, float]:
    import asyncpg  # noqa: PLC0415 (need not be installed)

    rows, columns = _rows(events), list(INVOCATIONS.columns)
    db = await asyncpg.connect(url)

    async def write(some: Sequence[tuple[Any, ...]]) -> None:
        for position in range(0, len(some), batch):
            records = some[position : position + batch]
            await db.copy_records_to_table(INVOCATIONS.name, schema_name=schema, records=records, columns=columns)

    try:
        await write(rows[:_WARM_UP])
        gc.collect()
        gc.freeze()
        started_s, used_s = time.perf_counter(), time.process_time()
        await write(rows[_WARM_UP:])
        seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - used_s
    finally:
        await db.close()
    n = len(rows) - _WARM_UP
    return {"per_s": n / seconds, "cpu_us": cpu_s / n * 1e6}


def main() -> None:
    path, engine, batch, n, *more = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        url = str(Path(folder) / "botmon.db") if engine == SQLITE else os.environ["BOTMON_STORAGE_URL"]
        os.chdir(folder)
        print(json.dumps(asyncio.run(measure(path, engine, int(batch), int(n), url, profile="--profile" in more))))
        os.chdir("/")


if __name__ == "__main__":
    main()
