"""The writer and what others left in the spool: replayed once, in order, and in nobody's way."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
from pathlib import Path

from botmon_cog.clock import SystemClock
from botmon_cog.store.log import Batch
from botmon_cog.store.queue.writer import Writer
from botmon_cog.testing.manual_clock import ManualClock
from tests.writer_helpers import (
    AWAY,
    LINGER_S,
    counts,
    event,
    flat,
    make_spool,
    make_writer,
    names,
    put,
    run_key,
    until,
)

ROOT = Path(__file__).parents[2]


async def test_what_an_earlier_process_left_is_written_at_the_start(make_spooled, log):
    log.error = AWAY
    first = make_spooled(batch_max=2)
    put(first, *names(5))
    await first.close(0)
    assert counts(first) == (0, 5, 0)
    log.error = None
    second = make_spooled(batch_max=4)
    second.start()
    await until(lambda: len(log.stored) == 5 and not second.spooled)
    assert log.batches == [["e0", "e1"], ["e2", "e3"], ["e4"]]
    assert (log.attempts, log.repeats) == (1 + 2, [True] * 3), "several chunks go into one transaction"


async def test_a_start_with_nothing_on_disk_writes_nothing(make_spooled, log, path):
    writer = make_spooled()
    writer.start()
    await until(lambda: not writer._spool.has_more)
    assert log.attempts == 0
    assert not path.parent.exists()


async def test_new_rows_do_not_wait_for_a_long_replay(make_spooled, log, clock):
    log.error = AWAY
    first = make_spooled(batch_max=2)
    put(first, *names(20))
    await first.close(0)
    log.error, log.gate, log.attempts = None, asyncio.Event(), 0
    second = make_spooled(batch_max=2)
    second.start()
    await until(lambda: log.attempts == 1, clock, LINGER_S)
    put(second, *names(3, "new"))
    await clock.advance(LINGER_S)
    log.gate.set()
    await until(lambda: len(log.stored) == 23 and not second.spooled)
    assert log.batches[:4] == [["e0", "e1"], ["new0", "new1"], ["e2", "e3"], ["new2"]]


async def test_a_replay_that_fails_in_the_middle_leaves_the_rest(make_spooled, log, clock):
    log.error = AWAY
    first = make_spooled(batch_max=2)
    put(first, *names(6))
    await first.close(0)
    log.error, log.gate, log.attempts = None, asyncio.Event(), 0
    second = make_spooled(batch_max=2)
    second.start()
    await until(lambda: log.attempts == 1, clock, LINGER_S)
    gate, log.gate, log.error = log.gate, None, AWAY
    gate.set()
    await until(lambda: second.failures > 0)
    assert second.spooled == 6
    await second.close(0)
    log.error = None
    third = make_spooled()
    third.start()
    await until(lambda: len(log.stored) == 6 and not third.spooled)


async def test_what_comes_while_it_closes_starts_nothing(make_spooled, log):
    writer = make_spooled()
    put(writer, "a")
    await writer.flush()
    closing = asyncio.create_task(writer.close(5))
    while not writer._is_closed:
        await asyncio.sleep(0)
    put(writer, "b")
    await asyncio.gather(closing, writer.close(5), writer.flush())
    assert len(log.stored) + writer.spooled + writer.dropped == 2
    assert writer.queued == 0


async def test_close_leaves_exactly_the_rest_on_disk_a_hanging_batch_included(make_spooled, log, clock):
    log.gate = asyncio.Event()
    writer = make_spooled(batch_max=2)
    put(writer, *names(5))
    await until(lambda: log.attempts == 1, clock, LINGER_S)
    await writer.close(0)
    assert counts(writer) == (0, 5, 0)
    put(writer, "too late")
    assert counts(writer) == (0, 5, 1)
    log.gate = None
    other = make_spooled()
    put(other, "new")
    await other.flush()
    await until(lambda: not other.spooled and len(log.stored) == 6)
    assert log.stored == ["new", *names(5)]


async def test_two_writers_over_one_file_store_everything_once(make_spooled, log, clock):
    log.error = AWAY
    writers = [make_spooled(batch_max=3, spool_after_s=0.2) for _ in range(2)]
    for n, writer in enumerate(writers):
        put(writer, *names(10, f"w{n}-"))
    await until(lambda: all(writer.queued == 0 for writer in writers), clock, 0.5)
    for n, writer in enumerate(writers):
        put(writer, f"late{n}")
    log.error = None
    await until(lambda: not any(writer.queued or writer.spooled for writer in writers), clock, 1)
    assert sorted(log.stored) == sorted([*names(10, "w0-"), *names(10, "w1-"), "late0", "late1"])


def test_a_loop_that_ends_without_a_close_leaves_its_rows_on_disk(log, path):
    log.error = AWAY
    clock = ManualClock()
    spool = make_spool(path, clock)

    async def main() -> Writer:
        writer = make_writer(log, clock, spool)
        put(writer, "a", "b")
        return writer

    writer = asyncio.run(main())
    assert counts(writer) == (0, 2, 0)

    async def again() -> None:
        put(writer, "c")
        await writer.flush()
        await writer.close(5)

    log.error = None
    asyncio.run(again())
    assert log.stored == ["a", "b", "c"]


def test_a_writer_that_nobody_closed_leaves_its_rows_on_disk(log, path):
    log.gate = asyncio.Event()
    spool = make_spool(path, ManualClock())

    async def main() -> None:
        writer = make_writer(log, SystemClock(), spool, linger_ms=0, batch_max=2)
        put(writer, *names(5))
        while not log.attempts:
            await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    loop.run_until_complete(main())
    loop.close()
    log.gate = None
    gc.collect()

    async def look() -> list[str]:
        found = flat(await spool.oldest(100))
        await spool.close()
        return found

    assert asyncio.run(look()) == names(5)


def _run_child(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    prelude = """
        import asyncio, sys
        from pathlib import Path
        from botmon_cog.clock import SystemClock
        from tests.writer_helpers import *
        path = Path(sys.argv[1])
        spool = make_spool(path, SystemClock())
        log = FakeLog()
    """
    script = textwrap.dedent(prelude) + textwrap.dedent(code)
    command = [sys.executable, "-c", script, *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


async def test_a_process_that_just_ends_leaves_its_rows_on_disk(spool, path):
    child = """
        async def main():
            global writer
            log.gate = asyncio.Event()
            writer = make_writer(log, SystemClock(), spool, batch_max=2)
            put(writer, *names(5))
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        sys.exit(3)
    """
    ended = await asyncio.to_thread(_run_child, child, path)
    assert ended.returncode == 3, ended.stderr
    assert flat(await spool.oldest(100)) == names(5)


async def test_a_process_that_just_ends_without_a_spool_says_what_is_lost(path):
    child = """
        async def main():
            global writer
            writer = make_writer(log, SystemClock(), linger_ms=10_000)
            put(writer, *names(5))
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
    """
    ended = await asyncio.to_thread(_run_child, child, path)
    assert ended.returncode == 0
    assert "5 rows are lost: the process ended before the store took them" in ended.stderr


async def test_a_killed_process_leaves_what_it_had_flushed(spool, path):
    child = """
        import os, signal
        async def main():
            log.error = AWAY
            writer = make_writer(log, SystemClock(), spool, linger_ms=0, batch_max=2, queue_max=10, spool_after_s=0.01)
            for name in names(1_000):
                put(writer, name)
                if name.endswith("9"):
                    await writer.flush()
                    print(name, flush=True)
                if name == "e129":
                    os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """
    ended = await asyncio.to_thread(_run_child, child, path)
    assert ended.returncode == -9, ended.stderr
    found = flat(await spool.oldest(10_000))
    assert ended.stdout.split()[-1] == "e129"
    assert found == names(1_000)[: len(found)]
    assert len(found) >= 130


async def test_a_process_killed_while_it_replays_loses_and_doubles_nothing(make_spooled, log, spool, path):
    run = run_key()
    for n in range(40):
        await spool.add(Batch(run=run, first_seq=5 * n + 1, events=[event(f"e{5 * n + i}") for i in range(5)]))
    child = """
        import os, signal
        from botmon_cog.store.queue import spool_file
        kill_at = int(sys.argv[2])
        remove, calls = spool_file.remove, 0
        def counted(db, chunks):
            global calls
            calls += 1
            db.set_progress_handler((lambda: os.kill(os.getpid(), signal.SIGKILL)) if calls == kill_at else None, 20)
            return remove(db, chunks)
        spool_file.remove = counted
        async def main():
            writer = make_writer(log, SystemClock(), spool, batch_max=10)
            writer.start()
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    left = 200
    for kill_at in (1, 3, 2):
        ended = await asyncio.to_thread(_run_child, child, path, kill_at)
        assert ended.returncode == -9, ended.stderr
        found = flat(await spool.oldest(10_000))
        left -= 10 * (kill_at - 1)
        assert found == names(200)[-left:]
    writer = make_spooled()
    writer.start()
    await until(lambda: len(log.stored) == left and not writer.spooled)
    await writer.close(5)
