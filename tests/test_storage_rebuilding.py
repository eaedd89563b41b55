"""Roll-ups held against their raw rows, and computed anew from them, on both engines."""

# ruff: noqa: S608 (queries of names that stand in this file)

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st

from botmon_cog.domain.models import MusicEventType, Outcome
from botmon_cog.domain.rollup import day_of, iso_date
from botmon_cog.storage.upkeep.rebuilding import (
    RAW_SINCE,
    Difference,
    days_with_all_rows,
    differences,
    rebuild,
    rebuild_all,
)
from tests.engines import AnyStorage, all_differences, dump, table
from tests.storage_helpers import EVER, NOON, ROLLUP_TABLES, invocation, music, sample

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = day_of(NOON)
# Table -> a row of today that no raw row makes, and the column that is spoilt.
TABLES = {
    "command_hourly": (f"({TODAY * 24 + 5}, '9', 'x', 1, 1, 0, 0, 0, 0, 0, 0)", "n", "hour / 24"),
    "active_users": (f"({TODAY}, '9', '99', 1)", "hours", "day"),
    "latency_hourly": (f"({TODAY * 24 + 5}, 'x', 0, 3, 1)", "n", "hour / 24"),
    "latency_daily": (f"({TODAY}, '9', 'x', 0, 3, 1)", "n", "day"),
    "music_hourly": (f"({TODAY * 24 + 5}, '9', 1, 0, 0, 0)", "playtime_s", "hour / 24"),
    "bot_stats": (f"('9', '{iso_date(TODAY)}', 1, 0, 0, 0, 1, 1)", "unique_users", None),
}
BOT_STATS = (
    "guild_id, date, total_songs_played, total_playtime, total_skips, total_pauses, commands_executed, unique_users"
)


def events() -> list:
    """Some of yesterday, today and tomorrow, of two guilds and of none."""
    return [
        event
        for day in (-1, 0, 1)
        for n in range(6)
        for event in (
            invocation(
                guild_id=[None, "1", "2"][n % 3],
                user_id=str(10 + n),
                guild_name="Home" if n == 1 else None,
                started_at=NOON + day * DAY + n * HOUR,
                outcome=[Outcome.OK, Outcome.ERROR][n % 2],
                duration_s=0.1 * (n + 1),
                response_s=0.05,
            ),
            music(guild_id=str(1 + n % 2), occurred_at=NOON + day * DAY, duration_s=30.5 + n),
            music(guild_id="1", type=MusicEventType.SKIP, occurred_at=NOON + day * DAY),
            sample(guild_id="1", occurred_at=NOON + day * DAY + n * HOUR, value=n + 0.5, success=n > 1),
        )
    ]


async def found(storage: AnyStorage, day: int = TODAY) -> list[Difference]:
    return await storage.look(differences(day, storage.dialect))


async def heal(storage: AnyStorage, day: int = TODAY) -> None:
    await storage.transact(rebuild(day, storage.dialect))


def test_after_random_writes_nothing_differs(engine):
    moments = st.integers(0, 3 * 86_400_000).map(lambda ms: NOON + timedelta(milliseconds=ms))
    times = st.none() | st.floats(0, 100)
    guilds = st.sampled_from([None, "1", "2"])
    some = st.one_of(
        st.builds(
            invocation,
            started_at=moments,
            guild_id=guilds,
            user_id=st.sampled_from([None, "1", "2"]),
            outcome=st.sampled_from(Outcome),
            duration_s=times,
            response_s=times,
        ),
        st.builds(
            music,
            occurred_at=moments,
            guild_id=st.sampled_from("12"),
            type=st.sampled_from(MusicEventType),
            duration_s=st.floats(-1, 1e6),
        ),
        st.builds(sample, occurred_at=moments, guild_id=guilds, value=st.floats(0, 100), success=st.booleans()),
    )
    lots = st.lists(st.lists(some, max_size=30), min_size=1, max_size=3)
    engine.holds(check_nothing_differs, lots, examples=30, of_server=10)


