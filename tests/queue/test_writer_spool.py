"""The writer with a spool: what the store does not take is on disk, and comes back once it does."""

from __future__ import annotations

import asyncio
import threading
import timeit

from botmon_cog.store.queue import overflow as overflow_module
from botmon_cog.store.queue import spool as spool_module
from botmon_cog.store.queue import spool_file
from tests.writer_helpers import (
    AWAY,
    LINGER_S,
    batch_of,
    counts,
    event,
    make_spool,
    names,
    put,
    run_key,
    settle,
    spool_threads,
    until,
)


async def test_the_oldest_part_of_a_full_queue_goes_to_disk_and_comes_back(make_spooled, log, clock, path):
    log.error = AWAY
    writer = make_spooled(queue_max=10, batch_max=4)
    put(writer, *names(10))
    await clock.advance(LINGER_S)
    assert counts(writer) == (10, 0, 0)
    assert not path.exists()
    put(writer, *names(5, "late"))
    await until(lambda: counts(writer) == (7, 8, 0))
    assert writer.spool_bytes > 0
    log.error = None
    await until(lambda: counts(writer) == (0, 0, 0), clock, 0.5)
    assert log.batches == [names(4), names(8)[4:], ["e8", "e9", "late0", "late1"], ["late2", "late3", "late4"]]
    assert log.repeats == [True, True, False, False]
    assert (writer.spool_bytes, writer.last_error, writer.away_since) == (0, None, None)


async def test_a_write_that_hangs_does_not_hold_up_the_spooling(make_spooled, log, clock):
    log.gate = asyncio.Event()
    writer = make_spooled(queue_max=10, batch_max=4)
    put(writer, *names(4))
    await until(lambda: log.attempts == 1, clock, LINGER_S)
    put(writer, *names(40, "late"))
    assert counts(writer) == (24, 0, 20), "what came before the disk could answer found twice the queue taken"
    await until(lambda: writer.queued <= 10 and writer._overflow._task is None)
    assert writer.queued + writer.spooled == 24
    log.gate.set()
    await until(lambda: not writer.queued and not writer.spooled, clock, 0.5)
    assert log.stored[:4] == names(4)
    assert len(log.stored) == 24


async def test_a_batch_on_its_way_is_spooled_before_those_after_it(make_spooled, log, clock):
    """Whoever replays the file must find it there: it may not have arrived, and nothing newer may be stored first."""
    log.gate = asyncio.Event()
    writer = make_spooled(queue_max=4, batch_max=2)
    put(writer, "a", "b")
    await until(lambda: log.attempts == 1, clock, LINGER_S)
    put(writer, *names(6))
    await until(lambda: writer.spooled == 4)
    gate, log.gate, log.error = log.gate, None, AWAY
    gate.set()
    await until(lambda: writer.failures == 1)
    log.error = None
    other = make_spooled(batch_max=2)
    other.start()
    await until(lambda: not other.spooled and len(log.stored) >= 4)
    await until(lambda: counts(writer) == (0, 0, 0), clock, 0.5)
    assert log.stored == ["a", "b", *names(6)]


async def test_a_long_outage_leaves_little_in_memory(make_spooled, log, clock):
    log.error = AWAY
    writer = make_spooled(spool_after_s=5)
    put(writer, "a", "b")
    await clock.advance(LINGER_S)
    away_since = writer.away_since
    assert away_since == clock.monotonic()
    await clock.advance(4)
    assert counts(writer) == (2, 0, 0)
    await until(lambda: counts(writer) == (0, 2, 0), clock, 0.5)
    assert clock.monotonic() - away_since >= 5
    attempts = log.attempts
    put(writer, "c")
    await until(lambda: counts(writer) == (0, 3, 0), clock, 1)
    await until(lambda: log.attempts > attempts + 1, clock, 1)
    assert writer.away_since == away_since
    log.error = None
    await until(lambda: counts(writer) == (0, 0, 0), clock, 1)
    assert log.written == ["a", "b", "c"]


async def test_a_flush_ends_when_its_rows_are_safe_on_disk(make_spooled, log, clock):
    log.error = AWAY
    writer = make_spooled(spool_after_s=1)
    put(writer, "a")
    flush = asyncio.create_task(writer.flush())
    await clock.advance(0.5)
    assert not flush.done()
    await until(flush.done, clock, 0.5)
    assert counts(writer) == (0, 1, 0)


