"""Stores with a past, and what cleans them up."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from botmon_cog.config import RetentionConfig
from botmon_cog.domain.models import Event, HealthRecord
from botmon_cog.store.cleaner import Cleaner
from botmon_cog.store.records import milliseconds
from botmon_cog.store.retention import raw_since
from botmon_cog.store.schema import LOG_TABLES, MARKS
from botmon_cog.store.script import Insert, Script
from botmon_cog.store.tools.proof import differences, provable_days
from botmon_cog.testing import ManualClock
from tests.engines import LOG, ROLLUPS, Storage
from tests.storage_helpers import (
    NOON,
    autocompletion,
    background_failure,
    counted_command,
    elsewhere,
    invocation,
    membership,
    music,
    point,
    sample,
)

DAY = timedelta(days=1)
MS = timedelta(milliseconds=1)
MIDNIGHT = NOON.replace(hour=0)
DATED = tuple(name for name in LOG if name != "error_groups")
"""The tables of which each moment of `fill` has a row."""
FOR_EVER = {"raw_days": 0, "people_days": 0, "rollup_days": 0, "health_days": 0}


class QuickClock(ManualClock):
    """Time passes while somebody sleeps, and at no other time."""

    async def sleep(self, delay_s: float) -> None:
        self._move_to(self._monotonic_s + delay_s)
        await asyncio.sleep(0)


def make_cleaner(storage: Storage, now: datetime = NOON, **keep: int) -> Cleaner:
    return Cleaner(storage, QuickClock(now), RetentionConfig(**{"disk_cap_mb": 0} | keep))


def check(when: datetime) -> HealthRecord:
    return HealthRecord(occurred_at=when, status="healthy")


def day_of_use(when: datetime) -> list[Event]:
    """One event of each kind."""
    command = invocation(started_at=when, duration_s=0.1, guild_name="G")
    song = music(occurred_at=when, duration_s=60, title="Low Tide")
    return [
        command,
        song,
        counted_command(occurred_at=when),
        sample(occurred_at=when),
        point(occurred_at=when),
        autocompletion(started_at=when),
        elsewhere(received_at=when),
        check(when),
        background_failure(started_at=when),
        membership(occurred_at=when, guild_name=None),
    ]


async def believe(storage: Storage, when: datetime) -> None:
    """As if a clean-up had been done at that moment."""

    def script() -> Script[None]:
        yield Insert(MARKS, [("cleaned_as_of", str(milliseconds(when)))], "replace")

    await storage.engine.write(script())


async def fill(storage: Storage, *moments: datetime) -> None:
    """Events of each kind at each moment; the store is cleaned up regularly."""
    await storage.write([event for when in moments for event in day_of_use(when)])
    await believe(storage, NOON)


async def counts(storage: Storage, *names: str) -> dict[str, int]:
    names = names or (*DATED, *ROLLUPS)
    return {name: (await storage.rows(f"SELECT COUNT(*) FROM @{name}"))[0][0] for name in names}  # noqa: S608


async def moments(storage: Storage, name: str = "invocations") -> list[datetime]:
    """Of all rows of a table of the log, oldest first."""
    (column,) = [table.moment for table in LOG_TABLES.values() if table.name == name]
    found = await storage.rows(f"SELECT {column} FROM @{name} ORDER BY 1")  # noqa: S608
    return [NOON + timedelta(milliseconds=ms - milliseconds(NOON)) for (ms,) in found]


async def since(storage: Storage) -> datetime | None:
    """What the mark says."""
    ms = await storage.engine.read(raw_since())
    return None if ms is None else NOON + timedelta(milliseconds=ms - milliseconds(NOON))


async def marks(storage: Storage) -> dict[str, str]:
    return dict(await storage.rows("SELECT name, value FROM @marks WHERE name <> 'schema_version'"))


async def proved_days(storage: Storage) -> list[int]:
    """The days whose single rows are all there, once it is proved that their roll-ups are right."""
    days = await storage.engine.read(provable_days())
    found: list[Any] = [await storage.engine.read(differences(day, 10)) for day in days]
    assert found == [(0, [])] * len(days)
    return days
