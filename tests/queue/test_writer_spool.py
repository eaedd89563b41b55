"""The writer with a spool: what the database does not take is on disk, and comes back once it does."""

from __future__ import annotations

import asyncio
import io
import threading
import timeit
from pathlib import Path

from botmon_cog.storage.queue import spool as spool_module
from botmon_cog.storage.queue import writer as writer_module
from botmon_cog.storage.queue.spool import Spool
from tests.storage_helpers import invocation
from tests.writer_helpers import (
    AWAY,
    LINGER_S,
    counts,
    names,
    put,
    segments,
    settle,
    until,
)


async def test_the_oldest_part_of_a_full_queue_goes_to_disk_and_comes_back(make_spooled, storage, clock, folder):
    storage.error = AWAY
    writer = make_spooled(queue_max=10, batch_max=4)
    put(writer, *names(10))
    await clock.advance(LINGER_S)
    assert counts(writer) == (10, 0, 0)
    assert not folder.exists()
    put(writer, "late")
    await until(lambda: counts(writer) == (6, 5, 0))
    assert len(segments(folder)) == 1
    assert writer.spool_bytes == segments(folder)[0].stat().st_size
    storage.error = None
    await until(lambda: counts(writer) == (0, 0, 0), clock, 0.5)
    assert storage.batches == [["e5", "e6", "e7", "e8"], ["e9", "late"], ["e0", "e1", "e2", "e3"], ["e4"]]
    assert (writer.spool_bytes, writer.last_error, writer.away_since) == (0, None, None)
    assert not folder.exists()


async def test_a_write_that_hangs_does_not_hold_up_the_spilling(make_spooled, storage, clock):
    storage.gate = asyncio.Event()
    writer = make_spooled(queue_max=10, batch_max=4)
    put(writer, *names(4))
    await until(lambda: storage.attempts == 1, clock, LINGER_S)
    put(writer, *names(40, "late"))
    assert counts(writer) == (24, 0, 20), "what came before the disk could answer found twice the queue taken"
    await until(lambda: counts(writer) == (14, 10, 20))
    storage.gate.set()
    await until(lambda: not writer.queued and not writer.spooled, clock, 0.5)
    assert storage.written[:4] == names(4)
    assert len(storage.stored) + writer.dropped == 44


async def test_a_long_outage_leaves_little_in_memory(make_spooled, storage, clock):
    storage.error = AWAY
    writer = make_spooled(spool_after_s=5)
    put(writer, "a", "b")
    await clock.advance(LINGER_S)
    away_since = writer.away_since
    assert away_since == clock.monotonic()
    await clock.advance(4)
    assert counts(writer) == (2, 0, 0)
    await until(lambda: counts(writer) == (0, 2, 0), clock, 0.5)
    assert clock.monotonic() - away_since >= 5
    attempts = storage.attempts
    put(writer, "c")
    await until(lambda: counts(writer) == (0, 3, 0), clock, 1)
    await until(lambda: storage.attempts > attempts + 1, clock, 1)
    assert writer.away_since == away_since
    storage.error = None
    await until(lambda: counts(writer) == (0, 0, 0), clock, 1)
    assert storage.written == ["a", "b", "c"]


async def test_a_flush_ends_when_its_rows_are_safe_on_disk(make_spooled, storage, clock):
    storage.error = AWAY
    writer = make_spooled(spool_after_s=1)
    put(writer, "a")
    flush = asyncio.create_task(writer.flush())
    await clock.advance(0.5)
    assert not flush.done()
    await until(flush.done, clock, 0.5)
    assert counts(writer) == (0, 1, 0)


async def test_a_flush_does_not_end_with_a_younger_row(make_spooled, storage, clock):
    storage.gate = asyncio.Event()
    writer = make_spooled(queue_max=4, batch_max=2)
    put(writer, "a", "b")
    flush = asyncio.create_task(writer.flush())
    await until(lambda: storage.attempts == 1, clock, LINGER_S)
    put(writer, *names(5))
    await until(lambda: writer.spooled == 2)
    assert not flush.done()
    storage.gate.set()
    await until(flush.done)


