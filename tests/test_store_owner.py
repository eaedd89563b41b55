"""Whose a store is: it belongs to one application, and two bots in one folder end with two files."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from discord.ext import commands

from botmon_cog.config import StorageConfig
from botmon_cog.errors import NotOursError, StorageError
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.script import Execute, Query, Script
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.sqlite.file import inspect
from tests.harness import EXTENSION, cog_of, make_bot, make_config
from tests.sqlite_faults import names_in, seen
from tests.storage_helpers import invocation, rows, threads

A, B = 1001, 2002
DEFAULT = StorageConfig().url


class Login:
    """A bot's id, which is not known before it has logged in."""

    def __init__(self, application_id: int | None = None) -> None:
        self.application_id = application_id

    def __call__(self) -> int | None:
        return self.application_id


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def default_engine(application_id: int | Callable[[], int | None] | None) -> SqliteEngine:
    """As the extension makes it where nothing is configured."""
    login = application_id if callable(application_id) else Login(application_id)
    return SqliteEngine(DEFAULT, application_id=login, may_move=True)


def note(name: str) -> Script[int]:
    return (yield Execute("INSERT INTO @marks (name, value) VALUES (:name, 'x')", {"name": name}))


def notes() -> Script[list[str]]:
    return [name for (name,) in (yield Query("SELECT name FROM @marks WHERE value = 'x' ORDER BY name"))]


def noted(path: str) -> list[str]:
    return [name for (name,) in rows(path, "SELECT name FROM marks WHERE value = 'x' ORDER BY name")]


def owner(path: str) -> str | None:
    header = inspect(Path(path))
    assert header is not None
    return header.owner


def files() -> list[str]:
    return names_in(Path("data"))


async def used(engine: SqliteEngine, name: str) -> None:
    await engine.write(note(name))
    await engine.close()


async def test_owner_is_noted_when_the_file_is_made() -> None:
    engine = default_engine(A)
    await engine.open()
    assert owner("data/botmon.db") == str(A), "without the log"
    await used(engine, "one")
    await used(default_engine(A), "two")
    assert noted("data/botmon.db") == ["one", "two"]
    assert files() == ["botmon.db"]


async def test_default_place_of_another_bot_is_left_to_it_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    await used(default_engine(A), "a")
    before = seen(Path("data"))
    engine = default_engine(B)
    await engine.write(note("b1"))
    assert engine.description == f"data/botmon-{B}.db"
    await engine.write(note("b2"))
    assert await engine.read(notes()) == ["b1", "b2"]
    await engine.close()
    await used(engine, "b3")
    assert {name: state for name, state in seen(Path("data")).items() if name == "botmon.db"} == before
    assert files() == [f"botmon-{B}.db", "botmon.db"]
    assert owner(f"data/botmon-{B}.db") == str(B)
    (said,) = caplog.messages
    assert said == f"data/botmon.db belongs to another bot (application {A}); this one uses data/botmon-{B}.db"
    await used(default_engine(B), "b4")
    assert noted(f"data/botmon-{B}.db") == ["b1", "b2", "b3", "b4"]
    assert noted("data/botmon.db") == ["a"]


async def test_older_store_of_another_bot_is_not_upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    await used(default_engine(A), "a")
    rows("data/botmon.db", "PRAGMA user_version = 99")
    before = seen(Path("data"))
    await used(default_engine(B), "b")  # neither does its newer version matter
    assert {name: state for name, state in seen(Path("data")).items() if name == "botmon.db"} == before


async def test_configured_file_of_another_bot_is_refused() -> None:
    await used(SqliteEngine("shared.db", application_id=Login(A)), "a")
    before = seen(Path())
    engine = SqliteEngine("shared.db", application_id=Login(B))
    for attempt in (engine.open, lambda: engine.write(note("b")), lambda: engine.read(notes())):
        with pytest.raises(NotOursError, match=rf"shared\.db belongs to another bot \(application {A}\); give each"):
            await attempt()
    with pytest.raises(NotOursError):
        engine.inspect()
    system = MonitoringSystem(make_config("shared.db"), application_id=Login(B))
    with pytest.raises(NotOursError):
        await system.start()
    await system.close()
    assert seen(Path()) == before


async def test_own_place_that_a_third_bot_has_is_refused() -> None:
    """A file was renamed by hand: there is no third place to go to."""
    await used(default_engine(A), "a")
    await used(SqliteEngine(f"data/botmon-{B}.db", application_id=Login(3)), "c")
    engine = default_engine(B)
    with pytest.raises(NotOursError, match=rf"data/botmon-{B}\.db belongs to another bot \(application 3\)"):
        await engine.open()


async def test_who_has_no_id_may_use_any_store() -> None:
    await used(default_engine(A), "a")
    await used(SqliteEngine(DEFAULT), "tool")
    assert noted(DEFAULT) == ["a", "tool"]
    assert owner(DEFAULT) == str(A)


async def test_store_is_claimed_before_the_first_row_after_the_login() -> None:
    login = Login()
    engine = default_engine(login)
    await engine.open()
    assert await engine.read(notes()) == []
    assert owner(DEFAULT) is None
    login.application_id = A
    await engine.write(note("a"))
    assert owner(DEFAULT) == str(A), "without the log"
    assert len(threads()) == 2
    await engine.close()
    assert noted(DEFAULT) == ["a"]


