"""The writer's promises: group commit, order, flushing and closing, over event loops that come and go."""

from __future__ import annotations

import asyncio
import gc

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.config import StorageConfig
from botmon_cog.store.queue.writer import Writer
from tests.writer_helpers import LINGER_S, FakeRollUps, names, put, run_key, settle, until


async def test_a_lone_event_is_written_after_the_linger_time(make, log, clock):
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S * 0.99)
    assert (log.attempts, writer.queued) == (0, 1)
    await clock.advance(LINGER_S * 0.01)
    assert (log.batches, writer.queued) == ([["a"]], 0)


async def test_what_comes_within_the_linger_time_is_one_batch(make, log, clock):
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S / 2)
    put(writer, "b", "c")
    await clock.advance(LINGER_S / 2)
    assert log.batches == [["a", "b", "c"]]
    put(writer, "d")
    await clock.advance(LINGER_S)
    assert log.batches[1:] == [["d"]]


async def test_a_linger_time_of_zero_writes_at_once(make, log, clock):
    writer = make(linger_ms=0)
    put(writer, "a", "b")
    await clock.advance(0)
    assert log.batches == [["a", "b"]]


async def test_a_full_batch_does_not_wait_for_the_linger_time(make, log):
    writer = make(batch_max=3)
    put(writer, *names(3))
    await settle()
    assert log.batches == [names(3)]


async def test_no_batch_is_larger_than_allowed_and_the_order_is_kept(make, log, clock):
    writer = make(batch_max=4)
    put(writer, *names(10))
    await clock.advance(LINGER_S)
    assert [len(batch) for batch in log.batches] == [4, 4, 2]
    assert log.written == names(10)


async def test_what_comes_during_a_write_is_written_next(make, log, clock):
    log.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S)
    put(writer, "b", "c")
    assert writer.queued == 3
    log.gate.set()
    await clock.advance(LINGER_S)
    assert log.batches == [["a"], ["b", "c"]]


async def test_flushing_nothing_returns_at_once_and_starts_nothing(make, log):
    writer = make()
    before = asyncio.all_tasks()
    await writer.flush()
    assert asyncio.all_tasks() == before
    assert log.attempts == 0


async def test_a_flush_does_not_wait_for_the_linger_time(make, log, clock):
    writer = make()
    put(writer, "a", "b")
    await writer.flush()
    assert (log.batches, clock.pending) == ([["a", "b"]], 1), "that of the roll-ups"


async def test_a_flush_during_a_write_waits_for_that_write_too(make, log, clock):
    log.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S)
    flush = asyncio.create_task(writer.flush())
    await settle()
    assert not flush.done()
    log.gate.set()
    await flush
    assert log.written == ["a"]


async def test_a_flush_waits_for_nothing_that_came_after_it(make, log, clock):
    log.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    first = asyncio.create_task(writer.flush())
    await settle()
    put(writer, "b")
    second = asyncio.create_task(writer.flush())
    gate, log.gate = log.gate, asyncio.Event()
    gate.set()
    await settle()
    assert (first.done(), second.done(), log.written) == (True, False, ["a"])
    log.gate.set()
    await second
    assert log.written == ["a", "b"]


async def test_flushes_of_several_tasks_all_end(make, log):
    writer = make(batch_max=2)
    flushes = []
    for n in range(5):
        put(writer, f"e{n}")
        flushes.append(writer.flush())
    await asyncio.gather(*flushes)
    assert log.written == names(5)


async def test_close_writes_what_is_queued_and_leaves_no_task(make, log, clock):
    before = asyncio.all_tasks()
    writer = make(batch_max=2)
    put(writer, *names(5))
    await writer.close(5.0)
    assert (log.written, writer.queued, writer.dropped) == (names(5), 0, 0)
    assert asyncio.all_tasks() == before
    assert clock.pending == 0


async def test_close_writes_what_arrives_while_it_waits(make, log):
    log.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    closing = asyncio.create_task(writer.close(5.0))
    await settle()
    put(writer, "b")
    log.gate.set()
    await closing
    assert (log.written, writer.dropped) == (["a", "b"], 0)


