"""The cap, and what becomes of the room that rows leave behind."""

from __future__ import annotations

import logging
from datetime import timedelta

from botmon_cog.domain.rollup import day_of, start_of_day
from botmon_cog.store.room import ROOM
from tests.engines import Engine, Storage
from tests.retention_helpers import (
    DATED,
    DAY,
    FOR_EVER,
    MIDNIGHT,
    believe,
    check,
    day_of_use,
    make_cleaner,
    moments,
    proved_days,
    since,
)
from tests.storage_helpers import EVER, NOON, invocation


async def many(storage: Storage, n: int, when, **fields) -> None:
    await storage.write([invocation(started_at=when, details="x" * 900, **fields) for _ in range(n)])


async def used(storage: Storage) -> int:
    return int((await storage.rows(ROOM[storage.engine.name].used_bytes))[0][0])


async def free_pages(storage: Storage) -> int:
    return (await storage.rows("SELECT freelist_count FROM pragma_freelist_count()"))[0][0]


async def test_the_file_shrinks(tmp_path):
    path = tmp_path / "botmon.db"
    async with Engine("sqlite", str(path)).storage() as storage:
        await many(storage, 2000, NOON - 100 * DAY)
        await many(storage, 10, NOON)
        before = await storage.ping()
        await believe(storage, NOON)
        await make_cleaner(storage).clean()
        assert await storage.ping() < before / 4
        assert await free_pages(storage) == 0
        assert await storage.rows("PRAGMA integrity_check") == [("ok",)]
    assert path.stat().st_size < before / 4


async def test_free_pages_go_in_small_steps(tmp_path):
    async with Engine("sqlite", str(tmp_path / "botmon.db")).storage() as storage:
        await many(storage, 500, NOON)
        storage_sql = Engine("sqlite", str(tmp_path / "botmon.db")).sql
        storage_sql("DELETE FROM @invocations")
        free = await free_pages(storage)
        assert free > 100
        told: list[int] = []
        await make_cleaner(storage).give_back(told.append)
        assert sum(told) == free
        assert await free_pages(storage) == 0


async def test_a_store_in_memory_keeps_its_pages():
    async with Engine("sqlite", ":memory:").storage() as storage:
        await many(storage, 500, NOON - 100 * DAY)
        await storage.write([check(NOON)])
        await believe(storage, NOON)
        assert await make_cleaner(storage).clean() == {"invocations": 500}
        assert await make_cleaner(storage).free_pages() == 0


# -- the cap -----------------------------------------------------------------------------------------------------------


async def test_above_the_cap_the_oldest_days_go_and_that_is_said_once(storage, engine, caplog):
    for n in range(8):
        when = NOON - n * DAY
        await many(storage, 300, when)
        await storage.write(day_of_use(when)[1:])
    await believe(storage, NOON)
    assert await used(storage) > 2_000_000
    cleaner = make_cleaner(storage, disk_cap_mb=2)
    with caplog.at_level(logging.WARNING):
        removed = await cleaner.clean()
    assert await used(storage) <= 1_800_000
    assert set(removed) == set(DATED) - {"guild_memberships"}
    left = {day_of(when) for when in await moments(storage)}
    first = min(left)
    assert left == set(range(first, day_of(NOON) + 1))
    for table in ("music_events", "counted_commands", "samples", "health_checks"):
        assert {day_of(when) for when in await moments(storage, table)} == left
    assert removed["invocations"] == (8 - len(left)) * 300  # days are whole or gone
    assert await since(storage) == start_of_day(first)
    assert await proved_days(storage) == sorted(left)
    assert (await storage.command_counts(None, EVER))[0].n == 8 * 300
    (said,) = caplog.messages
    assert "disk_cap_mb allows 1.9 MiB" in said

    with caplog.at_level(logging.WARNING):
        await cleaner.clean()  # it is over
        assert len(caplog.messages) == 1
        for _ in range(2):
            await many(storage, 1500, NOON)
        await cleaner.clean()
    assert len(caplog.messages) == 2
    if engine.is_sqlite:
        assert await storage.ping() <= 2_000_000


async def test_within_today_only_as_much_goes_as_must(storage):
    for hour in range(12):
        await many(storage, 250, MIDNIGHT + timedelta(hours=hour, minutes=30))
    await make_cleaner(storage, disk_cap_mb=2).clean()
    assert 1_500_000 < await used(storage) <= 1_800_000
    left = await moments(storage)
    known_since = await since(storage)
    assert left[0] - timedelta(minutes=30) <= known_since <= left[0] + timedelta(minutes=30)
    assert known_since.minute == 0
    assert await proved_days(storage) == []


async def test_the_cap_does_not_need_the_clock_to_be_believed(storage):
    for n in range(8):
        await many(storage, 300, NOON - n * DAY)
    assert (await make_cleaner(storage, disk_cap_mb=2, **FOR_EVER).clean())["invocations"] >= 300


async def test_a_cap_below_what_is_counted_ends_once_no_single_row_is_left(storage, caplog):
    await storage.write([invocation(command=f"c{n}", guild_id=str(n), started_at=NOON - DAY) for n in range(1, 12_000)])
    future = NOON + 3 * DAY
    await storage.write([invocation(started_at=future)])
    await believe(storage, NOON)
    cleaner = make_cleaner(storage, disk_cap_mb=1)
    with caplog.at_level(logging.WARNING):
        await cleaner.clean()
        await cleaner.clean()
    assert await moments(storage) == [future]
    assert await since(storage) == MIDNIGHT
    assert [("no single row" in message) for message in caplog.messages] == [False, True]