async def test_a_full_spool_drops_the_oldest_and_says_so_once(make_spooled, storage, clock, caplog):
    storage.error = AWAY
    line = 170
    writer = make_spooled(max_bytes=3 * line, queue_max=4, batch_max=4)
    for name in names(40):
        put(writer, name)
        await settle()
    await until(lambda: writer._spiller._task is None)
    assert writer.spooled > 0
    assert writer.spool_bytes <= 3 * line
    assert writer.queued == 4
    assert sum(counts(writer)) == 40
    assert len([r for r in caplog.records if "lost a row" in r.message]) == 1
    storage.error = None
    await until(lambda: not writer.spooled and not writer.queued, clock, 0.5)
    assert len(storage.stored) + writer.dropped == 40
    assert list(storage.stored)[3] == "e39"
    assert [r.message for r in caplog.records if "rows were lost" in r.message]


async def test_a_disk_that_fails_keeps_the_rows_in_memory_up_to_a_bound(make_spooled, storage, clock, folder, caplog):
    folder.parent.mkdir()
    folder.write_text("a file in the folder's place")
    storage.error = AWAY
    writer = make_spooled(queue_max=10, batch_max=4, spool_after_s=1)
    put(writer, *names(14))
    await until(lambda: "the spool can't be used" in caplog.text)
    assert counts(writer) == (14, 0, 0)
    put(writer, *names(10, "late"))
    assert counts(writer) == (20, 0, 4)
    await clock.advance(60)
    assert len([r for r in caplog.records if "the spool can't be used" in r.message]) == 1
    folder.unlink()
    await until(lambda: counts(writer) == (0, 20, 4), clock, 1)
    storage.error = None
    await until(lambda: counts(writer) == (0, 0, 4), clock, 1)
    assert sorted(storage.stored) == sorted([*names(14)[4:], *names(10, "late")])


async def test_a_disk_that_hangs_keeps_the_rows_in_memory_up_to_a_bound_and_closing_ends(
    make_spooled, storage, clock, monkeypatch
):
    hanging = threading.Event()
    write = spool_module.write_segment
    monkeypatch.setattr(spool_module, "write_segment", lambda *args: hanging.wait() and write(*args))
    monkeypatch.setattr(writer_module, "_STOP_TIMEOUT_S", 0.01)
    storage.error = AWAY
    writer = make_spooled(queue_max=10, batch_max=4)
    put(writer, *names(100))
    await settle()
    put(writer, *names(100, "late"))
    await clock.advance(60)
    assert counts(writer) == (20, 0, 180)
    await writer.close(0)
    assert counts(writer) == (0, 0, 200)
    hanging.set()
    await until(lambda: not [thread for thread in threading.enumerate() if thread.name == "botmon-spool"])


async def test_put_does_no_io_and_costs_little(make_spooled, storage, clock, monkeypatch):
    storage.gate = asyncio.Event()
    writer = make_spooled(queue_max=1_000, batch_max=10, linger_ms=0)
    event = invocation(event_id="a")
    put(writer, "first")
    await until(lambda: storage.attempts == 1, clock, LINGER_S)

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("put touches the disk")

    with monkeypatch.context() as patched:
        patched.setattr(io, "open", refuse)
        patched.setattr(spool_module.threading, "Thread", refuse)
        seconds = timeit.timeit(lambda: writer.put(event), number=3_000)
    assert seconds / 3_000 < 50e-6, "µs, generously"
    storage.gate.set()


def test_a_spool_touches_nothing_before_it_is_used(folder, clock):
    spool = Spool(folder, instance="main", max_bytes=1000, clock=clock)
    assert (spool.rows, spool.size_bytes, spool.has_more) == (0, 0, True)
    assert not Path(folder).parent.exists()
