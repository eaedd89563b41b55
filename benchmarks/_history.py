"""Databases with a long history, made through the product: batches appended to the log, and rolled up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import _root  # noqa: F401 (finds botmon_cog)
from _activity import Activity, midnight, zipf

import botmon_cog
from botmon_cog.clock import SystemClock
from botmon_cog.config import Config, StorageConfig
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.making import make_engine
from botmon_cog.store.script import Query, Row, Script
from botmon_cog.store.store import Store

NOW = datetime(2026, 1, 7, 23, 59, 30, tzinfo=UTC)
"""When reports are asked for: a report of 7 days then covers a week to the hour."""
GUILDS = 500
_WEEK = timedelta(days=7)
_BATCH = 10_000
_END = midnight(NOW) + timedelta(days=1)
_COUNTS = "SELECT (SELECT COUNT(*) FROM @invocations), (SELECT COALESCE(SUM(rolled_up_seq), 0) FROM @runs)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be built.

    Attributes:
        rows: in the log; with more than one week, a multiple of `per_week`.
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
        """The same for the same content, as long as neither these scripts nor what they write through changes."""
        here, package = Path(__file__).resolve().parent, Path(botmon_cog.__file__).parent
        sources = [here / "_history.py", here / "_activity.py", *sorted(here.parent.glob("migrations/sqlite/*.sql"))]
        sources += [
            package / "domain" / "histogram.py",
            package / "domain" / "rollup.py",
            package / "store" / "packed.py",
        ]
        digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]
        return f"history-{self.rows}-{self.per_week}-{digest}"


def make_store(url: str, started_at: datetime) -> Store:
    """A store as the product makes it from a URL, not opened yet."""
    clock = SystemClock()
    engine = make_engine(Config(storage=StorageConfig(url=url)), clock)
    return Store(engine, RunKey.new("main", started_at))


async def build(url: str, plan: Plan) -> None:
    """Fill an empty database."""
    store = make_store(url, plan.start)
    activity = Activity(zipf(GUILDS))
    first_seq = 1
    try:
        for week in range(plan.weeks):
            events = activity.events(plan.per_week, plan.start + week * _WEEK, 7 * 24)[-plan.rows :]
            for position in range(0, len(events), _BATCH):
                batch = Batch(run=store.run, first_seq=first_seq, events=events[position : position + _BATCH])
                await store.log.append([batch])
                await store.rollups.catch_up()
                first_seq += len(batch.events)
    finally:
        await store.engine.close()


async def check(url: str, plan: Plan) -> None:
    """Raises RuntimeError unless there are as many rows as planned, and as many counted in the roll-ups."""
    store = make_store(url, plan.start)
    try:
        found = await counts(store)
    finally:
        await store.engine.close()
    if found != (plan.rows, plan.rows):
        raise RuntimeError(f"{plan.rows} events left {found[0]} rows, and {found[1]} counted in the roll-ups")


async def counts(store: Store) -> tuple[int, int]:
    """Commands in the log, and rows counted in the roll-ups."""
    log, rollups = await store.engine.read(_counts())
    return int(log), int(rollups)


def _counts() -> Script[Row]:
    return (yield Query(_COUNTS))[0]
