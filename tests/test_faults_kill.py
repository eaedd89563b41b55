"""SIGKILL at any moment: what was acknowledged is there, once, and nothing is broken."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from botmon_cog.database_url import is_postgres
from tests.child import PATIENCE, Child
from tests.faults import drained, full, ids, locked, make_system, nothing_left, proved, spooled, stored
from tests.faulty_children import die_in_a_lot, record_much, record_without_end

SOON = {"busy_timeout_s": 0.1, "spool_after_s": 0.2}
"""The spool comes into play before the child is killed, at full scale too."""
LOT_STEPS = 90
"""Fewer than rolling up has in `test_a_process_killed_in_the_middle_of_a_lot_leaves_whole_ones`."""

Ack = tuple[int, int]
"""Up to which number it was acknowledged, and how many rows waited in the spool."""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bot.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


class Victim:
    """A child that records without end.

    Attributes:
        acknowledged: up to this number.
        spooled: how many rows it had on disk at that moment.
        spooled_most: how many they ever were.
    """

    def __init__(self, url: str, prefix: str, spool: Path) -> None:
        self.child = Child(record_without_end, url, prefix, SOON | {"spool": str(spool)})
        self.acknowledged = self.spooled = self.spooled_most = 0
        assert self.child.receive() == "begins"

    def listen(self, within_s: float) -> bool:
        """The next acknowledgement; False if none comes."""
        try:
            self.acknowledged, self.spooled = self.child.receive(max(within_s, 0))
        except TimeoutError:
            return False
        self.spooled_most = max(self.spooled_most, self.spooled)
        return True

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            assert self.listen(PATIENCE), "it acknowledges no more"

    def killed_after(self, delay_s: float) -> int:
        """Up to which number it has had its acknowledgement by then."""
        until = time.monotonic() + delay_s
        while (left := until - time.monotonic()) > 0 and self.listen(left):
            pass
        self.child.kill()
        return self.acknowledged


def length_of_prefix(found: set[str], prefix: str) -> int:
    """How many rows of a run are there: the first ones, without a gap."""
    own = {id_ for id_ in found if id_.startswith(f"{prefix}-")}
    assert own == ids(range(1, len(own) + 1), prefix)
    return len(own)


async def replay(url: str, spool: Path) -> None:
    """The next start, which stores what waits."""
    async with make_system(url, spool=str(spool)) as system:
        await drained(system)
        assert system.writer.dropped == 0


async def check(url: str, acknowledged: dict[str, int]) -> int:
    """Each run has the rows that were acknowledged, and there are no others. Returns how many there are."""
    found = await stored(url)
    lengths = {prefix: length_of_prefix(found, prefix) for prefix in acknowledged}
    assert all(lengths[prefix] >= n for prefix, n in acknowledged.items())
    assert sum(lengths.values()) == len(found)
    return len(found)


async def test_a_process_killed_under_load_loses_nothing_that_was_acknowledged(url, tmp_path):
    rng = random.Random(full(50, 8))
    times = full(50, 3 if is_postgres(url) else 5)
    spool = tmp_path / "spool.db"
    acknowledged: dict[str, int] = {}

    def kill(prefix: str, delay_s: float) -> int:
        victim = Victim(url, prefix, spool)
        if run % 2:  # else it may not even have opened the database
            victim.until(lambda: victim.acknowledged > 0)
        return victim.killed_after(delay_s)

    async with nothing_left(tmp_path):
        for run in range(times):
            prefix = f"run{run}"
            acknowledged[prefix] = await asyncio.to_thread(kill, prefix, rng.uniform(0.02, 0.6))
            if acknowledged[prefix]:
                assert length_of_prefix(await proved(url), prefix) >= acknowledged[prefix]
        assert not spooled(spool)
        await replay(url, spool)
        n = await check(url, acknowledged)
    print(f"{times} kills: {sum(acknowledged.values())} acknowledged, {n} stored")  # noqa: T201


async def test_a_process_killed_while_its_spool_is_written_or_replayed_loses_nothing(url, tmp_path):
    """Each child finds a locked database; every other one sees it free again before it is killed."""
    rng = random.Random(full(51, 9))
    times = full(50, 4)
    spool = tmp_path / "spool.db"
    acknowledged: dict[str, int] = {}
    await replay(url, spool)  # makes the tables
    amid = 0
    for run in range(times):
        prefix = f"run{run}"
        async with locked(url) as release:
            victim = Victim(url, prefix, spool)
            with victim.child:
                enough = rng.randint(1, 2_000)
                await asyncio.to_thread(victim.until, lambda victim=victim, n=enough: victim.spooled > n)
                if run % 2:
                    release()
                    await asyncio.to_thread(victim.listen, rng.uniform(0, 0.3))
                acknowledged[prefix] = await asyncio.to_thread(victim.killed_after, rng.uniform(0, 0.3))
        amid += spooled(spool) > 0
        await proved(url)
    await replay(url, spool)
    assert not spooled(spool)
    n = await check(url, acknowledged)
    assert amid
    print(f"{times} kills, {amid} amid a spool: {sum(acknowledged.values())} acknowledged, {n} stored")  # noqa: T201


async def test_a_process_killed_in_the_middle_of_a_lot_leaves_whole_ones(url):
    """The next process rolls up what it left, its own as well, and is killed in turn."""
    rng = random.Random(full(52, 10))
    acknowledged: dict[str, int] = {}
    for run in range(full(50, 4)):
        prefix = f"run{run}"
        with Child(die_in_a_lot, url, prefix, 400, rng.randint(1, LOT_STEPS)) as child:
            acknowledged[prefix] = await child.answer()
            assert await asyncio.to_thread(child.wait) == -9
        assert length_of_prefix(await proved(url), prefix) == 400
    assert await check(url, acknowledged) == sum(acknowledged.values())


@pytest.mark.parametrize("has_own_names", [True, False])
async def test_four_processes_at_once_store_all_rows(url, tmp_path, has_own_names):
    rows = full(25_000, 1_000)
    spool = str(tmp_path / "spool.db")
    storage = {"spool": spool, "busy_timeout_s": 30.0, "close_timeout_s": PATIENCE}
    names = [f"p{n}" for n in range(4)]

    async def run(name: str) -> None:
        instance = name if has_own_names else "main"
        with Child(record_much, url, name, instance, rows, storage) as child:
            assert await child.answer() == "ready"
            child.send("go")
            assert await child.answer(10 * PATIENCE) == {"dropped": 0, "queued": 0}

    since = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(run(name))
    took_s = time.monotonic() - since
    await replay(url, Path(spool))
    assert await check(url, dict.fromkeys(names, rows)) == 4 * rows
    print(f"4 x {rows} rows in {took_s:.1f} s")  # noqa: T201
