"""What another process answered becomes a row if nobody else's comes, once, and changes nothing that was counted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.errors import StorageError
from botmon_cog.monitors.elsewhere import ElsewhereKeeper
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.alerts import execute
from botmon_cog.store.history import HistoryFilter
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.records import milliseconds
from botmon_cog.store.retention import raise_raw_since
from botmon_cog.store.tools.proof import differences
from botmon_cog.testing import ManualClock
from tests.engines import Storage, dump
from tests.retention_helpers import believe, make_cleaner
from tests.storage_helpers import EVER, NOON, elsewhere, invocation

MINUTE, LATER = timedelta(minutes=1), NOON + timedelta(minutes=20)
ENTRIES = "SELECT COUNT(*) FROM @answered_elsewhere"
DAY = int(NOON.timestamp()) // 86_400


async def entries(storage: Storage) -> int:
    return (await storage.rows(ENTRIES))[0][0]


async def outcomes(storage: Storage) -> list[str]:
    await storage.rollups.catch_up()
    assert await storage.engine.read(differences(DAY, 9)) == (0, [])
    return [entry.outcome for entry in await storage.history_of(HistoryFilter(limit=1_000))]


async def test_an_entry_goes_once_the_winners_row_is_there(engine, storage):
    await storage.write([elsewhere(discord_id=7)])
    async with engine.storage("winner") as winner:
        await winner.write([invocation(discord_id=7, started_at=NOON + timedelta(seconds=3))])
        before = await dump(storage, "invocations", "rollups", "runs")
        assert await storage.elsewhere.settle(LATER) == 1
        assert await dump(storage, "invocations", "rollups", "runs") == before
    assert await entries(storage) == 0


async def test_an_entry_of_which_no_row_came_becomes_one(storage):
    told = invocation(discord_id=7, guild_name="Home", kind=Kind.BUTTON, outcome=Outcome.LATE, user_id="a host's")
    await storage.write([elsewhere(discord_id=7, invocation=told), invocation(discord_id=8)])
    before = await dump(storage, "rollups")
    assert await storage.elsewhere.settle(LATER) == 1
    assert await dump(storage, "rollups") == before, "what is counted changes with the next roll-up only"
    assert await entries(storage) == 0
    await storage.rollups.catch_up()
    entry = (await storage.history_of(HistoryFilter()))[0]
    assert (entry.discord_id, entry.kind, entry.outcome, entry.user_id) == (7, Kind.BUTTON, Outcome.LATE, "a host's")
    assert (entry.guild_name, entry.instance) == ("Home", "test")
    assert await storage.elsewhere.settle(LATER) == 0


async def test_an_entry_that_is_not_due_waits(storage):
    await storage.write([elsewhere(received_at=LATER)])
    assert await storage.elsewhere.settle(LATER) == 0
    assert await entries(storage) == 1
    assert await storage.elsewhere.settle(LATER + timedelta(milliseconds=1)) == 1


@pytest.mark.parametrize(("apart", "rows"), [(-60.0, 1), (60.0, 1), (-60.001, 2), (60.001, 2)])
async def test_a_row_is_looked_for_where_it_can_be(storage, apart, rows):
    """The clocks of two hosts differ; an index over the id would cost every row."""
    await storage.write([invocation(discord_id=1_000, started_at=NOON + timedelta(seconds=apart)), elsewhere()])
    assert await storage.elsewhere.settle(LATER) == 1
    assert len(await outcomes(storage)) == rows


async def test_an_interaction_that_several_processes_lost_becomes_one_row(engine, storage):
    async with engine.storage("other") as other:
        await storage.write([elsewhere(discord_id=7)])
        await other.write([elsewhere(discord_id=7, received_at=NOON + timedelta(seconds=1))])
        assert await storage.elsewhere.settle(NOON + timedelta(seconds=1)) == 1
        assert await other.elsewhere.settle(LATER) == 1
        await storage.write([elsewhere(discord_id=8), elsewhere(discord_id=8)])
        assert await storage.elsewhere.settle(LATER) == 2
        assert await outcomes(storage) == [Outcome.UNANSWERED] * 2


async def test_processes_that_settle_at_once_decide_once(engine):
    async with engine.storage("one", busy_timeout_s=30.0) as one, engine.storage("two", busy_timeout_s=30.0) as two:
        for storage in (one, two):
            await storage.write([elsewhere(discord_id=n, received_at=NOON + n * MINUTE / 20) for n in range(1, 121)])
        settled = await asyncio.gather(*(each.elsewhere.settle(LATER) for each in (one, two) * 3))
        assert sum(settled) == 240
        assert len(await outcomes(one)) == 120
        assert await entries(one) == 0


async def test_many_entries_are_decided_and_each_by_its_own_row(storage):
    n = 450
    at = [NOON + timedelta(seconds=k) for k in range(n)]
    await storage.write([elsewhere(discord_id=k + 1, received_at=at[k]) for k in range(n)])
    await storage.write([invocation(discord_id=k + 1, started_at=at[k]) for k in range(0, n, 3)])
    assert await storage.elsewhere.settle(LATER) == n
    found = await storage.rows("SELECT discord_id, COUNT(*) FROM @invocations GROUP BY 1 ORDER BY 1")
    assert found == [(k + 1, 1) for k in range(n)]
    assert len(await outcomes(storage)) == n


async def test_what_is_replayed_after_it_was_decided_makes_no_second_row(storage):
    batch = await storage.append([elsewhere()])
    await storage.elsewhere.settle(LATER)
    again = Batch(run=batch.run, first_seq=batch.first_seq, events=batch.events, is_repeat=True)
    for _ in range(2):
        await storage.log.append([again])
        assert await storage.elsewhere.settle(LATER) == 1
    assert await outcomes(storage) == [Outcome.UNANSWERED]


async def test_what_is_older_than_the_log_reaches_back_makes_no_row(storage):
    """The winner's may have been removed."""
    await storage.write([elsewhere()])
    await storage.engine.write(raise_raw_since(milliseconds(NOON) + 1))
    assert await storage.elsewhere.settle(LATER) == 1
    assert await storage.rows("SELECT COUNT(*) FROM @invocations") == [(0,)]