async def test_what_is_spooled_while_the_store_works_does_not_wait_for_the_next_row(make_spooled, log, clock):
    writer = make_spooled(queue_max=10, batch_max=100)
    put(writer, *names(11))
    await until(lambda: len(log.stored) == 11 and not writer.spooled, clock, LINGER_S)
    assert counts(writer) == (0, 0, 0)
    put(writer, *names(11, "later"))
    await writer.flush()
    await until(lambda: len(log.stored) == 22 and not writer.spooled)


async def test_a_full_spool_drops_the_oldest_and_says_so_once(make_spooled, log, clock, caplog):
    log.error = AWAY
    writer = make_spooled(max_bytes=500, queue_max=4, batch_max=4)
    for name in names(40):
        put(writer, name)
        await until(lambda: writer._overflow._task is None)
    assert 0 < writer.spooled < 20
    assert writer.spool_bytes <= 500
    assert writer.queued <= 8
    assert sum(counts(writer)) == 40
    assert len([r for r in caplog.records if "dropping rows" in r.message]) == 1
    log.error = None
    await until(lambda: not writer.spooled and not writer.queued, clock, 0.5)
    assert len(log.stored) + writer.dropped == 40
    assert log.stored[-4:] == names(40)[-4:]
    assert [r.message for r in caplog.records if "rows were lost" in r.message]


async def test_a_disk_that_fails_keeps_the_rows_in_memory_up_to_a_bound(make_spooled, log, clock, path, caplog):
    path.parent.mkdir()
    path.mkdir()
    log.error = AWAY
    writer = make_spooled(queue_max=10, batch_max=4, spool_after_s=1)
    put(writer, *names(14))
    await until(lambda: "can't use the spool" in caplog.text)
    assert counts(writer) == (14, 0, 0)
    await clock.advance(LINGER_S)
    put(writer, *names(12, "late"))
    assert counts(writer) == (24, 0, 2), "twice the queue, and the batch that was tried"
    await clock.advance(60)
    assert len([r for r in caplog.records if "can't use the spool" in r.message]) == 1
    path.rmdir()
    await until(lambda: counts(writer) == (0, 24, 2), clock, 1)
    log.error = None
    await until(lambda: counts(writer) == (0, 0, 2), clock, 1)
    assert log.stored == [*names(4), *names(14)[6:], *names(12, "late")]


async def test_a_disk_that_fails_holds_back_nothing_where_nothing_is_on_it(make_spooled, log, clock, path):
    path.parent.mkdir()
    path.mkdir()
    writer = make_spooled()
    writer.start()
    put(writer, "a")
    await until(lambda: log.stored == ["a"], clock, LINGER_S)
    await clock.advance(120)
    assert (log.attempts, clock.pending) == (1, 0)


