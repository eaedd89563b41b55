"""A process that ends without closing anything: it ends at once and in silence, and its rows are there."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.child import ROOT
from tests.sqlite_faults import names_in, write_lock
from tests.storage_helpers import make, rows

LIMIT_S = 60.0

HEAD = """
import asyncio, warnings, gc, os, sys, threading
from botmon_cog import Config
from botmon_cog.config import HealthConfig, LoopConfig, StorageConfig
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.script import Execute, Query
from botmon_cog.store.sqlite.engine import SqliteEngine
from tests.storage_helpers import invocation

path = sys.argv[1]

def system(**storage):
    storage = StorageConfig(**({"url": path} | storage))
    return MonitoringSystem(Config(storage=storage, loop=LoopConfig(watch=False)))

def record(system, *names):
    for name in names:
        system.recorder.record(invocation(command=name))

def put(name):
    yield Execute("INSERT INTO @marks (name, value) VALUES (:name, 'x')", {"name": name})
"""


def run(path: Path, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The end of a process that does this, whose exit code is 0 and which says nothing."""
    done = subprocess.run(
        [sys.executable, *options, "-c", HEAD + textwrap.dedent(code), str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done


def recorded(path: Path) -> list[str]:
    return [name for (name,) in rows(path, "SELECT command FROM audit_logs ORDER BY id")]


def noted(path: Path) -> list[str]:
    return [name for (name,) in rows(path, "SELECT name FROM marks WHERE value = 'x' ORDER BY name")]


STRICT = ("-W", "error::ResourceWarning", "-X", "dev")


@pytest.mark.parametrize("options", [(), STRICT], ids=["plain", "strict"])
@pytest.mark.parametrize("kept_by", ["a global", "nobody", "a cycle"])
def test_engine_that_nobody_closes(tmp_path: Path, options: tuple[str, ...], kept_by: str) -> None:
    path = tmp_path / "bot.db"
    code = f"""
    async def main():
        engine = SqliteEngine(path)
        await engine.write(put("a"))
        def look():
            return (yield Query("PRAGMA user_version"))
        assert await engine.read(look()) == [(1,)]
        if {kept_by == "a global"}:
            globals()["engine"] = engine
        if {kept_by == "a cycle"}:
            engine.cycle = engine

    asyncio.run(main())
    """
    run(path, code, *options)
    assert noted(path) == ["a"]
    if kept_by == "a global":  # one that is collected earlier may be at its end when the process is
        assert names_in(path.parent) == ["bot.db"], "closed at the end all the same"


def test_process_ends_within_an_open_event_loop(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    code = """
    async def main():
        engine = SqliteEngine(path)
        await engine.write(put("a"))
        sys.exit(0)

    asyncio.run(main())
    """
    run(path, code)
    assert noted(path) == ["a"]


def test_process_ends_while_another_one_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    run(path, "asyncio.run(SqliteEngine(path).open())")
    code = """
    async def main():
        engine = SqliteEngine(path, busy_timeout_s=300)
        await engine.open()
        asyncio.create_task(engine.write(put("a")))
        await asyncio.sleep(0)

    asyncio.run(main())
    """
    with write_lock(path):
        run(path, code)
    assert noted(path) == []


def test_two_event_loops_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    code = """
    monitoring = system()

    async def main(*names):
        record(monitoring, *names)
        await monitoring.flush()

    asyncio.run(main("a", "b"))
    asyncio.run(main("c"))
    asyncio.run(monitoring.close())
    assert not [t for t in threading.enumerate() if t.name.startswith("botmon")]
    """
    run(path, code, *STRICT)
    assert recorded(path) == ["a", "b", "c"]
    assert "bot.db-wal" not in names_in(path.parent)


@pytest.mark.parametrize("options", [(), STRICT], ids=["plain", "strict"])
def test_system_that_nobody_closes_keeps_what_was_flushed(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "bot.db"
    code = """
    monitoring = system()

    async def main():
        await monitoring.start()
        record(monitoring, "a", "b")
        await monitoring.flush()

    asyncio.run(main())
    """
    run(path, code, *options)
    assert recorded(path) == ["a", "b"]


@pytest.mark.parametrize("starts", [True, False])
def test_system_that_nobody_closes_keeps_what_was_not_flushed_too(tmp_path: Path, starts: bool) -> None:
    path = tmp_path / "bot.db"
    code = f"""
    async def main():
        monitoring = system(linger_ms=5_000)
        if {starts}:
            await monitoring.start()
        record(monitoring, "a", "b")
        await asyncio.sleep(0)
        record(monitoring, "c")

    asyncio.run(main())
    """
    run(path, code)
    assert recorded(path) == ["a", "b", "c"]


def test_rows_that_the_store_does_not_take_at_the_end_come_with_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    code = """
    async def main():
        monitoring = system(busy_timeout_s=0.1, close_timeout_s=0.5, linger_ms=5_000)
        await monitoring.store.engine.open()
        record(monitoring, "a", "b")
        await asyncio.sleep(0)

    import logging
    logging.disable()
    asyncio.run(main())
    """
    run(path, "asyncio.run(SqliteEngine(path).open())")
    with write_lock(path):
        run(path, code)
    assert recorded(path) == []
    assert "bot.spool.db" in names_in(path.parent)
    code = """
    async def main():
        async with system() as monitoring:
            record(monitoring, "c")
            await monitoring.flush()
            while monitoring.writer.spooled or not monitoring.writer._overflow._spool._is_known:
                await asyncio.sleep(0)

    asyncio.run(main())
    """
    run(path, code)
    assert sorted(recorded(path)) == ["a", "b", "c"]


def test_event_loop_that_is_stopped_and_never_closed(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    code = """
    async def main():
        engine = SqliteEngine(path)
        await engine.write(put("a"))
        globals()["engine"] = engine

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    """
    run(path, code)
    assert noted(path) == ["a"]


def test_process_that_is_refused_ends_too(tmp_path: Path) -> None:
    path = make(tmp_path / "bot.db", "CREATE TABLE t (x)")
    code = """
    from botmon_cog.errors import NotOursError

    async def main():
        monitoring = system()
        try:
            await monitoring.start()
        except NotOursError as error:
            print(error)

    asyncio.run(main())
    """
    assert "is a database of another program" in run(path, code, *STRICT).stdout
    assert names_in(path.parent) == ["bot.db"]


def test_child_that_is_forked_ends_and_leaves_the_parent_its_store(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    code = """
    engine = SqliteEngine(path)
    asyncio.run(engine.write(put("a")))
    warnings.simplefilter("ignore", DeprecationWarning)  # since Python 3.12, of forks beside threads
    child = os.fork()
    if not child:
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    asyncio.run(engine.write(put("b")))
    asyncio.run(engine.close())
    """
    run(path, code)
    assert noted(path) == ["a", "b"]
