"""How the file of a store is made, what can keep it from that, and what file systems can't do."""

from __future__ import annotations

import asyncio
import errno
import importlib.readers  # noqa: F401 (a child without rights can't import it any more)
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from botmon_cog.config import StorageConfig
from botmon_cog.errors import StorageError
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.sqlite.file import STORE_MARK, inspect
from tests.child import Child, Talk
from tests.harness import make_config
from tests.sqlite_faults import fill, names_in, open_folder, put_in, seen, set_writable, take_out, use
from tests.storage_helpers import rows, threads

connect = sqlite3.connect


# -- places where nothing can be made ----------------------------------------------------------------------------------


async def unopened(path: Path | str, message: str) -> None:
    engine = SqliteEngine(str(path))
    for _ in range(2):
        with pytest.raises(StorageError, match=message):
            await engine.open()
    await engine.close()
    assert threads() == []


async def test_link_that_leads_to_itself_is_said(tmp_path: Path) -> None:
    (tmp_path / "bot.db").symlink_to("bot.db")
    before = seen(tmp_path)
    await unopened(tmp_path / "bot.db", r"can't read .*bot\.db: .*[Ss]ymbolic links")
    assert seen(tmp_path) == before


async def test_path_with_a_nul_is_said() -> None:
    await unopened("bot\0mon.db", r"can't read .*null")


async def test_place_in_proc_is_said() -> None:
    await unopened("/proc/botmon.db", r"can't open the database /proc/botmon\.db: ")


async def use_in_a_child(talk: Talk, path: str) -> None:
    while await talk.receive() == "open":
        engine = SqliteEngine(path)
        try:
            await engine.open()
        except StorageError as error:
            talk.send(str(error))
        else:
            await use(path)
            talk.send("opened")
        await engine.close()


def test_read_only_folder_is_said_and_tried_again() -> None:
    with open_folder() as folder:
        set_writable(folder, writable=False)
        with Child(use_in_a_child, folder / "bot.db", unprivileged=True) as child:
            said = child.ask("open")
            assert f"can't open the database {folder / 'bot.db'}: " in said
            assert "Permission denied" in said
            assert list(folder.iterdir()) == []
            set_writable(folder, writable=True)
            assert child.ask("open") == "opened"


async def use_on_a_full_disk(talk: Talk, folder: str) -> None:
    ballast = fill(folder, 20_000)
    engine = SqliteEngine(f"{folder}/data/bot.db")
    try:
        await engine.open()
    except StorageError as error:
        talk.send([str(error), [path.name for path in (Path(folder) / "data").iterdir()]])
    else:
        talk.send("opened")
    ballast.unlink()
    await use(f"{folder}/data/bot.db")
    talk.send("opened")
    await talk.receive()


def test_disk_that_is_full_at_the_start_leaves_nothing_half_made(tmp_path: Path) -> None:
    with Child(use_on_a_full_disk, tmp_path, disk=(tmp_path, 600_000)) as child:
        if child.disk == "limit":
            pytest.skip("needs a small disk")
        message, left = child.receive()
        assert f"can't open the database {tmp_path}/data/bot.db: database or disk is full" in message
        assert left == []
        assert child.receive() == "opened"


@pytest.mark.parametrize("log", ["-wal", "-journal"])
async def test_log_without_its_database_is_not_taken_for_ours(tmp_path: Path, log: str) -> None:
    left = tmp_path / f"bot.db{log}"
    left.write_bytes(b"pages of somebody")
    before = seen(tmp_path)
    await unopened(tmp_path / "bot.db", r"is left of a database that is not there any more.*move it away")
    assert seen(tmp_path) == before
    left.unlink()
    await use(tmp_path / "bot.db")


def test_sqlite_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    engine = SqliteEngine(str(tmp_path / "bot.db"))
    with pytest.raises(StorageError, match=r"brings SQLite 3\.34\.1, botmon_cog needs 3\.35\.0 or newer"):
        engine.inspect()
    with pytest.raises(StorageError, match=r"needs 3\.35\.0"):
        asyncio.run(engine.open())
    assert names_in(tmp_path) == []
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 35, 0))
    asyncio.run(use(tmp_path / "bot.db"))


