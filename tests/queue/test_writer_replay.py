"""The writer and what waits in its spool: replayed once, in order, and in nobody's way."""

from __future__ import annotations

import asyncio

from botmon_cog.storage.queue.writer import Writer
from botmon_cog.storage.sqlite import SqliteStorage
from botmon_cog.testing.manual_clock import ManualClock
from tests.storage_helpers import dump, invocation, music, rows
from tests.writer_helpers import (
    AWAY,
    LINGER_S,
    counts,
    make_spool,
    make_writer,
    names,
    nothing_left,
    put,
    segments,
    until,
)


async def test_what_an_earlier_process_left_is_written_at_the_start(make_spooled, storage, clock, folder):
    storage.error = AWAY
    first = make_spooled()
    put(first, *names(5))
    await first.close(0)
    assert counts(first) == (0, 5, 0)
    storage.error = None
    second = make_spooled(batch_max=2)
    second.start()
    await until(lambda: len(storage.stored) == 5 and not second.spooled)
    assert storage.batches == [["e0", "e1"], ["e2", "e3"], ["e4"]]
    assert not folder.exists()


async def test_a_start_with_nothing_on_disk_writes_nothing(make_spooled, storage, folder):
    writer = make_spooled()
    writer.start()
    await until(lambda: not writer._spiller.can_replay)
    assert storage.attempts == 0
    assert not folder.parent.exists()


async def test_new_rows_do_not_wait_for_a_long_replay(make_spooled, storage, clock):
    storage.error = AWAY
    first = make_spooled(batch_max=2)
    put(first, *names(20))
    await first.close(0)
    storage.error, storage.gate, storage.attempts = None, asyncio.Event(), 0
    second = make_spooled(batch_max=2)
    second.start()
    await until(lambda: storage.attempts == 1, clock, LINGER_S)
    put(second, *names(3, "new"))
    storage.gate.set()
    await until(lambda: len(storage.stored) == 23 and not second.spooled)
    assert storage.batches[:4] == [["e0", "e1"], ["new0", "new1"], ["new2"], ["e2", "e3"]]


async def test_a_replay_that_fails_in_the_middle_leaves_the_file(make_spooled, storage, clock, folder):
    storage.error = AWAY
    first = make_spooled()
    put(first, *names(6))
    await first.close(0)
    storage.error, storage.gate, storage.attempts = None, asyncio.Event(), 0
    second = make_spooled(batch_max=2)
    second.start()
    await until(lambda: storage.attempts == 1, clock, LINGER_S)
    gate, storage.gate = storage.gate, None
    storage.error = AWAY
    gate.set()
    await until(lambda: second.failures > 0)
    assert (len(segments(folder)), second.spooled) == (1, 6)
    await second.close(0)
    storage.error = None
    third = make_spooled()
    third.start()
    await until(lambda: len(storage.stored) == 6 and not third.spooled)


async def test_a_row_on_disk_that_the_database_refuses_is_dropped_alone(make_spooled, storage, clock):
    storage.error = AWAY
    first = make_spooled()
    put(first, *names(6))
    await first.close(0)
    storage.error, storage.refused = None, {"e3"}
    second = make_spooled()
    second.start()
    await until(lambda: len(storage.stored) == 5 and not second.spooled)
    assert counts(second) == (0, 0, 1)


async def test_what_was_spilled_while_the_database_works_does_not_wait_for_the_next_row(make_spooled, storage, clock):
    writer = make_spooled(queue_max=10, batch_max=100)
    put(writer, *names(11))
    await until(lambda: len(storage.stored) == 11 and not writer.spooled, clock, LINGER_S)
    assert counts(writer) == (0, 0, 0)
    put(writer, *names(11, "later"))
    await writer.flush()
    await until(lambda: len(storage.stored) == 22 and not writer.spooled)


async def test_what_comes_while_it_closes_starts_nothing(make_spooled, storage, clock):
    writer = make_spooled()
    put(writer, "a")
    await writer.flush()
    closing = asyncio.create_task(writer.close(5))
    while not writer._is_closed:
        await asyncio.sleep(0)
    put(writer, "b")
    await asyncio.gather(closing, writer.close(5), writer.flush())
    assert len(storage.stored) + writer.spooled + writer.dropped == 2
    assert writer.queued == 0


async def test_close_leaves_exactly_the_rest_on_disk_in_flight_rows_included(make_spooled, storage, clock):
    storage.gate = asyncio.Event()
    writer = make_spooled(batch_max=2)
    put(writer, *names(5))
    await until(lambda: storage.attempts == 1, clock, LINGER_S)
    await writer.close(0)
    assert counts(writer) == (0, 5, 0)
    put(writer, "too late")
    assert counts(writer) == (0, 5, 1)
    storage.gate = None
    other = make_spooled()
    put(other, "new")
    await other.flush()
    await until(lambda: not other.spooled and len(storage.stored) == 6)
    assert sorted(storage.stored) == [*names(5), "new"]


async def test_a_loop_that_ends_without_a_close_leaves_its_rows_on_disk(storage, folder):
    storage.error = AWAY
    clock = ManualClock()

    async def main() -> Writer:
        writer = make_writer(storage, clock, make_spool(folder, clock))
        put(writer, "a", "b")
        return writer

    writer = await asyncio.to_thread(asyncio.run, main())
    assert counts(writer) == (0, 2, 0)


async def test_two_instances_share_a_folder(storage, clock, folder):
    storage.error = AWAY
    async with nothing_left(clock):
        for instance in ("a", "a.b", "a/b", "ä" * 64):
            writer = make_writer(storage, clock, make_spool(folder, clock, instance=instance))
            put(writer, f"of {instance}")
            await writer.close(0)
        assert len(segments(folder)) == 4
        storage.error = None
        for n, instance in enumerate(("a", "a.b", "a/b", "ä" * 64), 1):
            writer = make_writer(storage, clock, make_spool(folder, clock, instance=instance))
            writer.start()
            await until(lambda: len(storage.stored) == n and not writer.spooled)  # noqa: B023
            assert storage.written[-1] == f"of {instance}"
            await writer.close(0)
    assert not folder.exists()


async def test_a_crash_between_commit_and_removal_changes_nothing_in_the_real_database(tmp_path, clock):
    """The same file is replayed twice: rows and roll-ups are the same."""
    database, folder = tmp_path / "real.db", tmp_path / "real.db.spool"
    events = [invocation(duration_s=0.1 * n) for n in range(20)] + [music(duration_s=3.0) for _ in range(5)]
    spool = make_spool(folder, clock)
    assert await spool.add(events) == 25
    (segment,) = segments(folder)
    kept = segment.read_bytes()

    async def replay() -> list[str]:
        storage = SqliteStorage(str(database), instance="test")
        spool = make_spool(folder, clock)
        writer = make_writer(storage, clock, spool, batch_max=7)
        writer.start()
        await until(lambda: not spool.has_more)
        await writer.close(5)
        await storage.close()
        return [line for line in dump(database) if "schema_migrations" not in line]

    first = await replay()
    assert rows(database, "SELECT SUM(n) FROM command_hourly") == [(20,)]
    folder.mkdir()
    segment.write_bytes(kept)
    assert await replay() == first
    assert not folder.exists()
