"""The faults that tests bring about are the ones they say."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.child import ROOT, Child, ChildError, ChildGoneError, Talk, limit_file_size
from tests.sqlite_faults import fill, open_folder, set_writable, small_disk, write_lock

MEGABYTE = 1_000_000


async def echo(talk: Talk, first: object) -> None:
    talk.send(first)
    print("not for the test")  # noqa: T201
    while (order := await talk.receive()) != "enough":
        talk.send(order)


async def fail(talk: Talk) -> None:
    raise LookupError("as it must")


async def be_somebody(talk: Talk) -> None:
    talk.send([os.getuid(), os.geteuid()])


async def write(talk: Talk, path: str) -> None:
    """A row of ten thousand bytes an order, answered by `written` or by what SQLite says."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=0)
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value)")
    except sqlite3.Error as error:
        talk.send(error.sqlite_errorname)
        return
    with closing(connection):
        talk.send("ready")
        while (order := await talk.receive()) != "enough":
            try:
                if order == "limit":
                    limit_file_size(os.stat(path).st_size)  # noqa: PTH116 - there is nothing to hold up
                    talk.send("limited")
                elif order == "unlimit":
                    limit_file_size(None)
                    talk.send("unlimited")
                else:
                    connection.execute("INSERT INTO kept VALUES (zeroblob(10000))")
                    talk.send("written")
            except sqlite3.Error as error:
                talk.send(error.sqlite_errorname)


async def write_without_end(talk: Talk, path: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE kept (value)")
        number = 0
        while True:
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO kept VALUES (?)", [(number,)] * 10)
            connection.execute("COMMIT")
            number += 1
            talk.send(number)


def _count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute("SELECT count(*) FROM kept").fetchone()[0]


async def test_a_child_answers_returns_fails_and_is_killed():
    with Child(echo, {"a": 1}) as child:
        assert child.receive() == {"a": 1}
        assert child.ask("again") == "again"
        child.send("and again")
        assert await child.answer() == "and again"
        with pytest.raises(TimeoutError):
            child.receive(0.01)
        child.send("enough")
        with pytest.raises(ChildGoneError, match="ended with 0"):
            child.receive()
        assert child.wait() == 0
    with Child(fail) as child:
        with pytest.raises(ChildError, match="LookupError: as it must"):
            child.receive()
        assert child.wait() == 1
    with Child(echo, None) as child:
        child.kill()
        assert child.wait() == -9
        assert not psutil.pid_exists(child.pid)


def _kill_after_its_first_line(program: str) -> str:
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        line = parent.stdout.readline().strip()
        parent.kill()
    return line


def _wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_child_dies_with_the_process_of_the_tests():
    pid = _kill_after_its_first_line(
        "import sys; from tests.child import Child; from tests.test_faults import echo\n"
        "child = Child(echo, 1); print(child.pid, flush=True); sys.stdin.read()"
    )
    _wait_until(lambda: _gone(int(pid)))


def test_a_small_disk_goes_with_the_process_of_the_tests():
    with small_disk(MEGABYTE):
        pass  # or this machine has none
    folder = _kill_after_its_first_line(
        "import sys; from tests.sqlite_faults import small_disk\n"
        "with small_disk(1_000_000) as folder: print(folder, flush=True); sys.stdin.read()"
    )
    _wait_until(lambda: not Path(folder).exists())
    assert folder


def test_an_unprivileged_child_is_not_root():
    with Child(be_somebody, unprivileged=True) as child:
        uid, effective = child.receive()
        assert uid == effective != 0


@pytest.mark.parametrize("exclusive", [False, True])
def test_another_process_holds_the_lock(tmp_path, exclusive):
    path = tmp_path / "locked.db"
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE kept (value)")
        with write_lock(path, exclusive=exclusive) as lock:
            for statement in ("INSERT INTO kept VALUES (1)", *(["SELECT * FROM kept"] if exclusive else [])):
                with pytest.raises(sqlite3.OperationalError, match="database is locked"):
                    connection.execute(statement)
            lock.release()
            connection.execute("INSERT INTO kept VALUES (2)")
        connection.execute("INSERT INTO kept VALUES (3)")
    assert _count(path) == 2


def test_the_disk_of_a_child_fills_up(tmp_path):
    path = tmp_path / "full.db"
    with Child(write, path, disk=(tmp_path, MEGABYTE)) as child:
        assert child.receive() == "ready"
        answers = [child.ask("write") for _ in range(MEGABYTE // 10_000)]
        assert answers[0] == "written"
        assert answers[-1] == ("SQLITE_FULL" if child.disk == "tmpfs" else "SQLITE_IOERR_WRITE")
        if child.disk == "tmpfs":
            assert list(tmp_path.iterdir()) == []


def test_no_file_of_a_child_grows_beyond_its_limit(tmp_path):
    path = tmp_path / "limited.db"
    with Child(write, path) as child:
        assert child.receive() == "ready"
        assert child.ask("write") == "written"
        assert child.ask("limit") == "limited"
        assert child.ask("write") == "SQLITE_IOERR_WRITE"
        assert child.ask("unlimit") == "unlimited"
        assert child.ask("write") == "written"
    assert _count(path) == 2


def test_a_small_disk_is_full_and_has_room_again():
    with small_disk(MEGABYTE) as folder:
        with closing(sqlite3.connect(folder / "full.db", isolation_level=None)) as connection:
            connection.execute("CREATE TABLE kept (value)")
            ballast = fill(folder)
            with pytest.raises(sqlite3.OperationalError, match="database or disk is full"):
                connection.execute("INSERT INTO kept VALUES (zeroblob(10000))")
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                (folder / "more").write_bytes(bytes(5000))
            ballast.unlink()
            (folder / "more").unlink()
            connection.execute("INSERT INTO kept VALUES (zeroblob(10000))")
        assert _count(folder / "full.db") == 1
    assert not folder.exists()


def test_a_read_only_folder_binds_whoever_runs_the_tests():
    with open_folder() as folder:
        set_writable(folder, writable=False)
        with Child(write, folder / "new.db", unprivileged=True) as child:
            assert child.receive() == "SQLITE_CANTOPEN"
        set_writable(folder, writable=True)
        with Child(write, folder / "new.db", unprivileged=True) as child:
            assert child.receive() == "ready"
            assert child.ask("write") == "written"
            set_writable(folder, writable=False)
            assert child.ask("write") != "written"
            set_writable(folder, writable=True)
            assert child.ask("write") == "written"
        set_writable(folder, writable=False)
        with Child(write, folder / "new.db", unprivileged=True) as child:
            child.receive()
            assert child.ask("write") == "SQLITE_READONLY"
    assert not folder.exists()


async def test_a_killed_writer_leaves_whole_transactions(tmp_path):
    path = tmp_path / "killed.db"
    with Child(write_without_end, path) as child:
        written = 0
        while written < 50:
            written = await child.answer()
        child.kill()
    count = await asyncio.to_thread(_count, path)
    assert count >= 500
    assert count % 10 == 0
