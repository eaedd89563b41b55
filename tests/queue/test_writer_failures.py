"""The writer while the database fails: backoff, a bounded queue, and nothing lost without being counted."""

from __future__ import annotations

import asyncio
import logging

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.config import StorageConfig
from botmon_cog.errors import ConflictError, NotOursError, SchemaTooNewError, StorageError
from botmon_cog.store.queue.writer import Writer
from tests.writer_helpers import (
    AWAY,
    LINGER_S,
    FakeRollUps,
    batch_of,
    counts,
    names,
    put,
    run_key,
    settle,
    until,
)


async def test_a_failed_batch_goes_back_in_order_before_what_came_later(make, log, clock):
    log.error = AWAY
    writer = make(batch_max=2)
    put(writer, *names(3))
    await clock.advance(LINGER_S)
    put(writer, "late")
    assert (writer.queued, writer.failures, writer.last_error) == (4, 1, "StorageError: away")
    log.error = None
    await clock.advance(1)
    assert log.written == [*names(3), "late"]
    assert (writer.queued, writer.failures, writer.last_error, writer.dropped) == (0, 1, None, 0)


async def test_the_pause_between_attempts_grows_to_half_a_minute_and_starts_anew_after_a_success(
    make, log, clock, monkeypatch
):
    pauses_s: list[float] = []
    call_later = clock.call_later
    monkeypatch.setattr(
        clock, "call_later", lambda delay_s, back: (pauses_s.append(delay_s), call_later(delay_s, back))[1]
    )
    log.error = AWAY
    writer = make()
    put(writer, "a")
    await clock.advance(180)
    expected_s = [LINGER_S, 0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert pauses_s[: len(expected_s)] == pytest.approx(expected_s, rel=0.2)
    assert log.attempts == writer.failures >= len(expected_s)
    log.error = None
    await clock.advance(36.1)
    assert writer.queued == 0
    pauses_s.clear()
    log.error = StorageError("away again")
    put(writer, "b")
    await clock.advance(1)
    assert pauses_s[:2] == pytest.approx([LINGER_S, 0.25], rel=0.2)


async def test_a_full_batch_does_not_cut_the_pause_short(make, log, clock):
    log.error = AWAY
    writer = make(batch_max=2)
    put(writer, "a")
    await clock.advance(LINGER_S)
    put(writer, *names(10))
    await settle()
    assert log.attempts == 1


async def test_an_outage_is_logged_at_its_start_and_at_its_end(make, log, clock, caplog):
    log.error = AWAY
    writer = make()
    put(writer, "a")
    await clock.advance(60)
    assert [(r.levelno, r.message.splitlines()[0]) for r in caplog.records] == [
        (logging.ERROR, "can't write to the store, will try again")
    ]
    assert caplog.records[0].message.endswith("StorageError: away"), "with its traceback"
    log.error = None
    await clock.advance(60)
    assert [(r.levelno, r.message) for r in caplog.records[1:]] == [
        (logging.WARNING, "the store takes rows again, none was lost")
    ]


async def test_a_full_queue_drops_the_oldest_counts_them_and_says_so_once(make, log, clock, caplog):
    log.error = AWAY
    writer = make(queue_max=5, batch_max=2)
    put(writer, *names(8))
    await clock.advance(LINGER_S)
    put(writer, *names(4, "late"))
    assert (writer.queued, writer.dropped) == (7, 5), "the batch that was tried, and the queue"
    assert len([r for r in caplog.records if "dropping rows" in r.message]) == 1
    log.error = None
    await clock.advance(1)
    assert log.written == ["e3", "e4", "e7", *names(4, "late")]
    assert caplog.records[-1].message == "the store takes rows again, 5 rows were lost"
    put(writer, *names(6, "x"))
    await clock.advance(LINGER_S)
    assert writer.dropped == 6
    assert len([r for r in caplog.records if "dropping rows" in r.message]) == 2, "a new overflow is said again"


async def test_a_flush_waits_through_an_outage(make, log, clock):
    log.error = AWAY
    writer = make(batch_max=1)
    put(writer, "a", "b")
    flush = asyncio.create_task(writer.flush())
    await clock.advance(5)
    assert not flush.done()
    log.error = None
    await clock.advance(10)
    assert flush.done()
    assert log.written == ["a", "b"]


async def test_a_flush_ends_when_what_it_waited_for_was_dropped(make, log, clock):
    log.error = AWAY
    writer = make(queue_max=3)
    put(writer, "tried")
    await clock.advance(LINGER_S)
    put(writer, "a", "b")
    flush = asyncio.create_task(writer.flush())
    await settle()
    put(writer, *names(3, "late"))
    log.error = None
    await settle()
    assert not flush.done()
    await clock.advance(1)
    assert flush.done()
    assert log.written == ["tried", *names(3, "late")]
    assert (writer.dropped, writer.queued) == (2, 0)


async def test_flushes_that_are_given_up_leave_nothing_behind(make, log):
    log.error = AWAY
    writer = make()
    put(writer, "a")
    for _ in range(3):
        flush = asyncio.create_task(writer.flush())
        await settle()
        flush.cancel()
        await settle()
    await settle()
    assert len(writer.pending._waiting) <= 1
    log.error = None
    await writer.flush()
    assert log.written == ["a"]


async def test_close_gives_up_after_its_time_and_counts_what_is_lost(make, log, caplog):
    log.error = AWAY
    writer = make()
    put(writer, *names(3))
    await writer.close(0)
    assert (writer.queued, writer.dropped, log.written) == (0, 3, [])
    assert "3 rows were dropped" in caplog.text


async def test_close_gives_up_on_a_write_that_hangs(make, log):
    log.gate = asyncio.Event()
    writer = make(batch_max=2)
    put(writer, *names(3))
    flush = asyncio.create_task(writer.flush())
    await settle()
    await writer.close(0)
    await flush
    assert (writer.queued, writer.dropped, log.written) == (0, 3, [])


async def test_what_a_failed_close_knows_is_still_told_afterwards(make, log, caplog):
    log.error = AWAY
    writer = make()
    put(writer, "a")
    flush = asyncio.create_task(writer.flush())
    await settle()
    await writer.close(0)
    await flush
    assert writer.last_error == "StorageError: away"
    assert "again, none was lost" not in caplog.text


async def test_what_comes_after_close_is_dropped_counted_and_starts_nothing(make, log, caplog):
    writer = make()
    await writer.close(5.0)
    before = asyncio.all_tasks()
    put(writer, "a", "b")
    await writer.flush()
    assert (writer.queued, writer.dropped, log.attempts) == (0, 2, 0)
    assert asyncio.all_tasks() == before
    assert [r.message for r in caplog.records] == ["dropping rows: the writer is closed"]


async def test_a_close_that_is_cancelled_tries_once_more_and_leaves_no_task(make, log):
    before = asyncio.all_tasks()
    log.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    closing = asyncio.create_task(writer.close(5.0))
    await settle()
    log.gate = None
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert (log.written, writer.dropped) == (["a"], 0)
    assert asyncio.all_tasks() == before


def test_what_one_loop_could_not_write_the_next_one_writes(log):
    log.error = AWAY
    writer = Writer(log, FakeRollUps(), SystemClock(), StorageConfig(linger_ms=0), run_key())

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
    log.error = None
    asyncio.run(second())
    assert log.written == ["a", "b", "c"]


async def test_a_failed_batch_is_tried_again_as_it_is(make, log, clock):
    log.error = AWAY
    writer = make(batch_max=2)
    put(writer, "a")
    await clock.advance(LINGER_S)
    put(writer, "b", "c")
    log.error = None
    await clock.advance(1)
    assert (log.batches, log.repeats) == ([["a"], ["b", "c"]], [True, False])


async def test_a_batch_whose_answer_was_lost_is_stored_once(make, log, clock):
    log.loses_answer = lambda: log.attempts == 1
    writer = make()
    put(writer, "a", "b")
    await clock.advance(1)
    assert (log.batches, log.repeats) == ([["a", "b"], ["a", "b"]], [False, True])
    assert (log.stored, writer.queued, writer.failures) == (["a", "b"], 0, 1)


async def test_a_conflict_on_the_first_try_is_no_failure(make, log, clock):
    run = run_key()
    await log.append([batch_of(run, 1, "a", "b")])
    writer = make(run=run)
    put(writer, "a", "b")
    await clock.advance(LINGER_S)
    assert (log.batches[1:], log.repeats[1:]) == ([["a", "b"]], [True])
    assert (log.stored, writer.queued, writer.failures, writer.last_error) == (["a", "b"], 0, 0, None)


async def test_a_conflict_on_a_repeat_is_a_failure(make, log, clock):
    log.error = ConflictError("there already")
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S)
    assert (log.attempts, writer.failures, writer.last_error) == (2, 1, "ConflictError: there already")
    log.error = None


