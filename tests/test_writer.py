"""The writer's promises: group commit, order, backoff, a bounded queue, and nothing lost without being counted."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Sequence

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.config import StorageConfig
from botmon_cog.domain.models import Event
from botmon_cog.errors import StorageError
from botmon_cog.storage.base import HistoryFilter, RejectedError
from botmon_cog.storage.sqlite import SqliteStorage
from botmon_cog.storage.writer import Writer
from botmon_cog.testing.manual_clock import ManualClock
from tests.storage_helpers import invocation, rows

LINGER_S = 0.125
TURNS = 10


class FakeStorage:
    """Keeps what is written. It fails while `error` is set, refuses the ids in `refused`, and waits while `gate` is."""

    description = "fake.db"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.attempts = 0
        self.error: Exception | None = None
        self.refused: set[str] = set()
        self.gate: asyncio.Event | None = None

    async def write(self, events: Sequence[Event]) -> None:
        self.attempts += 1
        ids = [event.event_id for event in events]
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if self.refused & set(ids):
            raise RejectedError(f"refused {self.refused & set(ids)}")
        self.batches.append(ids)

    @property
    def written(self) -> list[str]:
        return [event_id for batch in self.batches for event_id in batch]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def storage():
    return FakeStorage()


@pytest.fixture
async def make(storage, clock):
    """Makes writers, and afterwards checks that closing them leaves neither a task nor a timer."""
    made: list[Writer] = []

    def make(**config) -> Writer:
        made.append(Writer(storage, clock, StorageConfig(**{"linger_ms": int(LINGER_S * 1000)} | config)))
        return made[-1]

    yield make
    storage.error = None
    if storage.gate is not None:
        storage.gate.set()
    for writer in made:
        await writer.close(5.0)
        assert writer.queued == 0
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "botmon-writer"]
    assert clock.pending == 0


def put(writer: Writer, *ids: str) -> None:
    for event_id in ids:
        writer.put(invocation(event_id=event_id))


def names(n: int, prefix: str = "e") -> list[str]:
    return [f"{prefix}{i}" for i in range(n)]


async def settle() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


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


async def test_flushes_of_several_tasks_all_end(make, storage):
    writer = make(batch_max=2)
    flushes = []
    for n in range(5):
        put(writer, f"e{n}")
        flushes.append(writer.flush())
    await asyncio.gather(*flushes)
    assert storage.written == names(5)


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


async def test_closing_twice_or_from_two_tasks_does_nothing_more(make, storage):
    writer = make()
    put(writer, "a")
    await asyncio.gather(writer.close(5.0), writer.close(5.0))
    await writer.close(5.0)
    assert (storage.written, writer.dropped) == (["a"], 0)


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
