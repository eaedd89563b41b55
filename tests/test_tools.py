"""Proving and rebuilding, step by step, on either engine."""
# ruff: noqa: S608 (numbers and tables of ours)

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from botmon_cog.domain.models import Kind
from botmon_cog.domain.rollup import MS_PER_DAY, iso_date
from botmon_cog.errors import StorageError
from botmon_cog.store.retention import raise_raw_since
from botmon_cog.store.rollup import RollUps
from botmon_cog.store.schema import HEALTH_CHECKS, LOG_TABLES
from botmon_cog.store.script import Execute, Script
from botmon_cog.store.tools.examine import counted_until
from botmon_cog.store.tools.proof import Difference, differences, provable_days
from botmon_cog.store.tools.rebuild import begin_rebuild
from tests.engines import Engine, Storage, dump
from tests.storage_helpers import NOON, counted_command, invocation, music, sample
from tests.tool_helpers import DAY, ROLLUPS, TAMPERED, executed, history, record

MOST = 1_000
HISTORY = history(300)


async def execute(storage: Storage, sql: str, **values: Any) -> None:
    def script() -> Script[None]:
        yield Execute(sql, values)

    await storage.engine.write(script())


async def remove_before(storage: Storage, ms: int) -> None:
    """What retention does with old rows."""
    await storage.engine.write(raise_raw_since(ms))
    for table in LOG_TABLES.values():
        if table is not HEALTH_CHECKS:
            await execute(storage, f"DELETE FROM @{table.name} WHERE {table.moment} < :ms", ms=ms)


async def proved(storage: Storage) -> list[Difference]:
    """All differences of all days that can be proved."""
    found: list[Difference] = []
    for day in await storage.engine.read(provable_days()):
        one = await storage.engine.read(differences(day, MOST))
        assert one is not None
        assert one[0] == len(one[1])
        found += one[1]
    return found


async def rebuild(storage: Storage, lot_rows: int = 10_000) -> None:
    assert await storage.engine.write(begin_rebuild())
    await RollUps(storage.engine, lot_rows).catch_up()


async def test_proof_finds_nothing_wrong_with_what_was_rolled_up(storage):
    await record(storage, HISTORY)
    assert await storage.engine.read(provable_days()) == [DAY, DAY + 1, DAY + 2, DAY + 3]
    assert await proved(storage) == []


async def test_rows_that_are_not_rolled_up_yet_are_no_difference(storage):
    await record(storage, HISTORY[:200])
    await storage.append(HISTORY[200:])
    assert await storage.rollups.rows_behind() == 100
    assert await proved(storage) == []
    await RollUps(storage.engine, 30).lot()
    assert await proved(storage) == []


@pytest.mark.parametrize("tampered", TAMPERED)
async def test_tampered_rollups_are_found_and_rebuilt(tampered, storage):
    await record(storage, HISTORY)
    before = await dump(storage, *ROLLUPS)
    await execute(storage, TAMPERED[tampered])
    found = await proved(storage)
    assert {difference.table for difference in found} == {tampered.split()[0]}
    await rebuild(storage)
    assert await proved(storage) == []
    assert await dump(storage, *ROLLUPS) == before


async def test_difference_says_which_row_it_is_and_what_differs(storage):
    await record(
        storage,
        [
            invocation(guild_id="home", guild_name="Our home", user_id="somebody", duration_s=0.1),
            invocation(guild_id=None, user_id="7", kind=Kind.LOGGED),
            music(guild_id="1"),
            counted_command(guild_id="1", user_id=None),
        ],
    )
    await execute(storage, "UPDATE @rollups SET n = 5 WHERE scope < 0")
    await execute(storage, "UPDATE @people SET hours = 3 WHERE user_id < 0")
    await execute(storage, "DELETE FROM @people WHERE user_id = 7")
    await execute(storage, "UPDATE @guild_hourly SET songs = 2, logged = 3, counted = 4")
    home = {"guild_id": "home", "guild_name": "Our home"}
    day = iso_date(DAY)
    assert await proved(storage) == [
        Difference(table="rollups", when=day, name="play", stored={"commands": 5}, counted={"commands": 1}, **home),
        Difference(
            table="people",
            when=day,
            user_id="somebody",
            stored={"at 00:00": 1, "at 01:00": 1, "at 12:00": 0, "executed a command": 0},
            counted={"at 00:00": 0, "at 01:00": 0, "at 12:00": 1, "executed a command": 1},
            **home,
        ),
        Difference(table="people", when=day, user_id="7", stored=None, counted={"at 12:00": 1}),
        Difference(
            table="guild_hourly",
            when=f"{day} 12:00",
            guild_id="1",
            stored={"songs": 2, "logged": 3, "counted": 4},
            counted={"songs": 1, "logged": 0, "counted": 1},
        ),
    ]


async def test_difference_names_outcomes_hours_and_times(storage):
    await record(storage, [invocation(duration_s=0.1), sample(success=False)])
    await execute(storage, "DELETE FROM @rollups")
    play, of_guild, connect = sorted(
        await proved(storage), key=lambda found: (found.name != "play", found.guild_id or "")
    )
    assert (play.stored, of_guild.guild_id) == (None, "1")
    assert play.counted == {"commands": 1, "ok at 12:00": 1, "duration of about 100 ms (bucket 173)": 1}
    assert connect.counted == {"operation of about 1.5 s (bucket 241)": 1, "failed of about 1.5 s (bucket 241)": 1}


