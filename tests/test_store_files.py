"""What stands where the store should be: only a file of ours is opened, all else stays as it is, to the last byte."""

from __future__ import annotations

import asyncio
import importlib.readers  # noqa: F401 (a child without rights can't import it any more)
import json
import os
import random
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from botmon_cog.errors import NotOursError, SchemaTooNewError
from botmon_cog.host import Given, given
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.sqlite.engine import SqliteEngine
from tests.child import Child, Talk
from tests.harness import EXTENSION, make_bot, make_config
from tests.sqlite_faults import put_in, seen, take_out, use
from tests.storage_helpers import make, threads

REMEDY = "name a file that is not there yet in [storage] url, such as data/botmon.db"
ANOTHERS = f"is a database of another program, which botmon leaves alone; {REMEDY}"
NO_DATABASE = f"is no SQLite database, or an encrypted one; {REMEDY}"

connect = sqlite3.connect


# -- what is not ours --------------------------------------------------------------------------------------------------


def plain(path: Path) -> None:
    make(path, "CREATE TABLE warnings (user_id INTEGER, reason TEXT)", "INSERT INTO warnings VALUES (1, 'spam')")


def in_wal_mode(path: Path) -> None:
    make(path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)")


def with_another_mark(path: Path) -> None:
    make(path, "PRAGMA application_id = 252006674", "CREATE TABLE t (x)")


def with_our_tables_names(path: Path) -> None:
    """As it comes from the module that this grew out of, and from most bots that moderate."""
    make(path, "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, action TEXT)", "CREATE TABLE bot_stats (x)")


def without_a_table(path: Path) -> None:
    make(path, "PRAGMA user_version = 1")


def damaged(path: Path) -> None:
    make(path, "CREATE TABLE t (x)", *["INSERT INTO t VALUES (randomblob(3000))"] * 30)
    path.write_bytes(path.read_bytes()[:9_000])


def as_json(path: Path) -> None:
    path.write_text(json.dumps({"token": "secret"}))


def as_python(path: Path) -> None:
    path.write_text("import discord\n" * 100)


def as_text(path: Path) -> None:
    path.write_text("x")


def random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(5_000))


def truncated_header(path: Path) -> None:
    plain(path)
    path.write_bytes(path.read_bytes()[:50])


def truncated_store(path: Path) -> None:
    """Even our mark would be in it."""
    asyncio.run(use(path))
    path.write_bytes(path.read_bytes()[:90])


def encrypted(path: Path) -> None:
    path.write_bytes(random.Random(2).randbytes(8 * 4096))


def store_with_another_header(path: Path) -> None:
    asyncio.run(use(path))
    path.write_bytes(b"SQLite format 4\0" + path.read_bytes()[16:])


def empty(path: Path) -> None:
    path.touch(0o640)


def folder(path: Path) -> None:
    path.mkdir()
    plain(path / "inner.db")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    where = Path.cwd()
    os.chdir(path.parent)  # its name may not be long
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(where)


def link_to_anothers(path: Path) -> None:
    plain(path.with_name("host.sqlite"))
    path.symlink_to("host.sqlite")


def link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing.db")


OTHERS: list[tuple[Callable[[Path], None], str]] = [
    (plain, ANOTHERS),
    (in_wal_mode, ANOTHERS),
    (with_another_mark, ANOTHERS),
    (with_our_tables_names, ANOTHERS),
    (without_a_table, ANOTHERS),
    (damaged, ANOTHERS),
    (link_to_anothers, ANOTHERS),
    (as_json, f"is no SQLite database; {REMEDY}"),
    (as_python, NO_DATABASE),
    (as_text, f"is no SQLite database; {REMEDY}"),
    (random_bytes, NO_DATABASE),
    (truncated_header, f"is no SQLite database; {REMEDY}"),
    (truncated_store, f"is no SQLite database; {REMEDY}"),
    (encrypted, NO_DATABASE),
    (store_with_another_header, NO_DATABASE),
    (empty, "is an empty file that botmon did not make; delete it, or name a file"),
    (folder, "is a folder; name a file in it in [storage] url, such as "),
    (fifo, f"is no regular file; {REMEDY}"),
    (unix_socket, f"is no regular file; {REMEDY}"),
    (link_to_nothing, f"is a link to a file that is not there; {REMEDY}"),
]


async def refusal(path: Path) -> str:
    """What is said of a path, by whoever opens it."""
    engine = SqliteEngine(str(path))
    said: set[str] = set()
    for attempt in (engine.open, engine.ping, lambda: engine.write(put_in()), lambda: engine.read(take_out())):
        with pytest.raises(NotOursError) as refused:
            await attempt()
        said.add(str(refused.value))
    await engine.close()
    assert engine.trouble is None
    system = MonitoringSystem(make_config(str(path)))
    with pytest.raises(NotOursError) as refused:
        await system.start()
    await system.close()
    (message,) = said | {str(refused.value)}
    return message


