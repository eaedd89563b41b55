"""What the tests of faults run in an interpreter of its own; it imports little, so that the child starts soon."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.child import Talk
from tests.faults import Load, make_system


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
