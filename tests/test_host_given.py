"""What a host passes as its database."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from unittest.mock import MagicMock

import aiosqlite
import pytest

from botmon_cog.errors import ConfigError, NotOursError
from botmon_cog.host import Given, given, store_beside
from botmon_cog.host.given import _say_in_memory
from tests.engines import Engine
from tests.host_helpers import AFTER, HostDb

given_module = import_module("botmon_cog.host.given")  # the package has a function of that name


@pytest.fixture
def host(tmp_path) -> HostDb:
    return HostDb(tmp_path / "bot.db", AFTER)


@pytest.fixture
async def store(tmp_path) -> Path:
    path = tmp_path / "ours.db"
    async with Engine.of(str(path)).storage() as storage:
        await storage.open()
    return path


def hosts(path: Path) -> Given:
    return Given(path, str(path.with_name(f"{path.stem}.botmon.db")), is_store=False)


class Holder:
    """An object of the host's with one attribute."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


# -- paths and URLs ----------------------------------------------------------------------------------------------------


def test_nothing_is_nothing():
    assert given(None) == Given(None, None, is_store=False)


def test_a_path_is_the_hosts_file_whether_or_not_it_is_there(host, tmp_path):
    for path in (host.path, tmp_path / "new" / "bot.sqlite3"):
        expected = hosts(path)
        assert given(path) == given(str(path)) == given(f"sqlite:///{path}") == expected
    assert not (tmp_path / "new").exists()
    assert given("data/bot.db") == Given(Path("data/bot.db"), "data/bot.botmon.db", is_store=False)
    assert store_beside(Path("data/bot.sqlite3")) == "data/bot.botmon.db"


def test_a_path_may_begin_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WHERE", "there")
    assert given("~/$WHERE/bot.db") == hosts(tmp_path / "there" / "bot.db")


async def test_a_store_of_ours_is_a_store_however_it_is_named(store):
    expected = Given(None, str(store), is_store=True)
    assert given(store) == given(str(store)) == given(Holder(db_path=str(store))) == expected
    with closing(sqlite3.connect(store)) as db:
        assert given(db) == expected


@pytest.mark.parametrize("url", ["postgresql://user@host/db", "postgres://host/db", ":memory:", "sqlite://"])
def test_servers_and_memory_are_stores(url):
    named = ":memory:" if url == "sqlite://" else url
    assert given(url) == Given(None, named, is_store=True)
    assert given(Holder(database=url)) == Given(None, named, is_store=True)


def test_a_file_that_is_no_database_is_the_hosts_all_the_same(tmp_path):
    for name, content in (("empty.db", b""), ("text.db", b"text" * 100)):
        (tmp_path / name).write_bytes(content)
        assert given(tmp_path / name) == hosts(tmp_path / name)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(NotOursError, match="is a folder"):
        given(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotOursError, match="a part of that path is a file"):
        given(tmp_path / "file" / "bot.db")


@pytest.mark.parametrize("url", ["", "  ", "mysql://host/db", "sqlite:bot.db", "a\0b"])
def test_a_url_that_can_not_be_used_is_refused(url):
    with pytest.raises(ConfigError, match="the database"):
        given(url)


# -- connections -------------------------------------------------------------------------------------------------------


def test_an_open_connection_names_its_file(host):
    with closing(host.connect()) as db:
        assert given(db) == hosts(host.path)
        db.row_factory = sqlite3.Row
        db.text_factory = bytes
        assert given(db) == hosts(host.path)
        db.execute("BEGIN IMMEDIATE")
        db.execute("ATTACH ':memory:' AS other")
        assert given(db) == hosts(host.path)
        assert db.in_transaction
    with closing(sqlite3.connect(f"file:{host.path}?mode=ro", uri=True)) as db:
        assert given(db) == hosts(host.path)


def test_a_connection_in_memory_is_no_database_of_the_host_and_is_said_once(caplog):
    caplog.set_level(logging.INFO)
    _say_in_memory.cache_clear()
    with closing(sqlite3.connect(":memory:")) as db:
        assert given(db) == given(db) == Given(None, None, is_store=False)
    assert len([record for record in caplog.records if "in memory" in record.getMessage()]) == 1