async def test_closing_twice_or_from_two_tasks_does_nothing_more(make, log):
    writer = make()
    put(writer, "a")
    await asyncio.gather(writer.close(5.0), writer.close(5.0))
    await writer.close(5.0)
    assert (log.written, writer.dropped) == (["a"], 0)


def test_a_loop_that_ends_without_a_close_writes_the_rest(log):
    async def main() -> Writer:
        writer = Writer(log, FakeRollUps(), SystemClock(), StorageConfig(linger_ms=10_000, batch_max=2), run_key())
        put(writer, *names(5))
        return writer

    writer = asyncio.run(main())
    assert (log.written, writer.queued) == (names(5), 0)


def test_a_loop_that_ends_in_the_middle_of_a_write_repeats_it(log):
    async def main() -> None:
        log.gate = asyncio.Event()
        writer = Writer(log, FakeRollUps(), SystemClock(), StorageConfig(linger_ms=0, batch_max=2), run_key())
        put(writer, *names(3))
        while not log.attempts:
            await asyncio.sleep(0)
        log.gate = None

    asyncio.run(main())
    assert log.written == names(3)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the task of a loop closed like this
def test_a_loop_that_was_dropped_with_the_task_in_it_does_not_stop_the_next_one(log):
    async def first(writer: Writer) -> None:
        put(writer, "a")
        await settle()

    async def second(writer: Writer) -> None:
        put(writer, "b")
        await writer.flush()
        await writer.close(5.0)

    log.gate = asyncio.Event()
    writer = Writer(log, FakeRollUps(), SystemClock(), StorageConfig(linger_ms=0), run_key())
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    loop.run_until_complete(first(writer))
    loop.close()
    log.gate = None
    asyncio.run(second(writer))
    gc.collect()
    assert log.written == ["a", "b"]
    assert (writer.queued, writer.dropped) == (0, 0)


async def test_a_task_that_somebody_cancelled_is_started_again(make, log, clock):
    writer = make()
    put(writer, "a")
    await settle()
    assert writer._task is not None
    writer._task.cancel()
    await settle()
    assert log.written == ["a"]
    put(writer, "b")
    await clock.advance(LINGER_S)
    assert log.written == ["a", "b"]


async def test_the_linger_time_grows_to_a_second_under_load_and_shrinks_again(make, log, clock):
    writer = make()
    per_s = 200
    for _ in range(4 * per_s):
        put(writer, "busy")
        await clock.advance(1 / per_s)
    log.batches.clear()
    for _ in range(4 * per_s):
        put(writer, "busy")
        await clock.advance(1 / per_s)
    assert 4 <= len(log.batches) <= 5
    await clock.advance(1)
    for _ in range(4):
        put(writer, "calm")
        await clock.advance(1)
    put(writer, "calm")
    await clock.advance(LINGER_S)
    assert writer.queued == 0


async def test_rows_that_come_during_a_write_linger_too(make, log, clock):
    log.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S)
    put(writer, "b")
    log.gate.set()
    await settle()
    assert log.batches == [["a"]]
    put(writer, "c")
    await clock.advance(LINGER_S)
    assert log.batches == [["a"], ["b", "c"]]


async def test_events_are_numbered_in_the_order_in_which_they_come(make, log, clock):
    run = run_key()
    writer = make(run=run, batch_max=3)
    put(writer, *names(5))
    await writer.flush()
    put(writer, "later")
    await writer.flush()
    assert log.runs == {run.token: dict(enumerate([*names(5), "later"], 1))}


async def test_each_burst_is_written_at_once_and_not_only_the_first(make, log):
    writer = make(batch_max=3)
    for burst in ("a", "b", "c"):
        put(writer, *names(3, burst))
        await until(lambda: not writer.queued)  # the clock stands still: no linger time has passed
    assert log.stored == [*names(3, "a"), *names(3, "b"), *names(3, "c")]