async def test_only_so_many_differences_are_named_but_all_are_counted(storage):
    await record(storage, HISTORY)
    await execute(storage, TAMPERED["people"])
    n, named = await storage.engine.read(differences(DAY, 2))
    assert n > len(named) == 2


@pytest.mark.parametrize("lots", range(1, 12))
async def test_rebuild_that_ends_after_a_lot_goes_on_in_the_next_process(lots, engine: Engine):
    async with engine.storage() as storage:
        await record(storage, HISTORY[:150])
        await storage.append(HISTORY[150:])
        await execute(storage, "UPDATE @rollups SET n = n + 1")
        assert await storage.engine.write(begin_rebuild())
        rollups = RollUps(storage.engine, 27)
        for _ in range(lots):
            await rollups.lot()
    async with engine.storage("other") as storage:
        assert await proved(storage) == []
        assert await storage.engine.write(begin_rebuild()) == (lots * 27 >= 150)
        await storage.write([])
        assert await proved(storage) == []
        counts = (await storage.rows("SELECT SUM(n) FROM @rollups WHERE scope = 0"))[0][0]
        assert counts == executed(HISTORY)


async def test_rebuild_that_fails_changes_nothing(storage):
    await record(storage, HISTORY)
    await execute(storage, "UPDATE @rollups SET n = n + 1")
    before = await dump(storage)

    def failing() -> Script[None]:
        yield from begin_rebuild()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await storage.engine.write(failing())
    assert await dump(storage) == before


@pytest.mark.parametrize("into_the_day_ms", [0, 1, MS_PER_DAY - 1])
async def test_days_whose_rows_were_removed_keep_their_rollups(into_the_day_ms, storage):
    await record(storage, HISTORY)
    before = await dump(storage, *ROLLUPS)
    await remove_before(storage, (DAY + 1) * MS_PER_DAY + into_the_day_ms)
    first = DAY + 1 + (into_the_day_ms > 0)
    assert await storage.engine.read(provable_days()) == [*range(first, DAY + 4)]
    assert await storage.engine.read(differences(first - 1, MOST)) is None
    assert await proved(storage) == []
    await execute(storage, f"UPDATE @rollups SET n = n + 1 WHERE day >= {first}")
    await rebuild(storage, lot_rows=31)
    assert await dump(storage, *ROLLUPS) == before


@pytest.mark.parametrize("when", ["before", "between", "after"])
async def test_old_rows_that_arrive_late_are_counted_once(when, engine: Engine):
    """Rows of days that are not in the log any more: what waited in the spool of another process."""
    late = [invocation(), invocation(kind=Kind.LOGGED), music(), counted_command(), sample()]
    async with engine.storage() as storage, engine.storage("other") as other:
        await record(storage, HISTORY)
        await remove_before(storage, (DAY + 2) * MS_PER_DAY)
        if when == "before":
            await other.write(late)
        else:
            await other.append(late)
        expected = await dump(storage, *ROLLUPS)
        if when != "before":
            assert await storage.engine.write(begin_rebuild())
            rollups = RollUps(storage.engine, 50)
            if when == "after":
                await rollups.lot()
            await rollups.catch_up()
            expected = await dump(storage, *ROLLUPS)
        for _ in range(2):
            await rebuild(storage, lot_rows=50)
            assert await dump(storage, *ROLLUPS) == expected
            assert await proved(storage) == []
        ((n,),) = await storage.rows("SELECT n FROM @rollups WHERE day = :day AND scope = 1 AND n > 0 LIMIT 1", day=DAY)
        assert n > 0
        commands = "SELECT SUM(n) FROM @rollups WHERE scope = 0"
        recorded = executed([*HISTORY, *late])
        assert (await storage.rows(commands))[0][0] == recorded


async def test_rebuild_lets_others_write_and_report_meanwhile(engine: Engine):
    async with engine.storage() as storage, engine.storage("other") as other:
        await record(storage, HISTORY)
        await record(other, history(100, seed=2))
        assert await storage.engine.write(begin_rebuild())
        rollups = RollUps(storage.engine, 40)
        for seed in range(3, 8):
            await rollups.lot()
            await other.append(history(20, seed=seed))
            assert await proved(other) == []
        await other.rollups.catch_up()
        assert await proved(storage) == []
        assert await storage.rollups.rows_behind() == 0


async def test_rebuild_of_an_unfinished_copy_is_refused(storage):
    await record(storage, HISTORY[:5])
    await execute(storage, "INSERT INTO @marks VALUES ('copying', '1')")
    with pytest.raises(StorageError, match="unfinished copy"):
        await storage.engine.write(begin_rebuild())


async def test_store_is_counted_until_its_oldest_row_that_is_not(storage):
    assert await storage.engine.read(counted_until()) is None
    await record(storage, [invocation()])
    assert await storage.engine.read(counted_until()) is None
    await storage.append(
        [music(occurred_at=NOON + timedelta(hours=2)), invocation(started_at=NOON + timedelta(hours=1))]
    )
    assert await storage.engine.read(counted_until()) == NOON + timedelta(hours=1)
