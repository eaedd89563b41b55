"""The writer's promises: group commit, order, flushing and closing, over event loops that come and go."""

from __future__ import annotations

import asyncio
import gc

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.config import StorageConfig
from botmon_cog.storage.queue.writer import Writer
from tests.writer_helpers import LINGER_S, names, put, settle


async def test_a_lone_event_is_written_after_the_linger_time(make, storage, clock):
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S * 0.99)
    assert (storage.attempts, writer.queued) == (0, 1)
    await clock.advance(LINGER_S * 0.01)
    assert (storage.batches, writer.queued) == ([["a"]], 0)


async def test_what_comes_within_the_linger_time_is_one_batch(make, storage, clock):
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S / 2)
    put(writer, "b", "c")
    await clock.advance(LINGER_S / 2)
    assert storage.batches == [["a", "b", "c"]]
    put(writer, "d")
    await clock.advance(LINGER_S)
    assert storage.batches[1:] == [["d"]]


async def test_a_linger_time_of_zero_writes_at_once(make, storage, clock):
    writer = make(linger_ms=0)
    put(writer, "a", "b")
    await clock.advance(0)
    assert storage.batches == [["a", "b"]]


async def test_a_full_batch_does_not_wait_for_the_linger_time(make, storage):
    writer = make(batch_max=3)
    put(writer, *names(3))
    await settle()
    assert storage.batches == [names(3)]


async def test_no_batch_is_larger_than_allowed_and_the_order_is_kept(make, storage, clock):
    writer = make(batch_max=4)
    put(writer, *names(10))
    await clock.advance(LINGER_S)
    assert [len(batch) for batch in storage.batches] == [4, 4, 2]
    assert storage.written == names(10)


async def test_what_comes_during_a_write_is_written_next(make, storage, clock):
    storage.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S)
    put(writer, "b", "c")
    assert writer.queued == 3
    storage.gate.set()
    await clock.advance(LINGER_S)
    assert storage.batches == [["a"], ["b", "c"]]


async def test_flushing_nothing_returns_at_once_and_starts_nothing(make, storage):
    writer = make()
    before = asyncio.all_tasks()
    await writer.flush()
    assert asyncio.all_tasks() == before
    assert storage.attempts == 0


async def test_a_flush_does_not_wait_for_the_linger_time(make, storage, clock):
    writer = make()
    put(writer, "a", "b")
    await writer.flush()
    assert (storage.batches, clock.pending) == ([["a", "b"]], 0)


async def test_a_flush_during_a_write_waits_for_that_write_too(make, storage, clock):
    storage.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    await clock.advance(LINGER_S)
    flush = asyncio.create_task(writer.flush())
    await settle()
    assert not flush.done()
    storage.gate.set()
    await flush
    assert storage.written == ["a"]


async def test_a_flush_waits_for_nothing_that_came_after_it(make, storage, clock):
    storage.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    first = asyncio.create_task(writer.flush())
    await settle()
    put(writer, "b")
    second = asyncio.create_task(writer.flush())
    gate, storage.gate = storage.gate, asyncio.Event()
    gate.set()
    await settle()
    assert (first.done(), second.done(), storage.written) == (True, False, ["a"])
    storage.gate.set()
    await second
    assert storage.written == ["a", "b"]


async def test_flushes_of_several_tasks_all_end(make, storage):
    writer = make(batch_max=2)
    flushes = []
    for n in range(5):
        put(writer, f"e{n}")
        flushes.append(writer.flush())
    await asyncio.gather(*flushes)
    assert storage.written == names(5)


async def test_close_writes_what_is_queued_and_leaves_no_task(make, storage, clock):
    before = asyncio.all_tasks()
    writer = make(batch_max=2)
    put(writer, *names(5))
    await writer.close(5.0)
    assert (storage.written, writer.queued, writer.dropped) == (names(5), 0, 0)
    assert asyncio.all_tasks() == before
    assert clock.pending == 0


async def test_close_writes_what_arrives_while_it_waits(make, storage):
    storage.gate = asyncio.Event()
    writer = make()
    put(writer, "a")
    closing = asyncio.create_task(writer.close(5.0))
    await settle()
    put(writer, "b")
    storage.gate.set()
    await closing
    assert (storage.written, writer.dropped) == (["a", "b"], 0)


async def test_closing_twice_or_from_two_tasks_does_nothing_more(make, storage):
    writer = make()
    put(writer, "a")
    await asyncio.gather(writer.close(5.0), writer.close(5.0))
    await writer.close(5.0)
    assert (storage.written, writer.dropped) == (["a"], 0)


def test_a_loop_that_ends_without_a_close_writes_the_rest(storage):
    async def main() -> Writer:
        writer = Writer(storage, SystemClock(), StorageConfig(linger_ms=10_000, batch_max=2))
        put(writer, *names(5))
        return writer

    writer = asyncio.run(main())
    assert (storage.written, writer.queued) == (names(5), 0)


def test_a_loop_that_ends_in_the_middle_of_a_write_repeats_it(storage):
    async def main() -> None:
        storage.gate = asyncio.Event()
        writer = Writer(storage, SystemClock(), StorageConfig(linger_ms=0, batch_max=2))
        put(writer, *names(3))
        while not storage.attempts:
            await asyncio.sleep(0)
        storage.gate = None

    asyncio.run(main())
    assert storage.written == names(3)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the task of a loop closed like this
def test_a_loop_that_was_dropped_with_the_task_in_it_does_not_stop_the_next_one(storage):
    async def first(writer: Writer) -> None:
        put(writer, "a")
        await settle()

    async def second(writer: Writer) -> None:
        put(writer, "b")
        await writer.flush()
        await writer.close(5.0)

    storage.gate = asyncio.Event()
    writer = Writer(storage, SystemClock(), StorageConfig(linger_ms=0))
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    loop.run_until_complete(first(writer))
    loop.close()
    storage.gate = None
    asyncio.run(second(writer))
    gc.collect()
    assert storage.written == ["a", "b"]
    assert (writer.queued, writer.dropped) == (0, 0)


async def test_a_task_that_somebody_cancelled_is_started_again(make, storage, clock):
    writer = make()
    put(writer, "a")
    await settle()
    assert writer._task is not None
    writer._task.cancel()
    await settle()
    assert storage.written == ["a"]
    put(writer, "b")
    await clock.advance(LINGER_S)
    assert storage.written == ["a", "b"]