async def test_the_run_of_such_rows_is_not_taken_for_a_newer_start_of_the_bot(storage):
    """The newest run of an instance says since when the bot has been away."""
    old, now = NOON - timedelta(days=100), NOON
    run = RunKey.new("test", old)
    await storage.log.append([Batch(run=run, first_seq=1, events=[elsewhere(received_at=old)])])
    await storage.elsewhere.settle(now)
    assert await storage.rows("SELECT COUNT(DISTINCT started_ms), COUNT(*) FROM @runs") == [(1, 2)]
    await storage.engine.write(
        execute("UPDATE @runs SET seen_ms = started_ms WHERE token = :token", {"token": run.token})
    )
    await storage.log.append([Batch(run=RunKey.new("another", now), first_seq=1, events=[invocation()])])
    await believe(storage, now)
    await make_cleaner(storage).clean()
    assert (run.token,) in await storage.rows("SELECT token FROM @runs")


async def test_an_entry_counts_in_nothing(storage):
    await storage.write([elsewhere()])
    assert await storage.command_counts(None, EVER) == []
    assert await storage.outcomes_by_minute(NOON) == []
    assert await storage.history_of(HistoryFilter()) == []


# -- who decides -------------------------------------------------------------------------------------------------------


def keeper(storage: Storage, clock: ManualClock) -> tuple[ElsewhereKeeper, Failures]:
    failures = Failures(clock)
    return ElsewhereKeeper(storage.elsewhere, clock, failures, timeout_s=5.0), failures


async def test_whoever_checks_decides_after_20_minutes_and_asks_every_5(storage):
    clock = ManualClock(NOON)
    keeps, failures = keeper(storage, clock)
    await storage.write([elsewhere()])
    for minutes, left in ((0, 1), (19, 1), (1, 1), (3, 1), (1, 0)):
        await clock.advance(minutes * 60)
        await keeps.step()
        assert await entries(storage) == left
    assert failures.n == 0


async def test_a_store_that_is_away_costs_the_check_nothing_and_is_asked_again(storage, caplog, monkeypatch):
    clock = ManualClock(LATER + MINUTE)
    keeps, failures = keeper(storage, clock)
    await storage.write([elsewhere()])
    write = storage.engine.write
    for error in (StorageError("it is away"), ZeroDivisionError()):

        async def fail(_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(storage.engine, "write", fail)
        await keeps.step()
        await clock.advance(300)
    assert "can't decide what other processes answered: it is away" in caplog.text
    assert failures.n == 1
    monkeypatch.setattr(storage.engine, "write", write)
    await keeps.step()
    assert await entries(storage) == 0
