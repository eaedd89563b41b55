"""What the tests of faults run in an interpreter of its own; it imports little, so that the child starts soon."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import importlib.readers
from pathlib import Path
from typing import Any

from tests.child import Talk, limit_file_size
from tests.faults import Load, drained, make_system, nothing_left, stored, until
from tests.sqlite_faults import fill

ROWS = 200
_EARLY = (importlib.readers, concurrent.futures.thread)
"""Imported while every account may still read it."""


async def record_without_end(talk: Talk, url: str, prefix: str, storage: dict[str, Any]) -> None:
    """Record as fast as the database can, and tell up to which number `flush` has acknowledged it."""
    talk.send("begins")
    system = make_system(url, **storage)
    await system.start()
    load = Load(system, prefix)

    async def acknowledge() -> None:
        while True:
            upto = load.made
            await system.flush()
            talk.send(upto)
            await asyncio.sleep(0)

    task = asyncio.create_task(acknowledge())
    while not task.done():
        load.record(7)
        await asyncio.sleep(0.002)
    await task


async def obey(talk: Talk, path: str, storage: dict[str, Any]) -> None:
    """Record what the test orders, tell what became of it, and find everything in the end."""
    kept = Path(path).parent
    async with nothing_left(kept):
        system = make_system(path, **storage)
        await system.start()
        load = Load(system)
        while (order := await talk.receive()) != "close":
            await _do(order, load, kept)
            writer = system.writer
            talk.send({"queued": writer.queued, "spooled": writer.spooled, "dropped": writer.dropped})
        await system.close()
        assert load.longest <= 2 * system.config.storage.queue_max + system.config.storage.batch_max
    talk.send({"missing": len(load.ids ^ await stored(path)), "made": load.made, "dropped": system.writer.dropped})


async def _do(order: str, load: Load, kept: Path) -> None:
    writer = load.system.writer
    match order:
        case "record":
            load.record(ROWS)
        case "flush":  # returns also where the spool has it
            await load.system.flush()
        case "fill":
            fill(kept)
        case "fill partly":
            fill(kept, leave=300_000)
        case "limit":  # where there is no small disk
            limit_file_size((kept / "bot.db").stat().st_size)
        case "make room":
            (kept / "ballast").unlink(missing_ok=True)
            limit_file_size(None)
        case "fail":
            before = writer.failures
            await until(lambda: writer.failures > before + 1)
        case "drain":
            await drained(load.system)
        case "beat":  # the loop turns while the disk is as it is
            await asyncio.sleep(0.05)
        case _:
            raise ValueError(order)


async def report(talk: Talk, path: str, storage: dict[str, Any]) -> None:
    """What the health report says of a database that takes no row, once the test has brought that about."""
    system = make_system(path, **storage)
    await system.start()
    load = Load(system)
    talk.send("ready")
    await _do(await talk.receive(), load, Path(path).parent)
    load.record(ROWS)
    await until(lambda: system.writer.failures)
    found = await system.health.get_full_health_report()
    talk.send([found.overall_status, found.database.reason, found.database.remedy])
