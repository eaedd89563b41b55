"""The writer while the database fails: backoff, a bounded queue, and nothing lost without being counted."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.config import StorageConfig
from botmon_cog.errors import StorageError
from botmon_cog.storage.base import HistoryFilter
from botmon_cog.storage.queue.writer import Writer
from botmon_cog.storage.sqlite import SqliteStorage
from tests.storage_helpers import rows
from tests.writer_helpers import LINGER_S, names, put, settle


async def test_a_failed_batch_goes_back_in_order_before_what_came_later(make, storage, clock):
    storage.error = StorageError("away")
    writer = make(batch_max=2)
    put(writer, *names(3))
    await clock.advance(LINGER_S)
    put(writer, "late")
    assert (writer.queued, writer.failures, writer.last_error) == (4, 1, "StorageError: away")
    storage.error = None
    await clock.advance(1)
    assert storage.written == [*names(3), "late"]
    assert (writer.queued, writer.failures, writer.last_error, writer.dropped) == (0, 1, None, 0)


async def test_the_pause_between_attempts_grows_to_half_a_minute_and_starts_anew_after_a_success(
    make, storage, clock, monkeypatch
):
    pauses_s: list[float] = []
    call_later = clock.call_later
    monkeypatch.setattr(
        clock, "call_later", lambda delay_s, back: (pauses_s.append(delay_s), call_later(delay_s, back))[1]
    )
    storage.error = StorageError("away")
    writer = make()
    put(writer, "a")
    await clock.advance(180)
    expected_s = [LINGER_S, 0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert pauses_s[: len(expected_s)] == pytest.approx(expected_s, rel=0.2)
    assert storage.attempts == writer.failures >= len(expected_s)
    storage.error = None
    await clock.advance(36.1)
    assert writer.queued == 0
    pauses_s.clear()
    storage.error = StorageError("away again")
    put(writer, "b")
    await clock.advance(1)
    assert pauses_s[:2] == pytest.approx([LINGER_S, 0.25], rel=0.2)


async def test_a_full_batch_does_not_cut_the_pause_short(make, storage, clock):
    storage.error = StorageError("away")
    writer = make(batch_max=2)
    put(writer, "a")
    await clock.advance(LINGER_S)
    put(writer, *names(10))
    await settle()
    assert storage.attempts == 1


async def test_an_outage_is_logged_at_its_start_and_at_its_end(make, storage, clock, caplog):
    storage.error = StorageError("away")
    writer = make()
    put(writer, "a")
    await clock.advance(60)
    assert [(r.levelno, r.message) for r in caplog.records] == [
        (logging.ERROR, "can't write to fake.db, will try again")
    ]
    storage.error = None
    await clock.advance(60)
    assert [(r.levelno, r.message) for r in caplog.records[1:]] == [
        (logging.WARNING, "writing to fake.db again, none was lost")
    ]


async def test_a_full_queue_drops_the_oldest_counts_them_and_says_so_once(make, storage, clock, caplog):
    storage.error = StorageError("away")
    writer = make(queue_max=5, batch_max=2)
    put(writer, *names(8))
    await clock.advance(LINGER_S)
    put(writer, *names(4, "late"))
    assert (writer.queued, writer.dropped) == (5, 7)
    assert len([r for r in caplog.records if "lost a row" in r.message]) == 1
    storage.error = None
    await clock.advance(1)
    assert storage.written == ["e7", *names(4, "late")]
    assert caplog.records[-1].message == "writing to fake.db again, 7 rows were lost"
    put(writer, *names(6, "x"))
    await clock.advance(LINGER_S)
    assert writer.dropped == 8
    assert len([r for r in caplog.records if "lost a row" in r.message]) == 2, "a new overflow is said again"


async def test_what_goes_back_after_a_failure_does_not_make_the_queue_longer_than_allowed(make, storage, clock):
    storage.gate = asyncio.Event()
    storage.error = StorageError("away")
    writer = make(queue_max=4, batch_max=4)
    put(writer, *names(4))
    await clock.advance(LINGER_S)
    put(writer, *names(3, "late"))
    storage.gate.set()
    await settle()
    assert (writer.queued, writer.dropped) == (4, 3)
    storage.error = None
    await clock.advance(1)
    assert storage.written == ["e3", *names(3, "late")]


async def test_an_event_that_the_database_refuses_is_dropped_alone(make, storage, clock, caplog):
    storage.refused = {"e3", "e11"}
    writer = make(batch_max=8)
    put(writer, *names(20))
    await clock.advance(LINGER_S)
    assert storage.written == [name for name in names(20) if name not in storage.refused]
    assert (writer.queued, writer.dropped) == (0, 2)
    assert storage.attempts < 20
    assert len([r for r in caplog.records if "the database refuses it" in r.message]) == 1
    put(writer, *names(8, "later"))
    await clock.advance(LINGER_S)
    assert storage.batches[-1] == names(8, "later"), "batches are full again"


async def test_a_flush_waits_through_an_outage(make, storage, clock):
    storage.error = StorageError("away")
    writer = make(batch_max=1)
    put(writer, "a", "b")
    flush = asyncio.create_task(writer.flush())
    await clock.advance(5)
    assert not flush.done()
    storage.error = None
    await clock.advance(10)
    assert flush.done()
    assert storage.written == ["a", "b"]


async def test_a_flush_ends_when_what_it_waited_for_was_dropped(make, storage, clock):
    storage.error = StorageError("away")
    writer = make(queue_max=3)
    put(writer, "a", "b")
    flush = asyncio.create_task(writer.flush())
    await settle()
    put(writer, *names(3, "late"))
    await settle()
    assert flush.done()
    assert (writer.dropped, writer.queued) == (2, 3)


async def test_flushes_that_are_given_up_leave_nothing_behind(make, storage):
    storage.error = StorageError("away")
    writer = make()
    put(writer, "a")
    for _ in range(3):
        flush = asyncio.create_task(writer.flush())
        await settle()
        flush.cancel()
        await settle()
    assert not writer._flushes
    storage.error = None
    await writer.flush()
    assert storage.written == ["a"]


async def test_close_gives_up_after_its_time_and_counts_what_is_lost(make, storage, caplog):
    storage.error = StorageError("away")
    writer = make()
    put(writer, *names(3))
    await writer.close(0)
    assert (writer.queued, writer.dropped, storage.written) == (0, 3, [])
    assert "gave up on writing 3 rows to fake.db" in caplog.text


async def test_close_gives_up_on_a_write_that_hangs(make, storage):
    storage.gate = asyncio.Event()
    writer = make(batch_max=2)
    put(writer, *names(3))
    flush = asyncio.create_task(writer.flush())
    await settle()
    await writer.close(0)
    await flush
    assert (writer.queued, writer.dropped, storage.written) == (0, 3, [])


async def test_what_a_failed_close_knows_is_still_told_afterwards(make, storage, caplog):
    storage.error = StorageError("away")
    writer = make()
    put(writer, "a")
    flush = asyncio.create_task(writer.flush())
    await settle()
    await writer.close(0)
    await flush
    assert writer.last_error == "StorageError: away"
    assert "again, none was lost" not in caplog.text


async def test_what_comes_after_close_is_dropped_counted_and_starts_nothing(make, storage, caplog):
    writer = make()
    await writer.close(5.0)
    before = asyncio.all_tasks()
    put(writer, "a", "b")
    await writer.flush()
    assert (writer.queued, writer.dropped, storage.attempts) == (0, 2, 0)
    assert asyncio.all_tasks() == before
    assert [r.message for r in caplog.records] == ["lost a row for fake.db: the writer is closed"]


async def test_a_close_that_is_cancelled_tries_once_more_and_leaves_no_task(make, storage):
    before = asyncio.all_tasks()
    storage.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    closing = asyncio.create_task(writer.close(5.0))
    await settle()
    storage.gate = None
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert (storage.written, writer.dropped) == (["a"], 0)
    assert asyncio.all_tasks() == before


def test_what_one_loop_could_not_write_the_next_one_writes(storage):
    storage.error = StorageError("away")
    writer = Writer(storage, SystemClock(), StorageConfig(linger_ms=0))

    async def first() -> None:
        put(writer, "a")
        await settle()

    async def second() -> None:
        put(writer, "b")
        await writer.flush()
        put(writer, "c")
        await writer.close(5.0)

    asyncio.run(first())
    assert writer.queued == 1
    storage.error = None
    asyncio.run(second())
    assert storage.written == ["a", "b", "c"]


async def test_with_the_real_database_every_event_is_stored_once_through_an_outage(tmp_path):
    path = tmp_path / "real.db"
    storage = SqliteStorage(str(path), instance="test", busy_timeout_s=0.01)
    writer = Writer(storage, SystemClock(), StorageConfig(linger_ms=0, batch_max=7))
    path.mkdir()  # in the place of the file
    put(writer, *names(20))
    flush = asyncio.create_task(writer.flush())
    while not writer.failures:
        await asyncio.sleep(0)
    path.rmdir()
    put(writer, *names(20, "late"))
    await writer.flush()
    await flush
    assert [e.command for e in await storage.history(HistoryFilter(limit=1))] == ["play"]
    await writer.close(5.0)
    await storage.close()
    assert rows(path, "SELECT event_id FROM audit_logs ORDER BY id") == [(n,) for n in names(20) + names(20, "late")]
    assert rows(path, "SELECT SUM(n) FROM command_hourly") == [(40,)]
    assert not [thread for thread in threading.enumerate() if "botmon" in thread.name]
