"""Databases with a long history: one week through the product, the others copied from it, shifted by whole weeks.

A copy is what the product would have written, had every week been like the first: roll-ups count by hour and by day,
and a week holds whole ones. `check` holds a day of it against the raw rows.
"""

from __future__ import annotations

import hashlib
import importlib
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import _root  # noqa: F401 (finds botmon_cog)
from _activity import Activity, midnight, zipf

import botmon_cog
from botmon_cog.config import Config
from botmon_cog.database_url import is_postgres
from botmon_cog.domain.rollup import day_of, hour_of
from botmon_cog.runtime import make_storage
from botmon_cog.storage import tables
from botmon_cog.storage.tables import Table
from botmon_cog.storage.upkeep import rebuilding

NOW = datetime(2026, 1, 7, 23, 59, 30, tzinfo=UTC)
"""When reports are asked for: a report of 7 days then covers a week to the hour."""
GUILDS = 500
_WEEK = timedelta(days=7)
_BATCH = 20_000
_END = midnight(NOW) + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be built.

    Attributes:
        rows: raw rows in all; with more than one week, a multiple of `per_week`.
        per_week: commands a week.
    """

    rows: int
    per_week: int

    @property
    def weeks(self) -> int:
        return max(self.rows // self.per_week, 1)

    @property
    def start(self) -> datetime:
        return _END - self.weeks * _WEEK

    @property
    def name(self) -> str:
        """The same for the same content, as long as neither these scripts nor the schema change."""
        here = Path(__file__).resolve().parent
        sources = [here / "_history.py", here / "_activity.py", *sorted(here.parent.glob("migrations/sqlite/*.sql"))]
        sources += [Path(botmon_cog.__file__).parent / "domain" / "histogram.py"]
        digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]
        return f"history-{self.rows}-{self.per_week}-{digest}"


async def build(url: str, plan: Plan) -> None:
    """Fill an empty database."""
    storage = make_storage(url, Config())
    await storage.open()
    events = Activity(zipf(GUILDS)).events(plan.per_week, plan.start, 7 * 24)[-plan.rows :]
    for position in range(0, len(events), _BATCH):
        await storage.write(events[position : position + _BATCH])
    await storage.close()
    await (_multiply_postgres if is_postgres(url) else _multiply_sqlite)(url, plan)


async def check(url: str, plan: Plan) -> None:
    """Raises RuntimeError unless the rows are as many as planned and a sample day's roll-ups are what they say."""
    storage = make_storage(url, Config())
    try:
        (found,) = (await storage.rows("SELECT COUNT(*) FROM audit_logs", {}))[0]
        days = {day_of(NOW), day_of(plan.start + plan.weeks // 2 * _WEEK) + 3} if plan.weeks > 1 else {day_of(NOW)}
        wrong = [w for day in days for w in await storage.look(rebuilding.differences(day, storage.dialect))]
        seen = await storage.rows("SELECT MIN(first_hour), MAX(last_hour) FROM command_seen", {})
        used = await storage.rows("SELECT MIN(hour), MAX(hour) FROM command_hourly", {})
    finally:
        await storage.close()
    if found != plan.rows or wrong or tuple(seen[0]) != tuple(used[0]):
        raise RuntimeError(f"{found} rows instead of {plan.rows}; differences: {wrong[:3]}; {seen} and {used}")


Run = Callable[[str, Mapping[str, int]], Awaitable[object]]


async def _multiply_sqlite(path: str, plan: Plan) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -200000")
        shifted = "strftime('%Y-%m-%d %H:%M:%f', timestamp, '+' || (:weeks * 7) || ' days')"

        async def run(statement: str, bound: Mapping[str, int]) -> None:
            db.execute(statement, bound)

        await _multiply(run, plan, timestamp=shifted, date="date(date, '+' || (:weeks * 7) || ' days')")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _multiply_postgres(url: str, plan: Plan) -> None:
    asyncpg = importlib.import_module("asyncpg")
    numbered = importlib.import_module("botmon_cog.storage.postgres.sql").numbered
    db = await asyncpg.connect(url)

    async def run(statement: str, bound: Mapping[str, int]) -> None:
        text, values = numbered(statement, bound)
        await db.execute(text, *values)

    try:
        await _multiply(
            run,
            plan,
            timestamp="timestamp + CAST(:weeks AS INTEGER) * INTERVAL '7 days'",
            date="CAST(CAST(date AS DATE) + CAST(:weeks AS INTEGER) * 7 AS TEXT)",
        )
        await db.execute("VACUUM ANALYZE")  # what a server does by itself, by and by
    finally:
        await db.close()


_ID_PER_WEEK = int(_WEEK.total_seconds() * 1000) << 22
"""What a week adds to an id of Discord's."""


async def _multiply(run: Run, plan: Plan, *, timestamp: str, date: str) -> None:
    end = plan.start + _WEEK
    raw = {
        "event_id": f"CAST(CAST(event_id AS BIGINT) + CAST(:weeks AS BIGINT) * {_ID_PER_WEEK} AS TEXT)",
        "timestamp": timestamp,
    }
    shifts = {
        "hour": "hour + CAST(:weeks AS INTEGER) * 168",
        "day": "day + CAST(:weeks AS INTEGER) * 7",
        "date": date,
    }
    await run("BEGIN", {})
    for weeks in range(1, plan.weeks):
        await run(_copy(tables.AUDIT_LOGS, raw, "id <= :end", "id"), {"weeks": weeks, "end": plan.per_week})
        for table in tables.ROLLUP_TABLES:
            if table.ends is None:
                continue
            bound: dict[str, int] = {}
            if table.ends == "hour":
                inside, bound = "hour < :end", {"end": hour_of(end)}
            elif table.ends == "day":
                inside, bound = "day < :end", {"end": day_of(end)}
            else:
                inside = f"date < '{end.date().isoformat()}'"
            await run(_copy(table, shifts, inside, ", ".join(table.key)), {"weeks": weeks, **bound})
    await run(
        "UPDATE command_seen SET last_hour = last_hour + CAST(:weeks AS INTEGER) * 168", {"weeks": plan.weeks - 1}
    )
    await run("COMMIT", {})


def _copy(table: Table, shifts: Mapping[str, str], inside: str, order: str) -> str:
    columns = ", ".join(table.columns)
    shifted = ", ".join(shifts.get(column, column) for column in table.columns)
    return f"INSERT INTO {table.name} ({columns}) SELECT {shifted} FROM {table.name} WHERE {inside} ORDER BY {order}"  # noqa: S608 (our own names)
