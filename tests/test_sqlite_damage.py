"""A store's file that is damaged, deleted or replaced: it is kept, a new one is begun, and both are said."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from botmon_cog.errors import NotOursError, StorageError
from botmon_cog.store.schema import ALL_TABLES
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.sqlite.file import identity, set_aside
from tests.child import Child, Talk
from tests.engines import Storage
from tests.sqlite_faults import names_in
from tests.storage_helpers import NOON, count_of, invocation, rows, threads

PAGE = 4096
OURS = frozenset({"runs"})


def new(path: Path, **options: object) -> Storage:
    return Storage(SqliteEngine(str(path), **options))  # pyright: ignore[reportArgumentType]


async def fill(path: Path, n: int = 300) -> None:
    storage = new(path)
    await storage.write([invocation(details="x" * 200) for _ in range(n)])
    await storage.close()


def filled(path: Path, n: int = 300) -> Path:
    """A store with some rows, closed."""
    asyncio.run(fill(path, n))
    return path


def overwrite(path: Path, table: str) -> bytes:
    """Damage the first page of a table; returns what is in the file then."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ((page,),) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchall()
        assert page > 1
    with path.open("r+b") as file:
        file.seek(24)
        file.write(b"\x7f" * 4)  # the change counter, so that nobody trusts what they have read before
        file.seek((page - 1) * PAGE)
        file.write(b"\xa5" * PAGE)
    return path.read_bytes()


def spoil_all_pages(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:PAGE] + random.Random(1).randbytes(len(content) - PAGE))


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)


def cut_off(path: Path) -> None:
    os.truncate(path, PAGE)


def spoil_header(path: Path) -> None:
    path.write_bytes(random.Random(2).randbytes(PAGE) + path.read_bytes()[PAGE:])


def kept_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if ".damaged-" in path.name)


def criticals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]


# -- damaged -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [table.name for table in ALL_TABLES if table.name != "marks"])
def test_set_aside_needs_no_more_than_the_names_of_the_tables(tmp_path: Path, table: str) -> None:
    path = filled(tmp_path / "bot.db", 10)
    damaged = overwrite(path, table)
    kept = set_aside(path, NOON, frozenset(t.name for t in ALL_TABLES) | {"audit_logs", "bot_stats"})
    assert kept == tmp_path / "bot.db.damaged-20260105T120000Z"
    assert kept.read_bytes() == damaged
    assert list(tmp_path.iterdir()) == [kept]


