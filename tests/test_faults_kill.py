"""SIGKILL at any moment: what was acknowledged is there, once, and nothing is broken."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from botmon_cog.database_url import is_postgres
from tests.child import Child
from tests.faults import drained, full, ids, locked, make_system, nothing_left, stored
from tests.faulty_children import record_without_end

SOON = {"busy_timeout_s": 0.1, "spool_after_s": 0.2}
"""The spool comes into play before the child is killed, at full scale too."""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bot.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def killed_after(delay_s: float, url: str, prefix: str, spool: Path, at: dict[float, Callable[[], None]]) -> int:
    """Kill a recording child; returns the number up to which it had its acknowledgement. `at`: what to do before."""
    acknowledged = 0
    with Child(record_without_end, url, prefix, SOON | {"spool_folder": str(spool)}) as child:
        assert child.receive() == "begins"
        began = time.monotonic()
        for moment, act in [*sorted(at.items()), (delay_s, child.kill)]:
            while (left := began + moment - time.monotonic()) > 0:
                try:
                    acknowledged = child.receive(left)
                except TimeoutError:
                    break
            act()
    return acknowledged


def length_of_prefix(found: set[str], prefix: str) -> int:
    """How many rows of a run are there: the first ones, without a gap."""
    own = {event_id for event_id in found if event_id.startswith(f"{prefix}-")}
    assert own == ids(range(1, len(own) + 1), prefix)
    return len(own)


async def replayed(url: str, spool: Path) -> None:
    """The next start, which stores what waits."""
    system = make_system(url, spool_folder=str(spool))
    async with system:
        await drained(system)
        assert system.writer.dropped == 0


async def test_a_process_killed_under_load_loses_nothing_that_was_acknowledged(url, tmp_path):
    rng = random.Random(full(50, 8))
    times = full(50, 4 if is_postgres(url) else 8)
    spool = tmp_path / "spool"
    acknowledged: dict[str, int] = {}
    async with nothing_left(tmp_path):
        for run in range(times):
            prefix = f"run{run}"
            delay_s = rng.uniform(0.02, 0.6)
            acknowledged[prefix] = await asyncio.to_thread(killed_after, delay_s, url, prefix, spool, {})
            if acknowledged[prefix]:
                assert length_of_prefix(await stored(url), prefix) >= acknowledged[prefix]
        assert not spool.exists()
        await replayed(url, spool)
        found = await stored(url)
    lengths = {prefix: length_of_prefix(found, prefix) for prefix in acknowledged}
    assert all(lengths[prefix] >= n for prefix, n in acknowledged.items())
    assert sum(lengths.values()) == len(found)
    print(f"{times} kills: {sum(acknowledged.values())} acknowledged, {len(found)} stored")  # noqa: T201


async def test_a_process_killed_while_its_spool_is_written_or_replayed_loses_nothing(url, tmp_path):
    """Each child finds a locked database; every other one sees it free again before it is killed."""
    rng = random.Random(full(51, 9))
    times = full(50, 2 if is_postgres(url) else 4)
    spool = tmp_path / "spool"
    acknowledged: dict[str, int] = {}
    await replayed(url, spool)  # makes the tables
    spooled = 0
    for run in range(times):
        prefix = f"run{run}"
        delay_s = rng.uniform(0.5, 1.5) if run % 2 == 0 else rng.uniform(1.0, 2.0)
        async with AsyncExitStack() as stack:
            release = await stack.enter_async_context(locked(url))
            at: dict[float, Callable[[], None]] = {}
            if run % 2:
                loop = asyncio.get_running_loop()
                at[rng.uniform(0.5, delay_s)] = lambda free=release, to=loop: to.call_soon_threadsafe(free) and None
            acknowledged[prefix] = await asyncio.to_thread(killed_after, delay_s, url, prefix, spool, at)
            spooled += spool.exists()
        await stored(url)
    await replayed(url, spool)
    assert not spool.exists()
    found = await stored(url)
    lengths = {prefix: length_of_prefix(found, prefix) for prefix in acknowledged}
    assert all(lengths[prefix] >= n for prefix, n in acknowledged.items())
    assert sum(lengths.values()) == len(found)
    assert spooled
    print(f"{times} kills, {spooled} amid a spool: {sum(acknowledged.values())} acknowledged, {len(found)} stored")  # noqa: T201
