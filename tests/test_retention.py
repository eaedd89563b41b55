"""What is too old goes, nothing else does, and nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from botmon_cog.domain.rollup import day_of
from botmon_cog.domain.uptime import GatewayLoss, Run
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.retention import in_words, raise_raw_since
from tests.engines import dump
from tests.retention_helpers import (
    DAY,
    FOR_EVER,
    MIDNIGHT,
    MS,
    believe,
    check,
    counts,
    fill,
    make_cleaner,
    moments,
    proved_days,
    since,
)
from tests.storage_helpers import EVER, NOON, invocation, message

SINGLE = (
    "invocations",
    "music_events",
    "counted_commands",
    "samples",
    "autocomplete_calls",
    "answered_elsewhere",
    "metric_points",
)


async def test_single_rows_go_by_whole_days(storage):
    end = MIDNIGHT - 90 * DAY
    await fill(storage, end - DAY, end - MS, end, end + MS, NOON)
    assert await make_cleaner(storage, health_days=0).clean() == dict.fromkeys(SINGLE, 2)
    for table in SINGLE:
        assert await moments(storage, table) == [end, end + MS, NOON]
    assert (await counts(storage))["health_checks"] == 5


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("raw_days", set(SINGLE)),
        ("health_days", {"health_checks", "background_failures"}),
        ("people_days", {"people", "guild_hourly", "song_titles"}),
        ("rollup_days", {"rollups", "metric_days", "guild_memberships"}),
    ],
)
async def test_each_key_cuts_its_own_tables_and_nothing_else(storage, key, names):
    old, kept = MIDNIGHT - 10 * DAY - MS, MIDNIGHT - 10 * DAY
    await storage.open()
    await storage.engine.write(raise_raw_since(int(NOON.timestamp() * 1000)))  # so that roll-ups may go
    await fill(storage, old, kept)
    await storage.write([check(NOON)])
    before = await counts(storage)
    assert set(await make_cleaner(storage, **FOR_EVER | {key: 10}).clean()) == names
    after = await counts(storage)
    assert {name for name in before if after[name] != before[name]} == names
    assert all(after[name] == before[name] // 2 + (name == "health_checks") for name in names)
    assert await counts(storage, "guilds") == {"guilds": 1}
    assert (await counts(storage, "labels"))["labels"] > 2


async def test_for_ever_is_for_ever(storage):
    await fill(storage, datetime(1999, 1, 1, tzinfo=UTC), NOON)
    before = await counts(storage)
    assert await make_cleaner(storage, **FOR_EVER).clean() == {}
    assert await counts(storage) == before


async def test_reports_do_not_need_single_rows(storage):
    await fill(storage, *(NOON - n * DAY for n in range(1, 40)))

    async def reports() -> list[Any]:
        found: list[Any] = []
        for guild in ("1", None):
            found += [await storage.command_counts(guild, EVER), await storage.hour_counts(guild, EVER)]
            found += [await storage.music_totals(guild, EVER), await storage.unique_users(guild, EVER)]
        return [*found, await storage.guilds(5)]

    before = await reports()
    await make_cleaner(storage, raw_days=5).clean()
    assert len(await moments(storage)) == 6  # five days back from the newest row, and its own
    assert await reports() == before


async def test_the_mark_rises_with_the_rows_and_never_falls(storage):
    await fill(storage, NOON - 100 * DAY, NOON - 10 * DAY, NOON)
    await make_cleaner(storage, raw_days=90).clean()
    assert await since(storage) == MIDNIGHT - 90 * DAY
    await make_cleaner(storage, raw_days=5).clean()
    assert await since(storage) == MIDNIGHT - 5 * DAY
    await fill(storage, NOON - 100 * DAY)  # from a spool
    await make_cleaner(storage, raw_days=90).clean()
    assert await since(storage) == MIDNIGHT - 5 * DAY
    assert await moments(storage) == [NOON]


async def test_a_store_of_which_nothing_is_old_has_no_mark(storage):
    await fill(storage, NOON - 10 * DAY, NOON)
    assert await make_cleaner(storage, health_days=0).clean() == {}
    assert await since(storage) is None


async def test_the_mark_rises_before_the_first_row_goes(storage):
    await fill(storage, NOON - 100 * DAY, NOON)
    seen: list[Any] = []
    write = storage.engine.write

    async def watching(script):
        result = await write(script)
        seen.append((await since(storage), len(await moments(storage))))
        return result

    storage.engine.write = watching
    await make_cleaner(storage).clean()
    assert seen.index((MIDNIGHT - 90 * DAY, 2)) < seen.index((MIDNIGHT - 90 * DAY, 1))
    assert (None, 1) not in seen


@pytest.mark.parametrize("people_days", [400, 20, 5])
async def test_roll_ups_of_days_whose_rows_are_all_there_stay(storage, people_days):
    await fill(storage, *(NOON - n * DAY for n in range(30)))
    await make_cleaner(storage, raw_days=10, people_days=people_days, rollup_days=5).clean()
    assert await proved_days(storage) == [day_of(NOON) - n for n in reversed(range(11))]
    after = await counts(storage)
    assert after["people"] == min(30, max(people_days, 10) + 1)
    assert after["guild_hourly"] == after["song_titles"] == after["people"]


async def test_without_a_limit_for_single_rows_roll_ups_stay_too(storage):
    await fill(storage, NOON - 500 * DAY, NOON)
    assert await make_cleaner(storage, raw_days=0, people_days=10, health_days=0).clean() == {}


async def test_rows_that_are_in_no_roll_up_yet_are_counted_before_they_go(storage):
    await storage.append([invocation(started_at=NOON - 100 * DAY), check(NOON)])
    await believe(storage, NOON)
    assert await make_cleaner(storage).clean() == {"invocations": 1}
    assert [found.n for found in await storage.command_counts(None, EVER)] == [1]


async def test_rows_that_no_roll_up_counts_stay(storage):
    """Such as those that arrive while a clean-up is under way."""
    await fill(storage, NOON)

    async def arrive() -> None:
        await storage.append([invocation(started_at=NOON - 100 * DAY)])

    storage.rollups.catch_up = arrive
    assert await make_cleaner(storage).clean() == {}
    assert len(await moments(storage)) == 2
    del storage.rollups.catch_up
    assert await make_cleaner(storage).clean() == {"invocations": 1}


async def test_what_is_remembered_of_alerts_and_of_the_gateway_goes_with_the_health_checks(storage):
    old = NOON - 31 * DAY
    sent = {"state": "sent", "finished_at": old, "result": "sent"}
    await storage.alerts.keep_alerts([], [], [message(made_at=old, **sent), message(made_at=NOON, **sent)])
    await storage.alerts.keep_alerts([], [], [message(made_at=old)])  # still to be sent
    for ended in (old, NOON):
        await storage.uptime.put_gateway_loss(GatewayLoss(shard_id=0, began_at=ended - MS, ended_at=ended))
    await fill(storage, NOON)
    assert await make_cleaner(storage).clean() == {"alert_messages": 1, "gateway_losses": 1}


async def test_a_run_goes_once_it_is_old_and_nothing_refers_to_it(storage):
    async def run(days: int, *events: Any, instance: str = "test") -> None:
        key = RunKey.new(instance, NOON - days * DAY)
        await storage.log.append([Batch(run=key, first_seq=1, events=events)])

    await run(200, invocation(started_at=NOON - 200 * DAY))
    await run(150, check(NOON - DAY))  # has a row that stays
    await run(120, check(NOON - 120 * DAY), instance="another")  # the newest of its instance
    await run(80, check(NOON - 80 * DAY))  # not old enough
    await run(0, invocation(started_at=NOON))
    await believe(storage, NOON)
    removed = await make_cleaner(storage).clean()
    assert removed == {"invocations": 1, "health_checks": 2, "runs": 1}
    left = await storage.rows("SELECT instance, COUNT(*) FROM @runs GROUP BY 1 ORDER BY 1")
    assert left == [("another", 1), ("test", 3)]


async def test_a_run_that_was_seen_lately_stays_however_long_it_takes(storage):
    await storage.uptime.put_run(Run(started_at=NOON - 500 * DAY, seen_at=NOON))
    await storage.log.append([Batch(run=RunKey.new("test", NOON), first_seq=1, events=[check(NOON)])])
    await believe(storage, NOON)
    assert await make_cleaner(storage).clean() == {}


async def test_it_says_what_it_removed(storage, caplog):
    await fill(storage, NOON - 100 * DAY, NOON - 101 * DAY, NOON - 31 * DAY, NOON)
    with caplog.at_level(logging.INFO, "botmon_cog.store.cleaner"):
        await make_cleaner(storage).clean()
        await make_cleaner(storage).clean()
    (said,) = caplog.messages
    assert said.startswith("removed from ")
    assert said.endswith(
        ": 2 commands, 2 music events, 2 counted commands, 2 measured operations, 2 points of metrics, "
        "2 minutes of autocompletion, 2 commands answered elsewhere, 3 health checks, 3 failures in the background"
    )
    assert in_words("people", 1) == "1 day of a person"


async def test_a_preview_says_what_would_go_and_changes_nothing(storage):
    await fill(storage, *(NOON - n * DAY for n in (0, 5, 50, 500)))
    cleaner = make_cleaner(storage, raw_days=90)
    before = await dump(storage)
    told = {cut.aged.table.name: n for cut, n in await cleaner.preview() if n}
    assert await dump(storage) == before
    assert told == await cleaner.clean()
    assert {cut.aged.table.name: n for cut, n in await cleaner.preview() if n} == {}


async def test_stopped_in_the_middle_it_leaves_a_good_store(storage):
    await fill(storage, *(NOON - n * DAY for n in (0, *range(5, 205))))
    keep = {"raw_days": 10, "people_days": 10, "rollup_days": 10, "health_days": 10}
    write, left_s = storage.engine.write, [30]

    async def counting(script):
        left_s[0] -= 1
        if not left_s[0]:
            asyncio.get_running_loop().call_soon(task.cancel)
        return await write(script)

    storage.engine.write = counting
    task = asyncio.create_task(make_cleaner(storage, **keep).clean())
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    storage.engine.write = write
    assert await since(storage) == MIDNIGHT - 10 * DAY
    assert await proved_days(storage)
    await make_cleaner(storage, **keep).clean()
    assert set((await counts(storage)).values()) == {7, 3 * 7}  # groups: the command twice, the operation once