async def test_damage_found_by_a_write_costs_that_write_and_a_new_file_is_begun(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    damaged = overwrite(path, "invocations")
    storage = new(path)
    await storage.open()
    assert storage.engine.trouble is None
    with pytest.raises(StorageError, match="malformed"):
        await storage.write([invocation()])
    (kept,) = kept_in(tmp_path)
    assert kept.read_bytes() == damaged
    assert storage.engine.trouble == f"the database was damaged, a new one was begun: kept as {kept}"
    (message,) = criticals(caplog)
    assert str(kept) in message
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    await storage.close()
    assert threads() == []
    again = new(path)
    assert await count_of(again) == 1
    assert again.engine.trouble is None
    await again.close()
    assert kept_in(tmp_path) == [kept]
    assert oct(path.stat().st_mode & 0o777) == "0o600"


async def test_damage_found_by_a_reader_is_healed_too(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    overwrite(path, "rollups")
    storage = new(path)
    with pytest.raises(StorageError, match="malformed"):
        await count_of(storage)
    assert await count_of(storage) == 0
    assert len(kept_in(tmp_path)) == 1
    await storage.close()


async def test_damage_found_at_the_opening_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    overwrite(path, "marks")
    storage = new(path, application_id=lambda: 1)
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    assert len(kept_in(tmp_path)) == len(criticals(caplog)) == 1
    assert storage.engine.trouble is not None
    await storage.close()


async def test_damage_that_comes_while_the_file_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    storage = new(path)
    assert await count_of(storage) == 300
    overwrite(path, "invocations")
    with pytest.raises(StorageError, match="malformed"):
        await storage.write([invocation()])
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    assert len(kept_in(tmp_path)) == 1
    await storage.close()


async def test_many_tasks_that_find_the_damage_at_once_set_one_file_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    overwrite(path, "invocations")
    storage = new(path)
    work = [count_of(storage), storage.write([invocation()]), storage.ping(), count_of(storage), storage.open()]
    results = await asyncio.gather(*work, return_exceptions=True)
    assert [r for r in results if isinstance(r, BaseException) and not isinstance(r, StorageError)] == []
    assert len(kept_in(tmp_path)) == len(criticals(caplog)) == 1
    await storage.write([invocation()])
    assert await count_of(storage) >= 1
    await storage.close()


@pytest.mark.parametrize("spoil", [spoil_all_pages, cut_in_half, cut_off])
async def test_file_that_does_not_tell_what_is_in_it_stays(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    spoil(path)
    damaged = path.read_bytes()
    storage = new(path, application_id=lambda: 1)
    for _ in range(2):
        with pytest.raises(StorageError, match=r"what is in it can't be told; move it away, and a new one is begun"):
            await storage.write([invocation()])
    assert path.read_bytes() == damaged
    assert kept_in(tmp_path) == []
    assert storage.engine.trouble is None
    path.rename(tmp_path / "moved away")
    for name in names_in(tmp_path):
        if name.startswith("bot.db-"):
            (tmp_path / name).unlink()
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    await storage.close()


async def test_file_with_a_foreign_table_stays(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE warnings (user_id INTEGER)")
    damaged = overwrite(path, "invocations")
    storage = new(path)
    with pytest.raises(StorageError, match=r"holds what is not botmon's \(warnings\); rescue that, then move it away"):
        await storage.write([invocation()])
    await storage.close()
    assert path.read_bytes() == damaged
    assert names_in(tmp_path) == ["bot.db"]


async def test_foreign_table_that_only_the_log_holds_keeps_the_file_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    overwrite(path, "invocations")
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE warnings (user_id INTEGER)")
        storage = new(path)
        with pytest.raises(StorageError, match=r"not botmon's \(warnings\)"):
            await storage.write([invocation()])
        await storage.close()
        assert other.execute("SELECT COUNT(*) FROM warnings").fetchone() == (0,)
    assert kept_in(tmp_path) == []


async def test_header_without_our_mark_is_not_ours_any_more(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    storage = new(path)
    assert await count_of(storage) == 300
    spoil_header(path)
    damaged = path.read_bytes()
    await storage.close()
    for _ in range(2):
        with pytest.raises(NotOursError, match="is no SQLite database, or an encrypted one"):
            await storage.write([invocation()])
    assert path.read_bytes() == damaged
    assert kept_in(tmp_path) == []


async def test_what_only_looks_leaves_a_damaged_file_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await fill(path)
    damaged = overwrite(path, "invocations")
    storage = new(path, is_healing=False)
    with pytest.raises(StorageError, match="malformed"):
        await storage.write([invocation()])
    await storage.close()
    assert path.read_bytes() == damaged
    assert kept_in(tmp_path) == []


def test_helpers_are_kept_with_the_file(tmp_path: Path) -> None:
    path = filled(tmp_path / "bot.db")
    overwrite(path, "invocations")
    (tmp_path / "bot.db-shm").write_bytes(b"shared")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    kept = set_aside(path, NOON, frozenset(t.name for t in ALL_TABLES) | {"audit_logs", "bot_stats"})
    assert kept is not None
    assert {p.name.replace(kept.name, "bot.db"): p.read_bytes() for p in tmp_path.iterdir()} == before


def test_second_damaged_file_does_not_replace_the_first(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    for n in range(3):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("CREATE TABLE runs (x)")
            db.execute(f"PRAGMA user_version = {n}")
        kept = set_aside(path, NOON, OURS)
        assert kept is not None
        assert rows(kept, "PRAGMA user_version") == [(n,)]
    name = "bot.db.damaged-20260105T120000Z"
    assert [p.name for p in kept_in(tmp_path)] == [name, f"{name}~", f"{name}~~"]


def test_file_that_another_process_has_begun_meanwhile_is_not_set_aside(tmp_path: Path) -> None:
    path = filled(tmp_path / "bot.db", 1)
    damaged = identity(path)
    path.rename(tmp_path / "kept by the other")
    assert set_aside(path, NOON, OURS, damaged) is None
    filled(path, 1)
    assert set_aside(path, NOON, OURS, damaged) is None
    assert kept_in(tmp_path) == []


def test_file_that_another_process_sets_aside_just_now_is_left_to_it(tmp_path: Path) -> None:
    path = filled(tmp_path / "bot.db", 1)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert set_aside(path, NOON, OURS, identity(path)) is None
    assert kept_in(tmp_path) == []


async def use_when_told(talk: Talk, path: str, name: str) -> None:
    storage = Storage(SqliteEngine(path, busy_timeout_s=30), name)
    talk.send("ready")
    await talk.receive()
    written = 0
    for _ in range(20):
        try:
            await storage.append([invocation()])
        except StorageError:
            continue
        written += 1
    await storage.close()
    talk.send([written, storage.engine.trouble])


def test_two_processes_that_find_the_damage_at_once_set_one_file_aside(tmp_path: Path) -> None:
    with Child(use_when_told, tmp_path / "bot.db", "a") as one, Child(use_when_told, tmp_path / "bot.db", "b") as other:
        for child in (one, other):
            assert child.receive() == "ready"
        path = filled(tmp_path / "bot.db")
        damaged = overwrite(path, "invocations")
        for child in (one, other):
            child.send("go")
        told = [child.receive() for child in (one, other)]
    (kept,) = [path for path in kept_in(tmp_path) if not path.name.endswith(("-wal", "-shm"))]
    assert kept.read_bytes() == damaged
    assert rows(path, "SELECT COUNT(*) FROM invocations") == [(told[0][0] + told[1][0],)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert [trouble for _, trouble in told if trouble and str(kept) in trouble]


# -- deleted or replaced -----------------------------------------------------------------------------------------------


def delete(path: Path) -> None:
    path.unlink()


def delete_all(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def put_another_in_its_place(path: Path) -> None:
    delete_all(path)
    move_another_in(path)


def move_another_in(path: Path) -> None:
    other = path.with_name("other.db")
    shutil.copy(path.parent.parent / "spare.db", other)
    other.replace(path)


def delete_with_its_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


GONE = [(delete, 0), (delete_all, 0), (put_another_in_its_place, 7), (move_another_in, 7), (delete_with_its_folder, 0)]


@pytest.mark.parametrize(("happen", "there"), GONE)
@pytest.mark.parametrize("first", ["write", "read", "ping"])
def test_after_a_file_is_gone_the_next_one_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, happen: Callable[[Path], None], there: int, first: str
) -> None:
    filled(tmp_path / "spare.db", 7)
    path = tmp_path / "data" / "bot.db"

    async def use() -> str | None:
        storage = new(path)
        await storage.write([invocation() for _ in range(3)])
        assert await count_of(storage) == 3
        happen(path)
        if first == "read":
            assert await storage.rows("SELECT COUNT(*) FROM @invocations") == [(there,)]
        elif first == "ping":
            assert await storage.ping() == path.stat().st_size
        await storage.write([invocation()])
        assert await count_of(storage) == there + 1
        await storage.write([invocation()])
        assert await count_of(storage) == there + 2
        await storage.close()
        return storage.engine.trouble

    assert asyncio.run(use()) == f"the database file was deleted or replaced while in use: {path}"
    assert len(criticals(caplog)) == 1
    assert rows(path, "SELECT COUNT(*) FROM invocations") == [(there + 2,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert names_in(path.parent) == ["bot.db"]
    assert threads() == []


async def test_file_that_is_renamed_takes_along_all_that_was_stored(tmp_path: Path) -> None:
    path, moved = tmp_path / "bot.db", tmp_path / "moved.db"
    storage = new(path)
    await storage.write([invocation() for _ in range(300)])
    path.rename(moved)
    await storage.write([invocation()])
    await storage.close()
    assert rows(moved, "SELECT COUNT(*) FROM invocations") == [(300,)]
    assert rows(path, "SELECT COUNT(*) FROM invocations") == [(1,)]
    assert names_in(tmp_path) == ["bot.db", "moved.db"]


async def test_what_is_not_ours_in_its_place_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    storage = new(path)
    await storage.write([invocation()])
    path.unlink()
    path.write_text("import discord")
    for attempt in (lambda: storage.write([invocation()]), storage.ping):
        with pytest.raises(NotOursError, match="is no SQLite database"):
            await attempt()
    await storage.close()
    assert path.read_text() == "import discord"
    assert names_in(tmp_path) == ["bot.db"]
    assert storage.engine.trouble is not None


async def use_until_told(talk: Talk, path: str) -> None:
    """Each word of the parent's is a row."""
    storage = Storage(SqliteEngine(path, busy_timeout_s=30))
    while (word := await talk.receive()) != "close":
        await storage.append([invocation(command=word)])
        talk.send("written")
    await storage.close()
    talk.send("closed")


@pytest.mark.parametrize("happen", [delete, delete_all])
def test_two_processes_whose_file_is_gone_share_the_next_one(tmp_path: Path, happen: Callable[[Path], None]) -> None:
    path = tmp_path / "bot.db"
    with Child(use_until_told, path) as a, Child(use_until_told, path) as b:
        a.ask("old a")
        b.ask("old b")
        happen(path)
        a.ask("new a")  # b has not noticed yet
        a.ask("newer a")
        b.ask("new b")
        a.ask("newest a")
        assert b.ask("close") == "closed"
        assert a.ask("last a") == "written"
        assert a.ask("close") == "closed"
    found = {name for (name,) in rows(path, "SELECT command FROM audit_logs")}
    assert found == {"new a", "newer a", "new b", "newest a", "last a"}
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert names_in(tmp_path) == ["bot.db"]
