"""The spool's file: chunks that stay until they are removed, notes, and what happens when it is not as it should be."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from botmon_cog.domain.models import CountedCommand, HealthRecord, MetricSample, MusicEvent, MusicEventType
from botmon_cog.errors import SpoolError
from botmon_cog.store.log import Batch
from botmon_cog.store.queue import spool_file
from botmon_cog.store.queue.payload import decode_events, encode_events
from botmon_cog.store.queue.spool import Spool
from botmon_cog.testing.manual_clock import ManualClock
from tests.writer_helpers import NOON, batch_of, event, flat, make_spool, names, nothing_left, run_key, spool_threads

EVENTS = [
    event("play", duration_s=0.5, username="Zoë\n\0", details="x" * 500, user_id="odd", parameters='{"a": 1}'),
    MusicEvent(type=MusicEventType.SKIP, occurred_at=NOON, guild_id=1, duration_s=180.25, shard_id=3),
    CountedCommand(occurred_at=NOON, guild_id=1, user_id="odd", shard_id=2),
    MetricSample(name="voice_connect", occurred_at=NOON, value=1.5, success=False),
    HealthRecord(occurred_at=NOON + timedelta(microseconds=1), status="healthy", error_rate=0.0),
]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "botmon.spool.db"


@pytest.fixture
async def open_spool(path, clock):
    """Makes spools over one file, and closes them."""
    made: list[Spool] = []

    def open_(**options) -> Spool:
        made.append(make_spool(path, clock, **options))
        return made[-1]

    async with nothing_left(clock):
        yield open_
        for spool in made:
            await spool.close()


async def drain(spool: Spool, max_rows: int = 3) -> list[str]:
    found: list[str] = []
    while batches := await spool.oldest(max_rows):
        found += flat(batches)
        await spool.remove(batches)
    return found


# -- events as bytes ---------------------------------------------------------------------------------------------------


def test_events_of_every_kind_come_back():
    payload, n = encode_events(EVENTS, 10_000)
    assert (decode_events(payload), n) == (EVENTS, len(EVENTS))


def test_events_of_a_version_with_more_or_fewer_fields_come_back():
    name, fields = msgspec.msgpack.decode(encode_events(EVENTS[:1], 10_000)[0])[0]
    newer = msgspec.msgpack.encode([[name, [*fields, "added later"]]])
    assert decode_events(newer) == EVENTS[:1]
    older = msgspec.msgpack.encode([[name, fields[:-1]]])
    assert decode_events(older) == EVENTS[:1]


def test_lone_surrogates_are_replaced():
    payload, _ = encode_events([event(username="a\ud800")], 1_000)
    assert decode_events(payload)[0].username == "a\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x91\x01", b"\x91\x92\xa6Nobody\x90", b"\x91\x92\xaaInvocation\x90"]
)
def test_what_is_no_event_is_a_value_error(payload):
    with pytest.raises(ValueError):  # noqa: PT011 (whichever)
        decode_events(payload)


# -- rows --------------------------------------------------------------------------------------------------------------


async def test_chunks_are_read_in_order_and_gone_once_removed(open_spool):
    spool = open_spool()
    first, second = run_key("one"), run_key("two")
    assert await spool.add(batch_of(first, 1, "a", "b")) == 2
    assert await spool.add(batch_of(second, 5, "x")) == 1
    assert await spool.add(Batch(run=first, first_seq=7, events=EVENTS)) == len(EVENTS)
    assert spool.rows == 3 + len(EVENTS)
    assert spool.size_bytes > 0
    batches = await spool.oldest(100)
    assert [(batch.run, batch.first_seq, len(batch.events), batch.is_repeat) for batch in batches] == [
        (first, 1, 2, True),
        (first, 7, len(EVENTS), True),
        (second, 5, 1, True),
    ]
    assert batches[1].events == EVENTS
    await spool.remove(batches)
    assert (await spool.oldest(100), spool.rows, spool.size_bytes, spool.has_more) == ([], 0, 0, False)


async def test_the_same_chunks_are_read_again_until_they_are_removed(open_spool):
    spool = open_spool()
    run = run_key()
    for n in range(3):
        await spool.add(batch_of(run, 2 * n + 1, f"a{n}", f"b{n}"))
    assert flat(await spool.oldest(1)) == ["a0", "b0"], "at least one"
    assert flat(await spool.oldest(5)) == ["a0", "b0", "a1", "b1"]
    await spool.remove(await spool.oldest(5))
    assert flat(await spool.oldest(5)) == ["a2", "b2"]


async def test_the_chunks_of_one_run_can_be_read_alone(open_spool):
    spool = open_spool()
    first, second = run_key(), run_key()
    await spool.add(batch_of(first, 1, "a"))
    await spool.add(batch_of(second, 1, "b"))
    assert flat(await spool.oldest(10, second.token)) == ["b"]
    assert await spool.oldest(10, run_key().token) == []


async def test_another_process_finds_what_was_left(open_spool):
    await open_spool().add(batch_of(run_key(), 1, *names(3)))
    other = open_spool()
    assert (other.rows, other.has_more) == (0, True)
    assert await drain(other) == names(3)


async def test_a_chunk_that_grew_is_not_removed_with_what_it_was_before(open_spool):
    spool = open_spool()
    run = run_key()
    await spool.add(batch_of(run, 1, "a"))
    before = await spool.oldest(10)
    await spool.add(batch_of(run, 1, "a", "b"))
    await spool.remove(before)
    assert flat(await spool.oldest(10)) == ["a", "b"]


async def test_a_chunk_never_shrinks(open_spool):
    """Its end may not be in memory any more."""
    run = run_key()
    spool = open_spool()
    assert await spool.add(batch_of(run, 1, "a", "b")) == 2
    assert await spool.add(batch_of(run, 1, "a")) == 1
    full = open_spool(max_bytes=1)
    assert await full.add(batch_of(run, 1, "a", "b", "c")) == 2
    assert flat(await spool.oldest(10)) == ["a", "b"]


async def test_the_size_is_capped_by_whole_rows(open_spool):
    row = len(encode_events([event("e0")], 1_000)[0])
    spool = open_spool(max_bytes=4 * row)
    run = run_key()
    assert await spool.add(batch_of(run, 1, *names(3))) == 3
    assert not spool.is_full
    assert await spool.add(batch_of(run, 4, *names(3, "f"))) == 1
    assert spool.is_full
    assert await spool.add(batch_of(run, 7, *names(3, "g"))) == 0
    assert await drain(spool) == [*names(3), "f0"]
    assert not spool.is_full


async def test_the_cap_counts_what_other_processes_keep(open_spool):
    first, second = open_spool(max_bytes=200), open_spool(max_bytes=200)
    kept = await first.add(batch_of(run_key(), 1, *names(10)))
    assert 0 < kept < 10
    assert await second.add(batch_of(run_key(), 1, *names(10))) == 0


async def test_what_can_not_be_encoded_costs_nothing_else(open_spool):
    spool = open_spool()
    run = run_key()
    with pytest.raises(SpoolError):
        await spool.add(Batch(run=run, first_seq=1, events=[event("a"), event("odd", details=object())]))
    assert await spool.add(batch_of(run, 1, "a")) == 1
    assert await drain(spool) == ["a"]


async def test_at_the_end_of_a_process_rows_are_kept_without_an_event_loop(open_spool):
    spool = open_spool()
    run = run_key()
    batches = [batch_of(run, 1, "a", "b"), batch_of(run, 3, "c")]
    assert spool.add_now(batches) == 3
    assert spool.add_now(batches) == 3, "repeated, it changes nothing"
    assert await drain(spool) == ["a", "b", "c"]


# -- notes -------------------------------------------------------------------------------------------------------------


async def test_notes_outlive_the_process(open_spool):
    spool = open_spool(max_bytes=1)
    assert await spool.read_note("alerts/main") is None
    await spool.write_note("alerts/main", b"one")
    await spool.write_note("alerts/main", b"two")
    await spool.write_note("alerts/other", b"x" * 100_000)
    await spool.close()
    other = open_spool()
    assert await other.read_note("alerts/main") == b"two"
    await other.remove_note("alerts/main")
    assert await other.read_note("alerts/main") is None
    assert other.rows == 0


# -- the file ----------------------------------------------------------------------------------------------------------


async def test_nothing_is_made_before_there_is_something_to_keep(open_spool, path):
    spool = open_spool()
    assert await spool.oldest(10) == []
    assert await spool.read_note("key") is None
    await spool.remove_note("key")
    await spool.remove([batch_of(run_key(), 1, "a")])
    assert (spool.rows, spool.has_more, spool.trouble) == (0, False, None)
    assert not path.parent.exists()
    await asyncio.gather(spool.oldest(10), spool.add(batch_of(run_key(), 1, "a")), spool.read_note("key"))
    assert spool.rows == 1


async def test_the_file_is_private_one_file_and_stays(open_spool, path):
    spool = open_spool()
    await spool.add(batch_of(run_key(), 1, *names(3)))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await drain(spool)
    assert list(path.parent.iterdir()) == [path]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (spool_file.SPOOL_MARK,)
        assert db.execute("SELECT COUNT(*) FROM runs").fetchone() == (0,)


async def test_an_emptied_file_gives_its_space_back(open_spool, path):
    spool = open_spool()
    run = run_key()
    await spool.add(Batch(run=run, first_seq=1, events=[event(details="x" * 1_000)] * 1_000))
    assert path.stat().st_size > 1_000_000
    await drain(spool)
    assert path.stat().st_size < 50_000


async def test_it_can_be_used_again_after_it_was_closed(open_spool):
    spool = open_spool()
    await spool.add(batch_of(run_key(), 1, "a"))
    await spool.close()
    await spool.close()
    assert await drain(spool) == ["a"]


def test_it_can_be_used_from_one_event_loop_after_another(path, clock):
    spool = make_spool(path, clock)
    run = run_key()
    for n, name in enumerate("abc"):
        asyncio.run(spool.add(batch_of(run, n + 1, name)))

    async def last() -> list[str]:
        found = await drain(spool)
        await spool.close()
        return found

    assert asyncio.run(last()) == ["a", "b", "c"]
    for thread in spool_threads():
        thread.join(10)


def _database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE audit_logs (id INTEGER)")
        db.commit()


def _newer_spool(path: Path) -> None:
    with closing(spool_file.connect(path, makes_file=True)) as db:
        db.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    "make_other",
    [
        _database,
        _newer_spool,
        lambda path: path.write_bytes(b"token = 'secret'\n" * 100),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(bytes(range(256)) * 40),
        lambda path: path.mkdir(),
    ],
    ids=["database", "newer", "text", "empty", "bytes", "folder"],
)
async def test_what_is_no_spool_of_ours_is_left_alone(open_spool, path, caplog, make_other):
    path.parent.mkdir()
    make_other(path)
    before = path.is_file() and path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns
    spool = open_spool()
    for _ in range(2):
        with pytest.raises(SpoolError, match="spool"):
            await spool.add(batch_of(run_key(), 1, "a"))
        with pytest.raises(SpoolError):
            await spool.oldest(10)
        with pytest.raises(SpoolError):
            spool.add_now([batch_of(run_key(), 1, "a")])
    assert len([r for r in caplog.records if "can't use the spool" in r.message]) == 1
    assert spool.trouble is not None
    await spool.close()
    assert (path.is_file() and path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) == before
    assert list(path.parent.iterdir()) == [path]


async def test_a_full_disk_keeps_nothing_and_loses_nothing(open_spool):
    spool = open_spool()
    run = run_key()
    await spool.add(batch_of(run, 1, "a"))
    assert spool._connection is not None
    large = Batch(run=run, first_seq=2, events=[event(details="x" * 1_000)] * 100)

    def limit(pages: int):
        return lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    await spool._connection.run(limit(1))
    with pytest.raises(SpoolError, match="full"):
        await spool.add(large)
    assert spool.trouble is not None
    assert flat(await spool.oldest(10)) == ["a"]
    await spool._connection.run(limit(10_000))
    assert await spool.add(large) == 100
    assert (spool.rows, spool.trouble) == (101, None)


def _damage(path: Path) -> bytes:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    return bytes(content)


async def test_a_damaged_file_is_set_aside_and_a_new_one_begun(open_spool, path, caplog):
    spool = open_spool()
    await spool.add(batch_of(run_key(), 1, *names(50)))
    await spool.close()
    content = _damage(path)
    assert await spool.add(batch_of(run_key(), 1, "new")) == 1
    assert await drain(spool) == ["new"]
    (kept,) = path.parent.glob("*.damaged-*")
    assert kept.read_bytes() == content
    assert spool.lost == 50
    assert [r.message for r in caplog.records] == [
        f"the spool was damaged and is kept as {kept} ({len(content)} bytes): 50 rows are lost"
    ]


async def test_a_damaged_file_that_nobody_has_read_holds_an_unknown_number(open_spool, path, caplog):
    before = open_spool()
    await before.add(batch_of(run_key(), 1, "a"))
    await before.close()
    _damage(path)
    spool = open_spool()
    assert await spool.oldest(10) == []
    assert (spool.lost, path.exists()) == (0, False)
    assert "an unknown number of rows are lost" in caplog.text


async def test_a_file_that_another_process_set_aside_is_not_used_any_more(open_spool, path):
    spool = open_spool()
    await spool.add(batch_of(run_key(), 1, "a"))
    path.rename(path.with_name("elsewhere"))
    assert await spool.add(batch_of(run_key(), 1, "b")) == 1
    assert spool.lost == 1
    assert await drain(open_spool()) == ["b"]


async def test_two_processes_at_once_lose_nothing(open_spool):
    spools = [open_spool() for _ in range(2)]

    async def fill(spool: Spool) -> None:
        run = run_key()
        for n in range(20):
            assert await spool.add(batch_of(run, n + 1, f"{run.token}-{n}")) == 1

    await asyncio.gather(*map(fill, spools))
    found = await asyncio.gather(*(drain(spool, 5) for spool in spools))
    assert len({name for names in found for name in names}) == 40