def test_a_connection_that_can_not_be_used_is_refused(host):
    db = host.connect()
    db.close()
    with pytest.raises(TypeError, match="closed"):
        given(db)
    made: list[sqlite3.Connection] = []
    thread = threading.Thread(target=lambda: made.append(host.connect(check_same_thread=True)))
    thread.start()
    thread.join()
    with pytest.raises(TypeError, match="thread"):
        given(made[0])


async def test_an_aiosqlite_connection_is_asked_in_its_own_thread(host):
    async with aiosqlite.connect(host.path) as db:
        assert given(db) == hosts(host.path)
        await db.execute("BEGIN IMMEDIATE")
        assert given(db) == hosts(host.path)
    async with aiosqlite.connect(":memory:") as db:
        assert given(db) == Given(None, None, is_store=False)


async def test_an_aiosqlite_connection_that_is_not_open_is_refused(host):
    db = aiosqlite.connect(host.path)
    with pytest.raises(TypeError, match="not open"):
        given(db)
    await db
    await db.close()
    with pytest.raises(TypeError, match="not open"):
        given(db)


async def test_an_aiosqlite_connection_that_says_nothing_is_refused(host, monkeypatch):
    monkeypatch.setattr(given_module, "_ANSWER_S", 0.01)
    release = threading.Event()
    async with aiosqlite.connect(host.path) as db:
        busy = asyncio.create_task(db.create_function("wait", 0, lambda: release.wait(30)))
        await busy
        asking = asyncio.create_task(db.execute("SELECT wait()"))
        await asyncio.sleep(0)
        try:
            with pytest.raises(TypeError, match="busy"):
                given(db)
        finally:
            release.set()
            await asking


# -- objects -----------------------------------------------------------------------------------------------------------


def test_an_object_may_hold_the_path(host):
    for name in ("db_path", "path", "database"):
        assert given(Holder(**{name: host.path})) == given(Holder(**{name: str(host.path)})) == hosts(host.path)


def test_only_a_text_or_a_path_is_a_path(host):
    found = given(Holder(db_path=lambda: "x", path=5, database=str(host.path)))
    assert found == hosts(host.path)

    class Raising:
        @property
        def db_path(self) -> str:
            raise RuntimeError("not now")

        path = str(host.path)

    assert given(Raising()) == hosts(host.path)


class Database:
    """As hosts have it."""

    def __init__(self, path: Path, *, is_shared: bool = False) -> None:
        self._file = path
        self._shared = sqlite3.connect(path) if is_shared else None
        self.opened: list[sqlite3.Connection] = []

    def _get_connection(self) -> sqlite3.Connection:
        self.opened.append(self._shared or sqlite3.connect(self._file))
        return self.opened[-1]


def is_open(db: sqlite3.Connection) -> bool:
    try:
        db.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def test_an_object_that_opens_connections_is_asked_and_they_are_closed(host):
    database = Database(host.path)
    assert given(database) == hosts(host.path)
    assert [is_open(db) for db in database.opened] == [False, False]


def test_a_connection_that_an_object_keeps_stays_open(host):
    database = Database(host.path, is_shared=True)
    assert given(database) == hosts(host.path)
    assert is_open(database.opened[0])
    database.opened[0].close()


def test_the_hosts_own_class_needs_no_connection_to_be_opened(host):
    database = Database(host.path)
    database.db_path = str(host.path)  # pyright: ignore[reportAttributeAccessIssue]
    assert given(database) == hosts(host.path)
    assert database.opened == []


class Failing:
    def _get_connection(self) -> sqlite3.Connection:
        raise RuntimeError("no database today")


class Odd:
    _get_connection = 5


class Asynchronous:
    def _get_connection(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (5, "type int names no database; pass a path, a URL"),
        (True, "type bool names no database"),
        (b"bot.db", "type bytes names no database"),
        (["bot.db"], "type list names no database"),
        (object(), "type object names no database"),
        (Odd(), "type Odd names no database"),
        (MagicMock(), "returns a MagicMock and no sqlite3.Connection"),
        (Failing(), "Failing._get_connection.. failed: RuntimeError: no database today"),
        (Asynchronous(), "returns a generator and no sqlite3.Connection"),
    ],
)
def test_anything_else_is_refused_at_once_in_words(value, why):
    with pytest.raises(TypeError, match=why):
        given(value)


def test_a_file_that_is_locked_is_named_all_the_same(host):
    with closing(host.connect()) as db:
        db.execute("BEGIN EXCLUSIVE")
        assert given(host.path) == hosts(host.path)
