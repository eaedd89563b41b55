"""A spool that a crash left behind, half written or spoilt, is replayed at the next start, each row once."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from botmon_cog.health.components.monitor import MonitorSample
from tests.faults import (
    Load,
    drained,
    event,
    ids,
    locked,
    make_system,
    nothing_left,
    spooled,
    stored,
    until,
)

ROWS = 120
BATCH = 30
LEFT = ids(range(1, 2 * ROWS + 1))
"""What `leave_behind` leaves."""
NEW = ids(range(1, ROWS + 1), "new")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bot.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


async def leave_behind(url: str, path: Path) -> None:
    """The rows of two runs in a spool: the database was locked, and the processes ended."""
    async with make_system(url, spool=str(path)):
        pass  # it makes the tables
    async with locked(url):
        for first in (1, ROWS + 1):
            system = make_system(url, spool=str(path), close_timeout_s=0.05, batch_max=BATCH)
            await system.start()
            for number in range(first, first + ROWS):
                system.recorder.record(event(number))
            await system.close()
            assert system.writer.dropped == 0
    assert spooled(path) == 2 * ROWS


async def replay(url: str, path: Path, lost: int = 0) -> None:
    """The next start, with rows of its own."""
    async with make_system(url, spool=str(path)) as system:
        Load(system, "new").record(ROWS)
        await drained(system)
        assert system.writer.dropped == lost
        report = await system.health.report()
        monitor = report.sample("monitor", MonitorSample)
        assert (monitor.dropped, monitor.waiting) == (lost, 0)
        assert (report.components["monitor"].problems == ()) == (lost == 0)
    assert spooled(path) == 0


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute(statement).rowcount > 0


async def test_a_change_that_was_cut_short_is_as_if_it_had_not_begun(url, path):
    async with nothing_left(path.parent):
        await leave_behind(url, path)
        whole = path.with_name("whole.db")
        shutil.copy(path, whole)
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA cache_size = 1")  # so that it has reached the file
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE chunks SET payload = randomblob(length(payload))")
            for name in (path.name, f"{path.name}-journal"):
                shutil.copy(path.with_name(name), path.with_name(f"torn-{name}"))
            db.execute("ROLLBACK")
        torn = path.with_name(f"torn-{path.name}")
        assert torn.read_bytes() != whole.read_bytes()
        await replay(url, torn)
    assert await stored(url) == LEFT | NEW


async def test_what_can_not_be_read_is_lost_and_counted_and_all_else_stored(url, path):
    async with nothing_left(path.parent):
        await leave_behind(url, path)
        change(path, "UPDATE chunks SET payload = X'00FF' WHERE run_id = 1 AND first_seq = 31")
        change(path, "UPDATE chunks SET payload = X'9192A6' || payload WHERE run_id = 2 AND first_seq = 1")
        await replay(url, path, lost=2 * BATCH)
    bad = ids(range(31, 31 + BATCH)) | ids(range(ROWS + 1, ROWS + BATCH + 1))
    assert await stored(url) == LEFT - bad | NEW


async def test_a_damaged_file_is_kept_and_holds_up_no_new_row(url, path, caplog):
    async with nothing_left(path.parent):
        await leave_behind(url, path)
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(random.Random(1).randbytes(path.stat().st_size - 4096))
        damaged = path.read_bytes()
        async with make_system(url, spool=str(path), spool_after_s=0.1) as system:
            await drained(system)
            async with locked(url):
                load = Load(system, "new")
                load.record(ROWS)
                await system.flush()
                assert system.writer.spooled == ROWS
            await drained(system)
        (kept,) = [file for file in path.parent.iterdir() if file.name.startswith(f"{path.name}.damaged-")]
        assert kept.read_bytes() == damaged
        assert [r for r in caplog.records if str(kept) in r.getMessage() and "rows are lost" in r.getMessage()]
    assert await stored(url) == NEW


async def test_a_file_that_can_not_be_read_waits_and_holds_up_no_new_row(url, path):
    async with nothing_left(path.parent):
        await leave_behind(url, path)
        kept = path.rename(path.with_name("kept.db"))
        path.symlink_to(path.parent)  # as good as a broken disk, for root too; and there is no moment without a file
        async with make_system(url, spool=str(path)) as system:
            load = Load(system, "new")
            load.record(ROWS)
            await system.flush()
            assert (system.writer.queued, system.writer.dropped) == (0, 0)
            assert system.writer._spool.trouble
            kept.replace(path)
            async with load.running():  # it is looked for again while there is something to do
                await until(lambda: not system.writer._spool.has_more)
            await drained(system)
    assert spooled(path) == 0
    assert await stored(url) == LEFT | load.ids


async def test_what_was_replayed_and_not_removed_changes_nothing(url, path):
    async with nothing_left(path.parent):
        await leave_behind(url, path)
        content = path.read_bytes()
        async with make_system(url, spool=str(path)) as system:
            await drained(system)
        for _ in range(3):
            path.write_bytes(content)
            assert await stored(url) == LEFT
            async with make_system(url, spool=str(path)) as system:
                await drained(system)
            assert spooled(path) == 0
    assert await stored(url) == LEFT