async def check_nothing_differs(storage: AnyStorage, lots) -> None:
    for lot in lots:
        await storage.write(lot)
    assert await all_differences(storage) == []
    before = await dump(storage, *ROLLUP_TABLES)
    await storage.transact(rebuild_all(storage.dialect))
    assert await dump(storage, *ROLLUP_TABLES) == before


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("how", ["missing", "wrong", "extra"])
async def test_every_kind_of_tampering_is_found_and_healed_and_nothing_else_changes(storage, name, how):
    await storage.write(events())
    before = await dump(storage)
    extra, column, day = TABLES[name]
    today = f"date = '{iso_date(TODAY)}'" if day is None else f"{day} = {TODAY}"
    one = f"{today} AND guild_id = '1'" if name != "latency_hourly" else f"{today} AND command = 'play'"
    columns = BOT_STATS if name == "bot_stats" else ", ".join(await names_of(storage, name))
    if how == "missing":
        n = await storage.execute(f"DELETE FROM {name} WHERE {one}", {})
    elif how == "wrong":
        n = await storage.execute(f"UPDATE {name} SET {column} = {column} + 64 WHERE {one}", {})
    else:
        n = await storage.execute(f"INSERT INTO {name} ({columns}) VALUES {extra}", {})
    tampered = await found(storage)
    assert Counter(difference.table for difference in tampered) == {name: n}
    assert n > 0
    for difference in tampered:
        assert (difference.stored is None) == (how == "missing")
        assert (difference.counted is None) == (how == "extra")
        assert difference.stored != difference.counted
    assert await found(storage, TODAY - 1) == await found(storage, TODAY + 1) == []
    await heal(storage, TODAY - 1)
    await heal(storage, TODAY + 1)
    assert await found(storage) == tampered, "other days heal nothing of this one"
    await heal(storage)
    assert await found(storage) == []
    after = await dump(storage)
    if name == "bot_stats" and how != "wrong":
        # A row that was deleted comes back with another id, one of nobody's stays and holds zeros.
        kept = [row for row in after.pop("bot_stats") if "'9'" not in row]
        assert sorted(row.partition(",")[2] for row in kept) == sorted(
            row.partition(",")[2] for row in before.pop("bot_stats")
        )
    assert after == before


async def names_of(storage: AnyStorage, name: str) -> list[str]:
    if storage.dialect.lock:
        query = (
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{name}' ORDER BY ordinal_position"
        )
    else:
        query = f"SELECT name FROM pragma_table_info('{name}') ORDER BY cid"
    return [column for (column,) in await table(storage, query)]


async def test_a_rebuild_keeps_the_ids_of_statistics_and_what_was_counted_before(storage):
    await storage.write(events())
    await storage.execute(
        "INSERT INTO legacy_stats (day, guild_id, songs, playtime_s, skips, pauses, commands, users) "
        f"VALUES ({TODAY}, '1', 7, 700, 3, 2, 50, 9), ({TODAY}, '5', 1, 10, 0, 0, 0, 0)",
        {},
    )
    assert {difference.key[0] for difference in await found(storage)} == {"1", "5"}
    ids = await table(storage, "SELECT id, guild_id, date FROM bot_stats ORDER BY id")
    counted = await table(storage, f"SELECT {BOT_STATS} FROM bot_stats WHERE guild_id = '1' ORDER BY date")
    await heal(storage)
    assert await found(storage) == []
    kept = await table(storage, "SELECT id, guild_id, date FROM bot_stats ORDER BY id")
    assert kept[: len(ids)] == ids
    assert [row[1] for row in kept[len(ids) :]] == ["5"]
    after = await table(storage, f"SELECT {BOT_STATS} FROM bot_stats WHERE guild_id = '1' ORDER BY date")
    grown = [b - a for a, b in zip(counted[1][2:], after[1][2:], strict=True)]
    assert grown == [7, 700, 3, 2, 50, 9]
    assert (after[0], after[2]) == (counted[0], counted[2])
    await heal(storage)
    assert await table(storage, f"SELECT {BOT_STATS} FROM bot_stats WHERE guild_id = '1' ORDER BY date") == after


