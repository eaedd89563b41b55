"""The file of a running system is taken away, or damaged: what is recorded from then on is in a sound one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from botmon_cog.health.words import words_of
from botmon_cog.runtime import MonitoringSystem
from tests.harness import make_config, until
from tests.sqlite_faults import names_in
from tests.storage_helpers import invocation, rows, threads
from tests.test_sqlite_damage import kept_in, overwrite

ROWS = 300


def record(system: MonitoringSystem, prefix: str) -> set[str]:
    names = {f"{prefix}{n}" for n in range(ROWS)}
    for name in sorted(names):
        system.recorder.record(invocation(command=name))
    return names


def stored(path: Path) -> set[str]:
    """The names of all commands in a sound file."""
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    return {name for (name,) in rows(path, "SELECT command FROM audit_logs")}


def checkpoint(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def delete(path: Path) -> None:
    path.unlink()


def delete_all(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("happen", [delete, delete_all, remove_folder])
@pytest.mark.parametrize("is_checkpointed", [True, False])
async def test_file_that_is_taken_away_is_begun_anew(
    tmp_path: Path, happen: Callable[[Path], None], is_checkpointed: bool
) -> None:
    path = tmp_path / "data" / "bot.db"
    async with MonitoringSystem(make_config(str(path))) as system:
        record(system, "before")
        await system.flush()
        if is_checkpointed:
            checkpoint(path)
        happen(path)
        later = record(system, "later")
        await system.flush()
        latest = record(system, "latest")
        await system.flush()
        monitor = (await system.health.report()).components["monitor"]
        assert (monitor.status, monitor.sample.dropped) == ("warning", 0)
        assert "deleted or replaced" in words_of(monitor.problems[0].reason).what
    assert stored(path) == later | latest
    assert threads() == []


async def test_file_damaged_while_in_use_is_kept_and_no_row_after_that_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    async with MonitoringSystem(make_config(str(path))) as system:
        record(system, "before")
        await system.flush()
        overwrite(path, "invocations")
        later = record(system, "later")
        await system.flush()
        (kept,) = kept_in(tmp_path)
        monitor = (await system.health.report()).components["monitor"]
        assert (monitor.status, monitor.sample.dropped) == ("warning", 0)
        assert str(kept) in words_of(monitor.problems[0].reason).what
    assert stored(path) == later
    assert threads() == []


async def test_file_that_can_not_be_set_aside_makes_rows_wait(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    async with MonitoringSystem(make_config(str(path))) as system:
        record(system, "before")
        await system.flush()
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE warnings (user_id INTEGER)")
        overwrite(path, "invocations")
        later = record(system, "later")
        await until(lambda: system.writer.last_error is not None)
        assert system.writer.queued == ROWS
        assert "rescue that, then move it away" in (system.writer.last_error or "")
        for name in names_in(tmp_path):
            if name.startswith("bot.db"):
                (tmp_path / name).rename(tmp_path / f"rescued{name}")
        await system.flush()
    assert stored(path) == later
