"""A spool that a crash left behind, half written or spoilt, is replayed at the next start, each row once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import Load, drained, event, ids, locked, make_system, nothing_left, open_files, stored, until
from tests.writer_helpers import segments

ROWS = 120
GARBAGE = [b"\x00\xff\xfe not a line\n", b'{"event": "invocation"}\n', b"[]\n", b'{"event": "x", "a": 1}\n', b"\n"]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bot.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


async def leave_behind(url: str, folder: Path, runs: int = 2) -> None:
    """Files of rows in a spool: the database was locked, and the process ended."""
    async with make_system(url, spool_folder=str(folder)):
        pass  # it makes the tables
    async with locked(url):
        for run in range(runs):
            system = make_system(url, spool_folder=str(folder), close_timeout_s=0.05)
            await system.start()
            for number in range(run * ROWS + 1, (run + 1) * ROWS + 1):
                system.recorder.record(event(number))
            await system.close()
            assert system.writer.dropped == 0
    assert len(segments(folder)) == runs


async def replay(url: str, folder: Path, lost: int = 0) -> None:
    """The next start, with rows of its own."""
    system = make_system(url, spool_folder=str(folder))
    async with system:
        Load(system, "new").record(ROWS)
        await drained(system)
        assert system.writer.dropped == lost
        monitor = system.health.check_monitor()
        assert (monitor.dropped, monitor.waiting) == (lost, 0)
        assert (monitor.reason is None) == (lost == 0)


async def test_a_file_whose_writing_was_cut_short_is_replayed_as_far_as_it_goes(url, tmp_path):
    folder = tmp_path / "spool"
    async with nothing_left(tmp_path):
        await leave_behind(url, folder)
        last = segments(folder)[-1]
        content = last.read_bytes()
        lines = content.splitlines(keepends=True)
        whole = lines[:50]
        torn = last.with_suffix(".tmp")
        last.rename(torn)
        torn.write_bytes(b"".join(whole) + lines[50][:20])
        await replay(url, folder)
    assert not folder.exists()
    assert await stored(url) == ids(range(1, ROWS + 51)) | ids(range(1, ROWS + 1), "new")


async def test_lines_of_garbage_are_kept_aside_and_all_others_stored(url, tmp_path):
    folder = tmp_path / "spool"
    async with nothing_left(tmp_path):
        await leave_behind(url, folder)
        first = segments(folder)[0]
        lines = first.read_bytes().splitlines(keepends=True)
        for n, line in enumerate(GARBAGE):
            lines.insert(10 * n, line)
        first.write_bytes(b"".join(lines))
        await replay(url, folder, lost=len(GARBAGE))
        (kept,) = folder.iterdir()
        assert kept.name.endswith(".bad")
        assert kept.read_bytes() == b"".join(GARBAGE)
        await replay(url, folder)
    assert await stored(url) == ids(range(1, 2 * ROWS + 1)) | ids(range(1, ROWS + 1), "new")


async def test_a_file_that_can_not_be_read_waits_and_holds_up_no_new_row(url, tmp_path):
    folder = tmp_path / "spool"
    async with nothing_left(tmp_path):
        await leave_behind(url, folder)
        first = segments(folder)[0]
        content = first.read_bytes()
        first.unlink()
        first.mkdir()  # as good as a broken disk, and for root too
        async with make_system(url, spool_folder=str(folder)) as system:
            Load(system, "new").record(ROWS)
            await system.flush()
            await until(lambda: not system.writer.queued and system.writer._spiller.pause_s)
            assert system.writer.dropped == 0
            assert len(open_files(folder)) == 0
            first.rmdir()
            first.write_bytes(content)
            await drained(system)
    assert not folder.exists()
    assert await stored(url) == ids(range(1, 2 * ROWS + 1)) | ids(range(1, ROWS + 1), "new")


async def test_a_file_that_was_replayed_and_not_removed_changes_nothing(url, tmp_path):
    folder = tmp_path / "spool"
    async with nothing_left(tmp_path):
        await leave_behind(url, folder, runs=1)
        (path,) = segments(folder)
        content = path.read_bytes()
        for _ in range(3):
            await replay(url, folder)
            folder.mkdir()
            path.write_bytes(content)
        await replay(url, folder)
    assert await stored(url) == ids(range(1, ROWS + 1)) | ids(range(1, ROWS + 1), "new")