@pytest.mark.parametrize(("put", "message"), OTHERS, ids=[put.__name__ for put, _ in OTHERS])
def test_what_is_not_ours_is_refused_and_stays(
    tmp_path: Path, put: Callable[[Path], None], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "data" / "bot.db"
    path.parent.mkdir(0o750)
    put(path)
    before = seen(tmp_path)
    said = asyncio.run(refusal(path))
    assert seen(tmp_path) == before
    assert said.startswith(f"{path.parent}/")
    assert message in said
    assert caplog.messages == []
    assert threads() == []


@pytest.mark.parametrize("put", [plain, as_json, folder])
async def test_extension_does_not_load_over_what_is_not_ours(tmp_path: Path, put: Callable[[Path], None]) -> None:
    path = tmp_path / "bot.db"
    put(path)
    before = seen(tmp_path)
    bot = make_bot()
    bot.botmon_config = make_config(str(path))
    async with bot:
        with pytest.raises(Exception, match=r"bot\.db is (no|a) ") as failed:
            await bot.load_extension(EXTENSION)
        assert type(failed.value.__cause__).__name__ == "NotOursError"
        assert bot.extensions == {}
    assert seen(tmp_path) == before


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
@pytest.mark.parametrize("is_locked", [True, False])
async def test_database_that_is_in_use_stays_and_so_do_its_locks(tmp_path: Path, mode: str, is_locked: bool) -> None:
    path = tmp_path / "host.db"
    with closing(connect(path, isolation_level=None)) as host:
        host.execute(f"PRAGMA journal_mode = {mode}")
        host.execute("CREATE TABLE t (x)")
        if is_locked:
            host.execute("BEGIN EXCLUSIVE")
            host.execute("INSERT INTO t VALUES (1)")
        before = seen(tmp_path, reads=False)
        assert ANOTHERS in await refusal(path)
        assert given(path).store_url == str(tmp_path / "host.botmon.db")
        assert seen(tmp_path, reads=False) == before
        if is_locked:  # seen by another process: those of one's own one does not notice
            with Child(try_to_write, path) as other:
                assert await other.answer() == "database is locked"


async def try_to_write(talk: Talk, path: str) -> None:
    with closing(connect(path, timeout=0)) as db:
        try:
            db.execute("INSERT INTO t VALUES (2)")
        except sqlite3.OperationalError as error:
            talk.send(str(error))
        else:
            talk.send("written")


def test_database_whose_log_its_writer_left_behind_stays(tmp_path: Path) -> None:
    path = tmp_path / "host.db"
    with Child(leave_a_log, path) as child:
        child.receive()
        child.kill()
    assert path.with_name("host.db-wal").stat().st_size > 0
    before = seen(tmp_path)
    assert ANOTHERS in asyncio.run(refusal(path))
    assert seen(tmp_path) == before


async def leave_a_log(talk: Talk, path: str) -> None:
    db = connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE t (x)")
    talk.send("written")
    await talk.receive()


async def test_read_only_database_stays(tmp_path: Path) -> None:
    path = make(tmp_path / "host.db", "CREATE TABLE t (x)")
    path.chmod(0o444)
    before = seen(tmp_path)
    assert ANOTHERS in await refusal(path)
    assert seen(tmp_path) == before


async def test_newer_store_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await use(path)
    with closing(connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    before = seen(tmp_path)
    engine = SqliteEngine(str(path))
    for attempt in (engine.open(), engine.write(put_in()), MonitoringSystem(make_config(str(path))).start()):
        with pytest.raises(SchemaTooNewError, match=r"schema version 99.*upgrade this one too, or name another"):
            await attempt
    assert seen(tmp_path) == before
    assert engine.trouble is None


async def test_newer_store_is_refused_also_if_its_log_alone_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await use(path)
    with closing(connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
        content = path.read_bytes()
        with pytest.raises(SchemaTooNewError, match="schema version 99"):
            await SqliteEngine(str(path)).open()
        assert path.read_bytes() == content


async def test_path_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text("import discord")
    before = seen(tmp_path)
    assert "bot.py/botmon.db can't be: a part of that path is a file" in await refusal(tmp_path / "bot.py/botmon.db")
    assert seen(tmp_path) == before


def test_host_file_is_not_written_to(tmp_path: Path) -> None:
    """A host that names a file of its own gets the store beside it."""
    host = tmp_path / "host.db"
    plain(host)
    before = seen(tmp_path)
    beside = str(tmp_path / "host.botmon.db")
    assert given(host) == given(f"sqlite:///{host}") == Given(host, beside, is_store=False)
    assert given(tmp_path / "new.db").database == tmp_path / "new.db"
    assert given(":memory:") == Given(None, ":memory:", is_store=True)
    server = "postgresql://user@host/db"
    assert given(server) == Given(None, server, is_store=True)
    assert seen(tmp_path) == before
    asyncio.run(use(beside))
    assert given(beside) == Given(None, beside, is_store=True)
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotOursError, match="is a folder; name a file in it"):
        given(tmp_path / "folder")
    assert {name: state for name, state in seen(tmp_path).items() if name == "host.db"} == before