async def test_a_disk_that_fails_holds_back_what_is_newer_than_what_is_on_it(make_spooled, log, clock, monkeypatch):
    log.error = AWAY
    writer = make_spooled(spool_after_s=0.2)
    put(writer, "a")
    await until(lambda: writer.spooled == 1, clock, 0.5)

    def fail(*_args: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(spool_file, "oldest", fail)
        await until(lambda: writer._spool.trouble is not None, clock, 0.5)
        log.error = None
        put(writer, "b")
        await clock.advance(45)
        assert (log.stored, counts(writer)) == ([], (1, 1, 0))
    await until(lambda: counts(writer) == (0, 0, 0), clock, 1)
    assert log.stored == ["a", "b"]


async def test_a_full_disk_does_not_keep_the_spool_from_being_drained(make_spooled, log, clock, monkeypatch):
    """To remove a row takes room, too."""
    log.error = AWAY
    writer = make_spooled(batch_max=2, spool_after_s=0.2)
    put(writer, *names(6))
    await until(lambda: writer.spooled == 6, clock, 0.5)

    def fail(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(spool_file, "remove", fail)
        log.error = None
        await until(lambda: counts(writer) == (0, 0, 0), clock, 1)
        assert log.batches == [names(2), ["e2", "e3"], ["e4", "e5"]]
        put(writer, "new")
        await writer.flush()
    assert log.stored == [*names(6), "new"]
    await writer.close(5)
    after = make_spooled()
    after.start()
    await until(lambda: not after.spooled and after._spool._is_known)
    assert log.stored == [*names(6), "new"]


async def test_a_disk_that_hangs_keeps_rows_up_to_a_bound_and_lets_go(make_spooled, log, clock, monkeypatch):
    hanging = threading.Event()
    add = spool_file.add
    monkeypatch.setattr(spool_file, "add", lambda *args: hanging.wait() and add(*args))
    monkeypatch.setattr(overflow_module, "_STOP_TIMEOUT_S", 0.01)
    monkeypatch.setattr(spool_module, "_CLOSE_TIMEOUT_S", 0.01)
    log.error = AWAY
    writer = make_spooled(queue_max=10, batch_max=4)
    put(writer, *names(100))
    await settle()
    put(writer, *names(100, "late"))
    await clock.advance(60)
    assert counts(writer) == (24, 0, 176)
    await writer.close(0)
    assert counts(writer)[::2] == (0, 200)
    hanging.set()
    await until(lambda: not spool_threads())


async def test_put_does_no_io_and_costs_little(make_spooled, log, clock, monkeypatch):
    log.gate = asyncio.Event()
    writer = make_spooled(queue_max=1_000, linger_ms=0)
    put(writer, "first")
    await until(lambda: log.attempts == 1, clock, LINGER_S)
    one = event()

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("put touches the disk")

    with monkeypatch.context() as patched:
        patched.setattr(spool_file, "connect", refuse)
        patched.setattr(spool_module, "Connection", refuse)
        seconds = timeit.timeit(lambda: writer.put(one), number=3_000)
    assert seconds / 3_000 < 50e-6, "µs, generously"
    log.gate.set()


async def test_a_damaged_spool_is_set_aside_and_its_rows_are_counted(make_spooled, log, clock, path, caplog):
    log.error = AWAY
    writer = make_spooled(batch_max=20, spool_after_s=0.2)
    put(writer, *names(100))
    await until(lambda: writer.spooled == 100, clock, 0.5)
    content = bytearray(path.read_bytes())
    content[24:28] = b"\x7f" * 4  # the change counter, so that nobody trusts what they have read before
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    put(writer, "late")
    log.error = None
    await until(lambda: "late" in log.stored and not writer.spooled, clock, 1)
    assert writer.dropped >= 80, "what was read before is stored"
    assert len(log.stored) + writer.dropped == 101
    (kept,) = path.parent.glob("*.damaged-*")
    assert kept.read_bytes()[4096:] == content[4096:]
    assert f"is kept as {kept} ({len(content)} bytes): {writer.dropped} rows are lost" in caplog.text


async def test_what_came_from_a_file_that_is_gone_is_counted(make_spooled, log, clock, path):
    log.error = AWAY
    writer = make_spooled(spool_after_s=0.2)
    put(writer, "a", "b")
    await until(lambda: writer.spooled == 2, clock, 0.5)
    path.unlink()
    put(writer, "c")
    await until(lambda: counts(writer) == (0, 1, 2), clock, 0.5)
    log.error = None
    await until(lambda: counts(writer) == (0, 0, 2), clock, 1)
    assert log.stored == ["c"]


async def test_rows_that_no_spool_can_read_any_more_are_counted(make_spooled, log, clock, path, caplog):
    async def leave() -> None:
        spool = make_spool(path, clock)
        for n, name in enumerate(("a", "b", "c")):
            await spool.add(batch_of(run, n + 1, name))
        await spool.close()

    run = run_key()
    await leave()
    db = spool_file.connect(path, makes_file=False)
    db.execute("UPDATE chunks SET payload = ? WHERE first_seq = 2", (b"\x91\x92\xa6Nobody\x90",))
    db.close()
    writer = make_spooled()
    writer.start()
    await until(lambda: not writer.spooled and bool(log.stored))
    assert (log.stored, writer.dropped) == (["a", "c"], 1)
    assert "1 rows in the spool can't be read and are lost" in caplog.text