@pytest.mark.parametrize("error", [SchemaTooNewError("too new"), NotOursError("not ours")])
async def test_a_store_that_is_not_for_us_is_no_outage(make_spooled, log, clock, path, caplog, error):
    log.error = error
    writer = make_spooled(queue_max=5, batch_max=2, spool_after_s=0.5)
    put(writer, "first")
    await clock.advance(LINGER_S)
    put(writer, *names(20))
    await clock.advance(60)
    assert counts(writer) == (6, 0, 15), "the batch that was tried, and the queue"
    assert writer.last_error == f"{type(error).__name__}: {error}"
    assert [r.message for r in caplog.records if r.levelno == logging.ERROR and "recorded" in r.message] == [
        f"nothing is recorded: {error}"
    ]
    await writer.close(0)
    assert counts(writer) == (0, 0, 21)
    assert not path.exists()


async def test_a_store_that_is_ours_again_takes_rows(make_spooled, log, clock):
    log.error = SchemaTooNewError("too new")
    writer = make_spooled()
    put(writer, "a")
    await clock.advance(5)
    log.error = None
    await clock.advance(60)
    assert (log.stored, writer.last_error) == (["a"], None)
    log.error = AWAY
    put(writer, "b")
    await until(lambda: counts(writer) == (0, 1, 0), clock, 1)
