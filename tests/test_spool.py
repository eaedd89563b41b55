"""The files of the spool: whole or not there, readable for people, and never in the way of what can be read."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec
import pytest

from botmon_cog.domain.models import HealthRecord, Invocation, MetricSample
from botmon_cog.storage.queue import segments as segments_module
from botmon_cog.storage.queue.event_lines import decode_line, encode_line
from botmon_cog.storage.queue.spool import Spool
from botmon_cog.testing.manual_clock import ManualClock
from tests.storage_helpers import NOON, invocation, music
from tests.writer_helpers import make_spool, names, segments

EVENTS = [
    invocation(
        duration_s=0.5, username="Zoë\n\0", error_message='"', details="x" * 500, guild_id=None, parameters='{"a": 1}'
    ),
    music(duration_s=180.25, shard_id=3),
    MetricSample(event_id="m", name="voice_connect", occurred_at=NOON, value=1.5, success=False),
    HealthRecord(event_id="h", occurred_at=NOON + timedelta(microseconds=1), status="healthy", error_rate=0.0),
]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


def invocations(n: int, prefix: str = "e") -> list[Invocation]:
    return [invocation(event_id=name) for name in names(n, prefix)]


async def drain(spool: Spool, max_rows: int = 3) -> list[str]:
    found: list[str] = []
    while batch := await spool.read(max_rows):
        found += [event.event_id for event in batch]
        await spool.commit()
    return found


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_line_gives_back_its_event_and_is_an_object_that_names_its_type(event):
    line = encode_line(event)
    assert decode_line(line) == event
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(line)["event"] == type(event).__name__


def test_a_line_of_another_version_still_reads():
    known = msgspec.json.decode(encode_line(EVENTS[0]))
    assert decode_line(msgspec.json.encode(known | {"added_later": 1})) == EVENTS[0]
    del known["duration_s"]
    assert decode_line(msgspec.json.encode(known)).duration_s is None


def test_lone_surrogates_are_replaced():
    assert decode_line(encode_line(invocation(username="a\ud800"))).username == "a\N{REPLACEMENT CHARACTER}"


async def test_what_was_kept_is_read_oldest_first_and_gone_once_committed(folder, clock):
    spool = make_spool(folder, clock)
    assert await spool.add(invocations(5)) == 5
    clock.jump_wall(-3600)
    assert await spool.add(EVENTS) == 4
    assert (spool.rows, len(segments(folder))) == (9, 2)
    assert spool.size_bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert await drain(spool) == names(5) + [event.event_id for event in EVENTS]
    assert (spool.rows, spool.size_bytes, spool.has_more) == (0, 0, False)
    assert not folder.exists()


async def test_the_same_rows_are_read_again_until_they_are_committed(folder, clock):
    spool = make_spool(folder, clock)
    await spool.add(invocations(3))
    assert await spool.read(2) == await spool.read(2)
    assert spool.rows == 3
    await spool.commit()
    assert ([event.event_id for event in await spool.read(2)], spool.rows) == (["e2"], 1)


async def test_another_spool_finds_what_was_left(folder, clock):
    await make_spool(folder, clock).add(invocations(3))
    clock.jump_wall(1)
    await make_spool(folder, clock).add(invocations(2, "later"))
    spool = make_spool(folder, clock)
    assert (spool.rows, spool.has_more) == (0, True)
    await spool.add(invocations(1, "last"))
    assert spool.rows == 6
    assert await drain(spool) == [*names(3), *names(2, "later"), "last0"]


async def test_the_size_is_capped_by_whole_rows(folder, clock):
    spool = make_spool(folder, clock, max_bytes=4 * len(encode_line(invocation(event_id="e0"))))
    assert await spool.add(invocations(3)) == 3
    assert not spool.is_full
    assert await spool.add(invocations(3, "f")) == 1
    assert spool.is_full
    assert await spool.add(invocations(3, "g")) == 0
    assert len(segments(folder)) == 2
    assert await drain(spool) == [*names(3), "f0"]
    assert not spool.is_full


async def test_a_row_that_no_line_can_hold_is_counted_and_costs_no_other(folder, clock):
    spool = make_spool(folder, clock)
    odd = invocation(event_id="odd", details=object())
    assert await spool.add([invocation(event_id="a"), odd, invocation(event_id="b")]) == 3
    assert (spool.rows, spool.lost) == (2, 1)
    assert await drain(spool) == ["a", "b"]


async def test_a_file_that_a_crash_left_gives_its_whole_lines(folder, clock, caplog):
    await make_spool(folder, clock).add(invocations(3))
    (path,) = segments(folder)
    path.rename(path.with_suffix(".tmp"))
    with path.with_suffix(".tmp").open("ab") as file:
        file.write(b'{"event":"Invocation","event_id":"torn"')
    spool = make_spool(folder, clock)
    assert await drain(spool, 2) == names(3)
    assert [(r.levelno, r.message) for r in caplog.records] == [
        (logging.WARNING, f"1 line of {path.with_suffix('.tmp')} can't be read: a crash cut it short")
    ]
    assert (spool.rows, spool.lost) == (0, 0)
    assert not folder.exists()


async def test_an_empty_file_that_a_crash_left_is_removed(folder, clock):
    await make_spool(folder, clock).add(invocations(3))
    (path,) = segments(folder)
    path.rename(path.with_suffix(".tmp"))
    path.with_suffix(".tmp").write_bytes(b"")
    assert await drain(make_spool(folder, clock)) == []
    assert not folder.exists()


async def test_lines_that_can_not_be_read_are_set_aside_counted_and_told_once(folder, clock, caplog):
    await make_spool(folder, clock).add(invocations(4))
    await make_spool(folder, clock).add(invocations(2, "other"))
    path = next(path for path in segments(folder) if b'"e0"' in path.read_bytes())
    lines = path.read_bytes().splitlines(keepends=True)
    garbage = [b"\0\xff garbage\n", b'{"event":"Nobody"}\n', b"[1]\n"]
    path.write_bytes(b"".join([garbage[0], lines[0], garbage[1], *lines[1:3], garbage[2], lines[3][:20]]))
    spool = make_spool(folder, clock)
    assert await spool.read(2) == await spool.read(2)
    assert sorted(await drain(spool, 2)) == ["e0", "e1", "e2", "other0", "other1"]
    bad = path.with_name(path.name + ".bad")
    assert bad.read_bytes() == b"".join([*garbage, lines[3][:20], b"\n"])
    assert (spool.lost, spool.rows, spool.size_bytes) == (4, 0, bad.stat().st_size)
    assert [r.message for r in caplog.records] == [
        f"4 lines of {path} can't be read and are kept in a file ending in .bad"
    ]
    assert list(folder.iterdir()) == [bad]
    again = make_spool(folder, clock)
    assert (await drain(again), again.size_bytes, again.lost) == ([], bad.stat().st_size, 0)


async def test_files_of_others_are_left_alone(folder, clock):
    folder.mkdir()
    others = ["main.jsonl", "notes.txt", "main.20260105T120000000000-000001-0123abcd-3.jsonl.gz", ".tmp"]
    for name in others:
        (folder / name).write_text("not ours")
    await make_spool(folder, clock, instance="main.20260105T120000000000-000001-0123abcd-3").add(invocations(1))
    spool = make_spool(folder, clock)
    assert await drain(spool) == []
    assert len(list(folder.iterdir())) == len(others) + 1


@pytest.mark.parametrize("failing", ["_write_new", "_sync_folder"])
async def test_a_disk_that_fails_leaves_nothing_half_done(folder, clock, monkeypatch, failing):
    spool = make_spool(folder, clock)
    with monkeypatch.context() as patched:
        calls = iter([None])

        def fail(*_args: object) -> None:
            if failing == "_sync_folder" and next(calls, False) is None:
                return  # that of the folder above
            raise OSError(28, "No space left on device")

        patched.setattr(segments_module, failing, fail)
        with pytest.raises(OSError, match="No space left"):
            await spool.add(invocations(3))
    assert (spool.rows, spool.size_bytes, folder.exists()) == (0, 0, False)
    assert await spool.add(invocations(3)) == 3
    assert await drain(spool) == names(3)


async def test_a_file_that_is_gone_meanwhile_was_replayed_by_another(folder, clock):
    spool, other = make_spool(folder, clock), make_spool(folder, clock)
    await spool.add(invocations(3))
    assert await drain(other) == names(3)
    assert await drain(spool) == []
    assert (spool.rows, spool.size_bytes) == (0, 0)


async def test_a_file_that_can_not_be_removed_is_not_replayed_for_ever(folder, clock, monkeypatch):
    spool = make_spool(folder, clock)
    await spool.add(invocations(3))
    (path,) = segments(folder)

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError("no")

    with monkeypatch.context() as patched:
        patched.setattr(type(path), "unlink", refuse)
        await spool.read(10)
        with pytest.raises(PermissionError):
            await spool.commit()
    assert (spool.has_more, spool.rows) == (False, 0)
    assert await drain(make_spool(folder, clock)) == names(3)


async def test_the_name_of_an_instance_makes_a_file_name_anywhere(tmp_path, clock):
    for n, instance in enumerate(("../up", "a/b", "a\\b", "a:b", "ä" * 64, "🎵" * 64, ".", "*")):
        spool = make_spool(tmp_path / str(n), clock, instance=instance)
        await spool.add(invocations(1))
        assert len(segments(tmp_path / str(n))) == 1
        assert await drain(make_spool(tmp_path / str(n), clock, instance=instance)) == ["e0"]