# -- what is ours ------------------------------------------------------------------------------------------------------


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
async def test_folders_and_files_that_we_make_are_private(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(0o755)
    path = tmp_path / "theirs" / "a" / "b" / "bot.db"
    engine = SqliteEngine(str(path))
    await engine.write(put_in())
    await engine.read(take_out())
    assert mode(tmp_path / "theirs") == "0o755"
    assert mode(path.parent.parent) == mode(path.parent) == "0o700"
    assert {p.name: mode(p) for p in path.parent.iterdir()} == dict.fromkeys(
        ["bot.db", "bot.db-shm", "bot.db-wal"], "0o600"
    )
    await engine.close()
    assert names_in(path.parent) == ["bot.db"]
    assert inspect(path) == (1, None)
    assert rows(path, "PRAGMA application_id") == [(STORE_MARK,)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert rows(path, "PRAGMA auto_vacuum") == [(2,)]


async def test_mode_that_the_host_has_given_stays(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await use(path)
    path.chmod(0o664)
    engine = SqliteEngine(str(path))
    await engine.open()
    await engine.close()
    assert mode(path) == "0o664"


async def test_link_to_ours_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "bot.db"
    await use(tmp_path / "disk" / "store.db")
    link.symlink_to(Path("disk") / "store.db")
    engine = SqliteEngine(str(link))
    assert await engine.read(take_out()) == ["1"]
    await engine.write(put_in("2"))
    assert engine.path == tmp_path / "disk" / "store.db"
    assert names_in(tmp_path) == ["bot.db", "disk"]
    await engine.close()
    assert link.is_symlink()


async def test_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to("disk")
    await use(tmp_path / "data" / "bot.db")
    assert names_in(tmp_path / "disk") == ["bot.db"]


async def test_home_and_variables_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", "data")
    before = dict(os.environ)
    engine = await use("~/$PLACE/${PLACE}.db")
    assert engine.path == tmp_path / "data" / "data.db"
    assert engine.description == str(tmp_path / "data" / "data.db")
    system = MonitoringSystem(make_config("sqlite:///~/$PLACE/other.db"))
    await system.start()
    await system.close()
    assert (tmp_path / "data" / "other.db").is_file()
    assert os.environ == before


async def test_names_that_urls_write_differently_are_taken_as_they_are(tmp_path: Path) -> None:
    for name in ("a b.db", "what?.db", "50%20.db", "#1.db", "ü.db", ":memory:.db"):
        engine = await use(tmp_path / name)
        assert engine.path == tmp_path / name
        await use_again(tmp_path / name)
    assert len(names_in(tmp_path)) == 6


async def use_again(path: Path) -> None:
    engine = SqliteEngine(str(path))
    assert await engine.read(take_out()) == ["1"]
    await engine.close()


def test_relative_path_is_looked_up_when_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = SqliteEngine(StorageConfig().url)
    monkeypatch.chdir(tmp_path)
    asyncio.run(engine.open())
    asyncio.run(engine.close())
    assert (tmp_path / "data" / "botmon.db").is_file()


# -- file systems that can't do everything -----------------------------------------------------------------------------


@contextmanager
def on_vfs(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """SQLite reaches files as on a file system that is like that, without shared memory."""

    def connect_to(database: str | Path, *args: Any, uri: bool = False, **kwargs: Any) -> sqlite3.Connection:
        if str(database) == ":memory:":
            return connect(database, *args, **kwargs)
        url = str(database) if uri else Path(database).absolute().as_uri()
        return connect(f"{url}{'&' if '?' in url else '?'}vfs={name}", *args, uri=True, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", connect_to)
        yield


@pytest.mark.parametrize("vfs", ["unix-dotfile", "unix-none"])
async def test_file_system_without_shared_memory_works_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, vfs: str
) -> None:
    path = tmp_path / "data" / "bot.db"
    with on_vfs(monkeypatch, vfs):
        engine = SqliteEngine(str(path))
        for n in range(3):
            await engine.write(put_in(str(n)))
            assert await engine.read(take_out()) == [str(i) for i in range(n + 1)]
            assert await engine.ping() == path.stat().st_size
            await engine.close()
        system = MonitoringSystem(make_config(str(path)))
        await system.start()
        await system.flush()
        await system.close()
    said = [message for message in caplog.messages if "write-ahead" in message]
    assert len(said) == 2, "once an engine"
    assert f"{path} can't use write-ahead logging on this file system (journal mode delete)" in said[0]
    assert engine.trouble is None
    assert not path.with_name("bot.db-wal").exists()


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EMLINK])
async def test_file_system_without_hard_links_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    await use(tmp_path / "bot.db")
    assert names_in(tmp_path) == ["bot.db"]
    assert mode(tmp_path / "bot.db") == "0o600"


async def test_links_that_fail_otherwise_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", refuse)
    await unopened(tmp_path / "bot.db", r"can't open the database .*bot\.db: .*Input/output error")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("has_links", [True, False])
async def test_file_that_another_process_has_made_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    """It comes between the look at the place and the new file."""
    other = tmp_path / "other.db"
    await use(other)
    content, link = other.read_bytes(), os.link

    def come_too_late(new: Path, path: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        other.rename(path)
        if not has_links:
            raise OSError(errno.EPERM, "no links")
        link(new, path)

    monkeypatch.setattr(os, "link", come_too_late)
    engine = SqliteEngine(str(tmp_path / "bot.db"))
    assert await engine.read(take_out()) == ["1"]
    await engine.close()
    assert (tmp_path / "bot.db").read_bytes()[:100] == content[:100]
    assert names_in(tmp_path) == ["bot.db"]


async def open_once(talk: Talk, path: str) -> None:
    talk.send("ready")
    await talk.receive()
    engine = SqliteEngine(path, busy_timeout_s=30)
    await engine.write(put_in(str(os.getpid())))
    await engine.close()
    talk.send(os.getpid())


def test_processes_that_make_the_file_at_once_share_one(tmp_path: Path) -> None:
    path = tmp_path / "data" / "bot.db"
    with Child(open_once, path) as a, Child(open_once, path) as b, Child(open_once, path) as c:
        children = [a, b, c]
        for child in children:
            assert child.receive() == "ready"
        for child in children:
            child.send("go")
        written = sorted(str(child.receive()) for child in children)
    assert rows(path, "SELECT name FROM marks WHERE value = 'x' ORDER BY name") == [(name,) for name in written]
    assert names_in(path.parent) == ["bot.db"]
