"""The SQLite file goes away, is replaced or is damaged: what is recorded from then on is in a sound file."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from botmon_cog.domain.health import WARNING
from botmon_cog.runtime import MonitoringSystem
from tests.faults import Load, drained, ids, make_system, nothing_left, open_files, stored

ROWS = 300
RESTS = ("-wal", "-shm")


async def write_other(path: Path) -> None:
    """A database of ours with rows of its own, larger than the one in use."""
    async with make_system(path) as system:
        Load(system, "other").record(3 * ROWS)


def remove(path: Path, *, rests: bool) -> None:
    path.unlink()
    for rest in RESTS if rests else ():
        Path(f"{path}{rest}").unlink()


def replace_by(path: Path, other: Path, *, rests: bool) -> None:
    remove(path, rests=rests)
    other.rename(path)


def delete(path: Path, other: Path, *, rests: bool) -> None:
    remove(path, rests=rests)


def replace_by_empty(path: Path, other: Path, *, rests: bool) -> None:
    remove(path, rests=rests)
    path.touch()


def remove_folder(path: Path, other: Path, *, rests: bool) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("befall", "rests", "is_checkpointed"),
    [
        (delete, True, True),
        (delete, False, False),
        (replace_by, True, True),
        (replace_by, False, True),
        (replace_by, False, False),
        (replace_by_empty, True, False),
        (replace_by_empty, False, True),
        (remove_folder, True, True),
    ],
)
async def test_a_file_that_is_taken_away_is_begun_anew(tmp_path, befall, rests, is_checkpointed):
    """`rests`: whether its log and index go too. `is_checkpointed`: whether most of it is in the file itself."""
    path, other = tmp_path / "data" / "bot.db", tmp_path / "other.db"
    await write_other(other)
    async with nothing_left(tmp_path):
        async with make_system(path) as system:
            load = Load(system)
            for _ in range(2):
                load.record(ROWS)
                await system.flush()
                if is_checkpointed:
                    await asyncio.to_thread(checkpoint, path)
                    load.record(5)
                    await system.flush()
            before = load.made
            befall(path, other, rests=rests)
            load.record(ROWS)
            await system.flush()
            load.record(ROWS)
            await system.flush()
            monitor = system.health.check_monitor()
            assert (monitor.status, monitor.dropped) == (WARNING, 0)
            assert "deleted or replaced" in (monitor.reason or "")
            assert len(open_files(tmp_path)) <= 6  # a database, its log and its index, for two connections
        found = await stored(path)
    kept = ids(range(1, 3 * ROWS + 1), "other") if befall is replace_by else set()
    assert found == kept | ids(range(before + 1, load.made + 1))


def checkpoint(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def overwrite_pages(path: Path) -> None:
    """All but the first."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(1).randbytes(size - 4096))


def overwrite_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(random.Random(2).randbytes(4096))


def overwrite_all(path: Path) -> None:
    path.write_bytes(random.Random(3).randbytes(path.stat().st_size))


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def cut_off(path: Path) -> None:
    os.truncate(path, 4096)


DAMAGES = [overwrite_pages, overwrite_header, overwrite_all, cut_in_half, cut_off]


def check_kept(folder: Path, caplog: pytest.LogCaptureFixture, system: MonitoringSystem) -> Path:
    """The damaged file, which everybody was told of."""
    (kept,) = [path for path in folder.glob("bot.db.damaged-*Z") if not str(path).endswith(RESTS)]
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert str(kept) in told
    monitor = system.health.check_monitor()
    assert (monitor.status, monitor.dropped) == (WARNING, 0)
    assert str(kept) in (monitor.reason or "")
    return kept


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_file_damaged_while_in_use_is_kept_and_a_new_one_begun(tmp_path, caplog, damage):
    path = tmp_path / "bot.db"
    async with nothing_left(tmp_path):
        async with make_system(path) as system:
            load = Load(system)
            load.record(ROWS)
            await system.flush()
            await asyncio.to_thread(checkpoint, path)
            damage(path)
            for _ in range(100):
                load.record(ROWS)
                await system.flush()
                await drained(system)
                if system.storage.trouble:
                    break
            noticed = load.made
            load.record(ROWS)
            await system.flush()
            check_kept(tmp_path, caplog, system)
        found = await stored(path)
    first = load.made - len(found) + 1
    assert found == ids(range(first, load.made + 1))
    assert first <= noticed - ROWS + 1


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_file_that_is_damaged_at_the_start_is_kept_and_a_new_one_begun(tmp_path, caplog, damage):
    path = tmp_path / "bot.db"
    await write_other(path)
    damage(path)
    damaged = path.read_bytes()
    async with nothing_left(tmp_path):
        async with make_system(path) as system:
            load = Load(system)
            for _ in range(3):
                load.record(ROWS)
                await system.flush()
            assert check_kept(tmp_path, caplog, system).stat().st_size >= len(damaged)
        found = await stored(path)
    assert found == load.ids


async def test_a_file_that_is_renamed_takes_all_that_was_stored_with_it(tmp_path):
    path, moved = tmp_path / "bot.db", tmp_path / "moved.db"
    async with nothing_left(tmp_path):
        async with make_system(path) as system:
            load = Load(system)
            load.record(ROWS)
            await system.flush()
            path.rename(moved)
            load.record(ROWS)
            await system.flush()
        assert await stored(path) == ids(range(ROWS + 1, 2 * ROWS + 1))
        assert await stored(moved) == ids(range(1, ROWS + 1))


def empty(path: Path) -> None:
    os.truncate(path, 0)


def copy_over(path: Path) -> None:
    """As `cp` does it: the file stays the same one, and its log is no longer its own."""
    path.write_bytes((path.parent / "other.db").read_bytes())


@pytest.mark.parametrize("befall", [empty, copy_over])
async def test_what_is_written_over_in_place_ends_in_a_sound_file(
    tmp_path: Path, befall: Callable[[Path], None]
) -> None:
    path = tmp_path / "bot.db"
    await write_other(tmp_path / "other.db")
    async with nothing_left(tmp_path):
        async with make_system(path) as system:
            load = Load(system)
            load.record(ROWS)
            await system.flush()
            await asyncio.to_thread(checkpoint, path)
            befall(path)
            load.record(ROWS)
            await system.flush()
            await drained(system)
            before = load.made
            load.record(ROWS)
            await system.flush()
            await drained(system)
            assert system.writer.dropped == 0
        found = await stored(path)
    assert ids(range(before + 1, load.made + 1)) <= found
