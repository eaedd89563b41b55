"""What the tests of faults run in an interpreter of its own; it imports little, so that the child starts soon."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import importlib.readers
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import Notice, Sent
from botmon_cog.health.debounce import CHECKS_WINDOW
from botmon_cog.health.words import sentence, words_of
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store import rollup
from botmon_cog.store.script import Script
from tests.child import Talk, limit_file_size
from tests.faults import (
    Load,
    QuickClock,
    drained,
    ids,
    make_config,
    make_lots_small,
    make_system,
    nothing_left,
    spooled,
    stored,
    until,
)
from tests.sqlite_faults import fill

ROWS = 200
_EARLY = (importlib.readers, concurrent.futures.thread)
"""Imported while every account may still read it."""


async def record_without_end(talk: Talk, url: str, prefix: str, storage: dict[str, Any]) -> None:
    """Record as fast as the database can, and tell up to which number `flush` has acknowledged it, and what waits."""
    talk.send("begins")
    system = make_system(url, **storage)
    make_lots_small(system, 100)
    await system.start()
    load = Load(system, prefix)

    async def acknowledge() -> None:
        while True:
            upto = load.made
            await system.flush()
            talk.send([upto, system.writer.spooled])
            await asyncio.sleep(0)

    task = asyncio.create_task(acknowledge())
    while not task.done():
        load.record(7)
        await asyncio.sleep(0.002)
    await task


async def die_in_a_lot(talk: Talk, url: str, prefix: str, rows: int, steps: int) -> None:
    """Record, tell that it is acknowledged, roll up in small lots, and be killed between two steps of one."""
    system = make_system(url)
    await system.start()
    Load(system, prefix).record(rows)
    await system.flush()
    talk.send(rows)
    make_lots_small(system, 40)
    rollup._lot = _deadly(rollup._lot, steps)
    await system.store.rollups.catch_up()
    raise AssertionError("it has fewer steps")


def _deadly(lot: Callable[[int], Script[int]], steps: int) -> Callable[[int], Script[int]]:
    numbers = count(1)

    def deadly(most: int) -> Script[int]:
        script, answer = lot(most), None
        while True:
            try:
                step = script.send(answer)
            except StopIteration as end:
                return end.value
            answer = yield step
            if next(numbers) == steps:
                os.kill(os.getpid(), signal.SIGKILL)

    return deadly


async def record_much(talk: Talk, url: str, prefix: str, instance: str, rows: int, storage: dict[str, Any]) -> None:
    """Record so many rows, as fast as the queue takes them, and close."""
    async with make_system(url, instance=instance, **storage) as system:
        load = Load(system, prefix)
        talk.send("ready")
        await talk.receive()
        while load.made < rows:
            load.record(min(500, rows - load.made))
            await system.flush()
    talk.send({"dropped": system.writer.dropped, "queued": system.writer.queued})


async def obey(talk: Talk, path: str, storage: dict[str, Any]) -> None:
    """Record what the test orders, tell what became of it, and find everything in the end."""
    kept = Path(path).parent
    async with nothing_left(kept):
        system = make_system(path, **storage)
        make_lots_small(system, ROWS // 2)
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


async def drain_a_full_spool(talk: Talk, path: str, spool: str) -> None:
    """Send rows to a spool, fill its disk, and replay it over several starts."""
    async with make_system(path):
        pass
    talk.send("made")
    disk = await talk.receive()
    async with make_system(path, spool=spool) as system:
        Load(system).record(ROWS)
        await system.flush()
        assert spooled(Path(spool)) == ROWS
        ballast = fill(Path(spool).parent) if disk == "tmpfs" else None
        talk.send("spooled")
        await talk.receive()
        await drained(system)
    left = spooled(Path(spool))
    expected = ids(range(1, ROWS + 1))
    for prefix in ("second", "third"):
        async with make_system(path, spool=spool) as system:
            load = Load(system, prefix)
            load.record(ROWS)
            await drained(system)
        expected |= load.ids
        if ballast is not None and prefix == "second":
            ballast.unlink()
    missing = len(expected ^ await stored(path))
    talk.send({"left": left, "left in the end": spooled(Path(spool)), "missing": missing})


async def report(talk: Talk, path: str, storage: dict[str, Any]) -> None:
    """What the health report says of a database that takes no row, once the test has brought that about."""
    system = make_system(path, **storage)
    await system.start()
    load = Load(system)
    talk.send("ready")
    await _do(await talk.receive(), load, Path(path).parent)
    load.record(ROWS)
    await until(lambda: system.writer.failures)
    found = await system.health.report()
    words = words_of(found.components["database"].problems[0].reason)
    talk.send([found.overall_status, sentence(found.components["database"].problems[0].reason), words.remedy])


async def alert(talk: Talk, path: str, storage: dict[str, Any]) -> None:
    """Who is told of a database that takes no row while nothing can be written down, and after there is room again."""
    config = make_config(path, **storage)
    health = replace(config.health, watch=("database",))
    at_once = AlertsConfig(after_s=(0.0, 0.0), recover_after_s=0.0)
    config = replace(config, health=health, alerts=at_once)
    told: list[str] = []

    async def send(notice: Notice, is_repeat: bool) -> Sent:
        assert not is_repeat
        told.extend(f"{item.change} {item.key}" for item in notice.items)
        return Sent(state="told", words="told")

    async def check() -> None:
        await system.check("9")
        await system.alerts.deliver("9", send)

    async with MonitoringSystem(config, clock=QuickClock()) as system:
        load = Load(system)
        load.record(ROWS)
        await system.flush()
        await check()
        for order in ("ready", "done"):
            talk.send([order, told, system.writer.spooled])
            await _do(await talk.receive(), load, Path(path).parent)
            load.record(ROWS)
            if order == "ready":
                await until(lambda: system.writer.failures)
            else:
                await drained(system)
            for _ in range(CHECKS_WINDOW):
                await check()
    talk.send(["closed", told, len(load.ids ^ await stored(path))])