async def test_rows_of_no_guild_in_statistics_are_none_of_ours(storage):
    await storage.write(events())
    date = iso_date(TODAY)
    values = f"(NULL, '{date}', 4), ('', '{date}', 5)"
    await storage.execute(f"INSERT INTO bot_stats (guild_id, date, total_songs_played) VALUES {values}", {})
    await storage.execute(f"INSERT INTO legacy_stats VALUES ({TODAY}, '', 9, 0, 0, 0, 0, 0)", {})
    before = await dump(storage)
    assert await found(storage) == []
    await heal(storage)
    assert await dump(storage) == before


async def test_what_was_ever_seen_is_widened_by_a_rebuild_and_never_narrowed(storage):
    await storage.write(events())
    seen = await dump(storage, "command_seen", "guild_names")
    await storage.execute("DELETE FROM command_seen", {})
    await storage.execute("DELETE FROM guild_names", {})
    await storage.transact(rebuild_all(storage.dialect))
    assert await dump(storage, "command_seen", "guild_names") == seen
    await storage.execute("UPDATE command_seen SET first_hour = 5", {})
    await heal(storage)
    assert await storage.first_seen("1") == datetime(1970, 1, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "first"),
    [
        (None, TODAY - 1),
        (NOON - 30 * DAY, TODAY - 1),
        (NOON.replace(hour=0), TODAY),
        (NOON.replace(hour=0) + timedelta(seconds=1), TODAY + 1),
        (NOON, TODAY + 1),
        (NOON + 30 * DAY, None),
    ],
    ids=str,
)
async def test_days_of_which_raw_rows_were_removed_are_left_alone(storage, since, first):
    await storage.write(events())
    if since is not None:
        await storage.execute(f"INSERT INTO marks VALUES ('{RAW_SINCE}', '{since.isoformat()}')", {})
    expected = [day for day in (TODAY - 1, TODAY, TODAY + 1) if first is not None and day >= first]
    assert await storage.look(days_with_all_rows(storage.dialect)) == expected
    assert await storage.look(days_with_all_rows(storage.dialect, TODAY + 1)) == [d for d in expected if d > TODAY]
    await storage.execute("UPDATE command_hourly SET n = n + 1", {})
    before = await table(storage, f"SELECT {BOT_STATS} FROM bot_stats ORDER BY date, guild_id")
    await storage.transact(rebuild_all(storage.dialect))
    spoilt = await table(storage, "SELECT DISTINCT hour / 24 FROM command_hourly WHERE n <> ok + error ORDER BY 1")
    assert [day for (day,) in spoilt] == [day for day in (TODAY - 1, TODAY, TODAY + 1) if day not in expected]
    assert await table(storage, f"SELECT {BOT_STATS} FROM bot_stats ORDER BY date, guild_id") == before


async def test_days_that_only_a_roll_up_knows_are_days_too(storage):
    await storage.open()
    await storage.execute(f"INSERT INTO active_users VALUES ({TODAY}, '1', '10', 1)", {})
    assert await storage.look(days_with_all_rows(storage.dialect)) == [TODAY]
    await storage.transact(rebuild_all(storage.dialect))
    assert await storage.unique_users(None, EVER) == 0


async def test_a_rebuild_that_fails_changes_nothing(storage):
    await storage.write(events())
    await storage.execute("UPDATE command_hourly SET n = n + 1", {})
    before = await dump(storage)

    def failing():
        yield from rebuild(TODAY, storage.dialect)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await storage.transact(failing())
    assert await dump(storage) == before


async def test_what_is_written_during_a_rebuild_is_counted_once(engine):
    async with engine.storage() as storage, engine.storage("other") as other:
        await storage.write(events())
        for _ in range(5):
            await other.write([invocation()])
            writes = (other.write([invocation(user_id=str(n)), music()]) for n in range(3))
            await asyncio.gather(heal(storage), *writes)
        assert await all_differences(storage) == []
