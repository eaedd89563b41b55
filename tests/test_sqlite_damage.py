"""A SQLite file that is damaged, deleted or replaced: it is kept, a new one is begun, and both are said."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from botmon_cog.errors import StorageError
from botmon_cog.storage.base import HistoryFilter
from botmon_cog.storage.sqlite import SqliteStorage
from botmon_cog.storage.sqlite.damage import identity, set_aside
from botmon_cog.storage.sqlite.readonly import ReadOnlyStorage
from tests.child import Child, Talk
from tests.engines import all_differences
from tests.storage_helpers import NOON, count_of, invocation, storage_at, threads


def filled(path: Path, n: int = 300) -> Path:
    """A file with some rows, closed."""

    async def fill() -> None:
        storage = storage_at(path)
        await storage.write([invocation(details="x" * 200) for _ in range(n)])
        await storage.close()

    asyncio.run(fill())
    return path


def be_garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 500)


def lack_an_end(path: Path) -> None:
    filled(path)
    path.write_bytes(path.read_bytes()[:10_000])


def have_a_wrong_header(path: Path) -> None:
    filled(path)
    path.write_bytes(b"SQLite format 4\0" + path.read_bytes()[16:])


def have_holes(path: Path) -> None:
    filled(path)
    have_holes_in(path)


def have_holes_in(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = random.Random(1).randbytes(len(content) - 4096)
    path.write_bytes(bytes(content))


def be_short(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\1" * 84)


SPOILT = [be_garbage, lack_an_end, have_a_wrong_header, have_holes, be_short]


def kept_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if ".damaged-" in path.name)


def criticals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_damaged_file_is_kept_and_a_new_one_begun(tmp_path, caplog, spoil):
    path = tmp_path / "botmon.db"
    spoil(path)
    damaged = path.read_bytes()

    async def use() -> SqliteStorage:
        storage = storage_at(path)
        assert storage.trouble is None
        await storage.write([invocation()])
        assert await count_of(storage) == 1
        await storage.write([invocation()])
        assert await count_of(storage) == 2
        assert await all_differences(storage) == []
        await storage.close()
        return storage

    storage = asyncio.run(use())
    (kept,) = kept_in(tmp_path)
    assert kept.read_bytes() == damaged
    assert storage.trouble == f"the database was damaged, a new one was begun: kept as {kept}"
    (message,) = criticals(caplog)
    assert str(kept) in message
    assert not threads()
    caplog.clear()

    async def again() -> None:
        storage = storage_at(path)
        assert await count_of(storage) == 2
        assert storage.trouble is None
        await storage.close()

    asyncio.run(again())
    assert criticals(caplog) == []
    assert kept_in(tmp_path) == [kept]


@pytest.mark.parametrize("verb", ["open", "ping", "history", "write"])
async def test_whichever_verb_finds_the_damage_does_its_work(tmp_path, verb):
    path = tmp_path / "botmon.db"
    be_garbage(path)
    storage = storage_at(path)
    arguments = {"history": [HistoryFilter()], "write": [[invocation()]]}.get(verb, [])
    await getattr(storage, verb)(*arguments)
    assert len(kept_in(tmp_path)) == 1
    assert await count_of(storage) == (verb == "write")
    await storage.close()


def test_what_belongs_to_the_file_is_kept_with_it(tmp_path):
    path = tmp_path / "botmon.db"
    contents = {"botmon.db": b"garbage" * 900, "botmon.db-wal": b"half a log", "botmon.db-shm": b"shared"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    kept = set_aside(str(path), identity(str(path)), NOON)
    assert kept is not None
    assert {p.name.replace(kept.name, "botmon.db"): p.read_bytes() for p in tmp_path.iterdir()} == contents


def test_a_log_that_another_process_still_has_open_is_kept_with_the_file(tmp_path):
    path = tmp_path / "botmon.db"
    filled(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
        assert (tmp_path / "botmon.db-wal").stat().st_size > 0
        have_holes_in(path)

        async def use() -> None:
            storage = storage_at(path)
            await storage.write([invocation()])
            assert await count_of(storage) == 1
            await storage.close()

        asyncio.run(use())
        kept = kept_in(tmp_path)
        assert [p.name.removeprefix(kept[0].name) for p in kept] == ["", "-shm", "-wal"]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT COUNT(*) FROM audit_logs").fetchone() == (1,)


async def test_a_second_damaged_file_does_not_replace_the_first(tmp_path):
    path = tmp_path / "botmon.db"
    for n in range(3):
        path.write_bytes(f"garbage {n} ".encode() * 500)
        kept = set_aside(str(path), identity(str(path)), NOON)
        assert kept is not None
        assert kept.read_bytes().startswith(f"garbage {n}".encode())
    assert [p.name for p in kept_in(tmp_path)] == [
        "botmon.db.damaged-20260105T120000Z",
        "botmon.db.damaged-20260105T120000Z~2",
        "botmon.db.damaged-20260105T120000Z~3",
    ]


def test_a_file_that_another_process_has_begun_meanwhile_is_not_set_aside(tmp_path):
    path = tmp_path / "botmon.db"
    be_garbage(path)
    damaged = identity(str(path))
    path.rename(tmp_path / "kept by the other")
    assert set_aside(str(path), damaged, NOON) is None
    filled(path, 1)
    assert set_aside(str(path), damaged, NOON) is None
    assert kept_in(tmp_path) == []


async def test_damage_that_comes_while_the_file_is_in_use_costs_the_file_and_no_write(tmp_path, caplog):
    path = tmp_path / "botmon.db"
    storage = storage_at(path)
    await storage.write([invocation(details="x" * 200) for _ in range(300)])
    await storage.close()
    assert await count_of(storage) == 300
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(1).randbytes(path.stat().st_size - 4096))
        os.fsync(file.fileno())
    await storage.write([invocation()])
    assert await count_of(storage) == 1
    assert storage.trouble is not None
    assert len(criticals(caplog)) == 1
    await storage.close()


async def test_many_tasks_that_find_the_damage_at_once_set_one_file_aside(tmp_path, caplog):
    path = tmp_path / "botmon.db"
    be_garbage(path)
    storage = storage_at(path)
    work = [storage.write([invocation()]), storage.history(HistoryFilter()), storage.ping()]
    work += [storage.write([invocation()]), storage.open()]
    results = await asyncio.gather(*work, return_exceptions=True)
    assert [r for r in results if isinstance(r, BaseException) and not isinstance(r, StorageError)] == []
    written = sum(results[n] is None for n in (0, 3))
    assert await count_of(storage) == written, "what was acknowledged is there"
    await storage.close()
    assert len(kept_in(tmp_path)) == len(criticals(caplog)) == 1


async def use_when_told(talk: Talk, path: str, name: str) -> None:
    storage = SqliteStorage(path, instance=name, busy_timeout_s=30)
    talk.send("ready")
    await talk.receive()
    written = 0
    for n in range(20):
        try:
            await storage.write([invocation(event_id=f"{name} {n}")])
        except StorageError:
            continue
        written += 1
    await storage.close()
    talk.send([written, storage.trouble])


@pytest.mark.parametrize("attempt", range(3))
def test_two_processes_that_find_the_damage_at_once_set_one_file_aside(tmp_path, attempt):
    path = tmp_path / "botmon.db"
    have_holes(path)
    damaged = path.read_bytes()
    with Child(use_when_told, path, "a") as one, Child(use_when_told, path, "b") as other:
        for child in (one, other):
            assert child.receive() == "ready"
        for child in (one, other):
            child.send("go")
        told = [child.receive() for child in (one, other)]
    (kept,) = [path for path in kept_in(tmp_path) if not path.name.endswith(("-wal", "-shm"))]
    assert kept.read_bytes() == damaged
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT COUNT(*) FROM audit_logs").fetchone() == (told[0][0] + told[1][0],)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert any(trouble and str(kept) in trouble for _, trouble in told)


def delete(path: Path) -> None:
    path.unlink()


def delete_all(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def put_another_in_its_place(path: Path) -> None:
    delete_all(path)
    other = path.with_name("other.db")
    shutil.copy(path.parent.parent / "spare.db", other)
    other.rename(path)


def put_garbage_in_its_place(path: Path) -> None:
    delete_all(path)
    other = path.with_name("other.db")
    be_garbage(other)
    other.rename(path)


def delete_with_its_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("happen", "there"),
    [
        (delete, 0),
        (delete_all, 0),
        (put_another_in_its_place, 7),
        (put_garbage_in_its_place, 0),
        (delete_with_its_folder, 0),
    ],
)
def test_after_a_file_is_gone_the_next_write_goes_to_the_new_one(tmp_path, caplog, happen, there):
    filled(tmp_path / "spare.db", 7)
    path = tmp_path / "data" / "botmon.db"

    async def use() -> str | None:
        storage = storage_at(path)
        await storage.write([invocation() for _ in range(3)])
        assert await count_of(storage) == 3
        await asyncio.to_thread(happen, path)
        await storage.write([invocation()])
        assert await count_of(storage) == there + 1
        await storage.write([invocation()])
        assert await count_of(storage) == there + 2
        assert await all_differences(storage) == []
        await storage.close()
        return storage.trouble

    trouble = asyncio.run(use())
    assert trouble is not None
    assert "was deleted or replaced while in use" in trouble or "damaged" in trouble
    assert [record for record in caplog.records if "deleted or replaced" in record.getMessage()]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT COUNT(*) FROM audit_logs").fetchone() == (there + 2,)
    assert not threads()


async def test_a_reader_finds_out_too(tmp_path):
    path = tmp_path / "botmon.db"
    storage = storage_at(path)
    await storage.write([invocation()])
    path.unlink()
    assert await storage.history(HistoryFilter()) == []
    assert storage.trouble is not None
    await storage.close()


async def test_what_only_looks_at_a_file_leaves_a_damaged_one_where_it_is(tmp_path):
    path = tmp_path / "botmon.db"
    be_garbage(path)
    before = path.read_bytes()
    storage = ReadOnlyStorage(path, instance="test")
    for attempt in (storage.open, storage.ping, lambda: storage.history(HistoryFilter())):
        with pytest.raises(StorageError, match="not a database"):
            await attempt()
    await storage.close()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["botmon.db"]


async def test_damage_that_shows_while_looking_at_a_file_leaves_it_where_it_is(tmp_path):
    path = tmp_path / "botmon.db"
    await asyncio.to_thread(have_holes, path)
    storage = ReadOnlyStorage(path, instance="test")
    with pytest.raises(StorageError, match="malformed"):
        await storage.history(HistoryFilter())
    await storage.close()
    assert kept_in(tmp_path) == []


async def test_what_only_looks_at_a_file_opens_it_with_the_first_verb(tmp_path):
    path = tmp_path / "botmon.db"
    storage = ReadOnlyStorage(path, instance="test")
    with pytest.raises(StorageError, match="there is no database"):
        await storage.history(HistoryFilter())
    assert list(tmp_path.iterdir()) == []
    await asyncio.to_thread(filled, path, 2)
    assert await count_of(storage) == 2
    await storage.close()