@pytest.mark.parametrize("first", ["write", "read", "ping"])
async def test_bots_loaded_before_their_login_end_with_two_files(first: str) -> None:
    logins = Login(), Login()
    a, b = (default_engine(login) for login in logins)
    await asyncio.gather(a.open(), b.open())
    assert files() == ["botmon.db", "botmon.db-shm", "botmon.db-wal"]
    logins[0].application_id, logins[1].application_id = A, B
    await a.write(note("a1"))
    await {"write": lambda: b.write(note("b0")), "read": lambda: b.read(notes()), "ping": b.ping}[first]()
    await asyncio.gather(*(engine.write(note(name)) for engine in (a, b) for name in ("1", "2", "3")))
    for engine, own in ((a, ["1", "2", "3", "a1"]), (b, ["1", "2", "3", *(["b0"] if first == "write" else [])])):
        assert await engine.read(notes()) == own
        await engine.close()
    assert files() == [f"botmon-{B}.db", "botmon.db"]
    assert (owner("data/botmon.db"), owner(f"data/botmon-{B}.db")) == (str(A), str(B))
    assert threads() == []


async def test_login_at_once_in_many_tasks_moves_once(caplog: pytest.LogCaptureFixture) -> None:
    await used(default_engine(A), "a")
    login = Login()
    engine = default_engine(login)
    await engine.open()
    login.application_id = B
    await asyncio.gather(*(engine.write(note(str(n))) for n in range(20)), *(engine.read(notes()) for _ in range(5)))
    assert len(await engine.read(notes())) == 20
    assert len(threads()) == 2
    await engine.close()
    assert noted(DEFAULT) == ["a"]
    assert len(caplog.messages) == 1


async def test_claim_that_finds_the_file_locked_is_tried_again() -> None:
    login = Login()
    engine = SqliteEngine(DEFAULT, application_id=login, busy_timeout_s=0.01)
    await engine.open()
    other = SqliteEngine(DEFAULT)
    login.application_id = A

    def hold() -> Script[None]:
        yield Query("SELECT 1")
        taken.set()
        assert may_end.wait(20)

    taken, may_end = threading.Event(), threading.Event()
    holding = asyncio.create_task(other.write(hold()))
    await asyncio.to_thread(taken.wait, 20)
    with pytest.raises(StorageError, match="locked"):
        await engine.write(note("a"))
    may_end.set()
    await holding
    await engine.write(note("a"))
    await engine.close()
    await other.close()
    assert owner(DEFAULT) == str(A)


async def test_memory_belongs_to_whoever_has_it(tmp_path: Path) -> None:
    login = Login()
    engine = SqliteEngine(":memory:", application_id=login)
    await engine.write(note("before"))
    login.application_id = A
    await engine.write(note("after"))
    assert await engine.read(notes()) == ["after", "before"]
    await engine.close()
    assert names_in(tmp_path) == []


# -- with bots ---------------------------------------------------------------------------------------------------------


def bot_of(application_id: int | None) -> commands.Bot:
    bot = make_bot(application_id=application_id)
    bot.botmon_config = make_config(DEFAULT)
    return bot


async def record(bot: commands.Bot, *names: str) -> None:
    system = cog_of(bot).system
    for name in names:
        system.recorder.record(invocation(command=name))
    await system.flush()


def recorded(path: str) -> set[str]:
    return {name for (name,) in rows(path, "SELECT command FROM audit_logs")}


async def test_two_bots_in_one_process_have_two_systems_and_two_files() -> None:
    a, b = bot_of(A), bot_of(B)
    async with a, b:
        for bot in (a, b):
            await bot.load_extension(EXTENSION)
        assert cog_of(a).system is not cog_of(b).system
        await record(a, "ping", "stats")
        await record(b, "play")
        for bot in (a, b):
            await bot.unload_extension(EXTENSION)
    assert recorded("data/botmon.db") == {"ping", "stats"}
    assert recorded(f"data/botmon-{B}.db") == {"play"}
    assert (owner("data/botmon.db"), owner(f"data/botmon-{B}.db")) == (str(A), str(B))


async def test_two_bots_that_load_before_their_login_end_with_two_files() -> None:
    a, b = bot_of(None), bot_of(None)
    async with a, b:
        for bot in (a, b):
            await bot.load_extension(EXTENSION)
        for bot, id_ in ((a, A), (b, B)):
            bot._connection.application_id = id_  # as the login does
        await record(a, "ping")
        await record(b, "play")
        for bot in (a, b):
            await bot.unload_extension(EXTENSION)
    assert recorded("data/botmon.db") == {"ping"}
    assert recorded(f"data/botmon-{B}.db") == {"play"}


async def test_load_before_the_login_neither_reads_nor_writes_the_store_of_another() -> None:
    async with MonitoringSystem(make_config(DEFAULT), application_id=Login(A)) as system:
        system.recorder.record(invocation(command="ping", started_at=system.clock.now()))
    before = seen(Path("data"))
    b = bot_of(None)
    async with b:
        await b.load_extension(EXTENSION)
        assert cog_of(b).system.recent.totals() == (0, 0)
        b._connection.application_id = B
        await record(b, "play")
        await b.unload_extension(EXTENSION)
    assert recorded(f"data/botmon-{B}.db") == {"play"}
    assert {name: state for name, state in seen(Path("data")).items() if name in before} == before


async def test_nothing_is_set_in_the_environment_or_on_the_bot() -> None:
    bot = bot_of(A)
    async with bot:
        environment, attributes = dict(os.environ), dict(vars(bot))
        await bot.load_extension(EXTENSION)
        await record(bot, "ping")
        loaded: dict[str, Any] = dict(vars(bot))
        await bot.unload_extension(EXTENSION)
        assert os.environ == environment
        assert loaded.keys() == vars(bot).keys() == attributes.keys()
        changed = {name for name, value in attributes.items() if loaded[name] is not value}
        assert changed <= {"_BotBase__cogs", "_BotBase__extensions"}
