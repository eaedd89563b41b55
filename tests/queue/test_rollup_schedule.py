"""When the writer has the log rolled up."""

from __future__ import annotations

import asyncio

from botmon_cog.errors import StorageError
from tests.writer_helpers import LINGER_S, names, put, settle

MINUTE_S = 60.0


async def test_a_minute_after_the_first_row_the_log_is_rolled_up(make, rollups, clock):
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S)
    await clock.advance(MINUTE_S / 2)
    put(writer, "b")
    await clock.advance(MINUTE_S / 2 - 0.01)
    assert rollups.lots == 0
    await clock.advance(0.01)
    assert (rollups.lots, clock.pending) == (1, 0)
    put(writer, "c")
    await clock.advance(LINGER_S + MINUTE_S - 0.01)
    assert rollups.lots == 1
    await clock.advance(0.01)
    assert rollups.lots == 2


async def test_many_rows_are_rolled_up_at_once_and_lot_by_lot(make, rollups, clock):
    rollups.behind = 25_000
    writer = make()
    put(writer, *names(10_000))
    await writer.flush()
    await settle()
    assert (rollups.lots, rollups.behind, clock.pending) == (3, 0, 0)


async def test_no_append_waits_for_a_roll_up(make, rollups, log, clock):
    rollups.gate = asyncio.Event()
    writer = make()
    put(writer, *names(10_000))
    await writer.flush()
    await settle()
    assert rollups.lots == 1
    put(writer, *names(10_000, "more"))
    await writer.flush()
    assert (len(log.stored), rollups.lots) == (20_000, 1)
    rollups.gate.set()
    await clock.advance(MINUTE_S)
    assert rollups.lots == 2


async def test_a_roll_up_that_fails_is_tried_again_and_said_once(make, rollups, log, clock, caplog):
    rollups.error = StorageError("away")
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S + MINUTE_S)
    put(writer, *names(20_000))
    await writer.flush()
    await clock.advance(2 * MINUTE_S)
    assert rollups.lots == 3
    assert (writer.failures, writer.last_error, writer.away_since) == (0, None, None)
    assert len([r for r in caplog.records if "can't roll up the log" in r.message]) == 1
    rollups.error = None
    await clock.advance(MINUTE_S)
    assert (rollups.lots, clock.pending) == (4, 0)


async def test_closing_ends_a_roll_up_that_hangs(make, rollups, clock):
    rollups.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S + MINUTE_S)
    assert rollups.lots == 1
    await writer.close(5)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "botmon-rollup"]
