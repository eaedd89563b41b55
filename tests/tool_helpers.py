"""A history of everything that is stored, the databases of both engines, and the command line over them."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from botmon_cog.config import Config, StorageConfig
from botmon_cog.domain.alerts import Mute
from botmon_cog.domain.models import Event, HealthRecord, Invocation, Kind, MetricSample, MusicEventType, Outcome
from botmon_cog.domain.uptime import GatewayLoss, Run
from botmon_cog.runtime import MonitoringSystem
from tests.storage_helpers import NOON, alert, invocation, message, music

ENGINES = ("sqlite", "postgres")


def history(n: int, *, seed: int = 1, days: int = 3) -> list[Event]:
    """`n` events of every kind over some days, odd characters and missing values included."""
    choice = random.Random(seed)
    made: list[Event] = []
    for i in range(n):
        when = NOON + timedelta(seconds=choice.randrange(days * 86_400), microseconds=choice.randrange(1_000_000))
        guild = choice.choice(["1", "2", "3333333333333333333"])
        user = choice.choice(["10", "11", "12"])
        kind = choice.randrange(10)
        event_id = f"{seed}-{i}"
        if kind < 6:
            made.append(
                Invocation(
                    event_id=event_id,
                    kind=choice.choice(list(Kind)),
                    command=choice.choice(["play", "queue add", "skip ⏭", "it's"]),
                    outcome=choice.choice(list(Outcome)),
                    started_at=when,
                    duration_s=choice.choice([None, 0.1, 2.75, 1e-9]),
                    response_s=choice.choice([None, choice.random()]),
                    gateway_delay_s=choice.choice([None, 0.05]),
                    guild_id=choice.choice([guild, guild, None]),
                    guild_name=choice.choice([None, f"Guild {guild} é\N{NO-BREAK SPACE}🎵"]),
                    user_id=choice.choice([user, None]),
                    username="somebody",
                    parameters='{"song": "\\u0000"}',
                    shard_id=i % 3,
                    error_message=choice.choice([None, "line\nbreak"]),
                )
            )
        elif kind < 8:
            of = choice.choice(list(MusicEventType))
            made.append(
                music(event_id=event_id, type=of, occurred_at=when, guild_id=guild, duration_s=choice.random() * 300)
            )
        elif kind == 8:
            made.append(
                MetricSample(
                    event_id=event_id,
                    name="voice_connect",
                    occurred_at=when,
                    value=choice.random(),
                    unit=choice.choice(["s", "items"]),
                    success=choice.random() < 0.8,
                    guild_id=choice.choice([guild, None]),
                )
            )
        else:
            made.append(
                HealthRecord(
                    event_id=event_id, occurred_at=when, status="healthy", reason=None, rss_bytes=i * 1_000_000
                )
            )
    return made


def configured(url: str) -> Config:
    return Config(storage=StorageConfig(url=url))


async def write(url: str, events: Sequence[Event]) -> None:
    """As a bot does, with an alert, a mute, a run and a loss of the gateway."""
    async with MonitoringSystem(configured(url)) as system:
        for start in range(0, len(events), 50):
            await system.storage.write(events[start : start + 50])
        await system.storage.keep_alerts([alert()], [], [message()])
        await system.storage.put_mute(Mute(scope="", key="memory", until=NOON, by="1", made_at=NOON))
        await system.storage.put_run(Run(started_at=NOON, seen_at=NOON))
        await system.storage.put_gateway_loss(GatewayLoss(shard_id=0, began_at=NOON, ended_at=NOON))


def execute(url: str, *statements: str) -> None:
    """Behind the back of everything."""
    if not url.startswith("postgres"):
        with closing(sqlite3.connect(url)) as db, db:
            for statement in statements:
                db.execute(statement)
        return

    async def working() -> None:
        db = await asyncpg.connect(url)
        try:
            for statement in statements:
                await db.execute(statement)
        finally:
            await db.close()

    asyncio.run(working())


def fetch(url: str, query: str) -> list[tuple[Any, ...]]:
    if not url.startswith("postgres"):
        with closing(sqlite3.connect(url)) as db:
            return db.execute(query).fetchall()

    async def working() -> list[tuple[Any, ...]]:
        db = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await db.fetch(query)]
        finally:
            await db.close()

    return asyncio.run(working())


def used(n: int, **fields: Any) -> list[Event]:
    return [invocation(**fields) for _ in range(n)]


def new_database(engine: str, tmp_path: Path, make: Callable[[], str], name: str = "bot.db") -> str:
    """Where an empty one may be made."""
    return make() if engine == "postgres" else str(tmp_path / name)
