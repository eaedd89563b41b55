"""Where the spool is, and what a bot's owner sees of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from botmon_cog import runtime
from botmon_cog.config import Config, StorageConfig
from botmon_cog.domain.health import HEALTHY, WARNING
from botmon_cog.runtime import MonitoringSystem, spool_folder
from tests.storage_helpers import invocation, rows
from tests.writer_helpers import until


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("data/bot.db", "data/bot.db.spool"),
        ("sqlite:////var/lib/bot.db", "/var/lib/bot.db.spool"),
        ("postgresql://bot@host/db", "data/botmon.spool"),
        (":memory:", None),
        ("sqlite://", None),
        (None, None),
    ],
)
def test_the_spool_is_beside_the_database(url, folder):
    assert spool_folder(StorageConfig(), url) == (folder and Path(folder))
    assert spool_folder(StorageConfig(spool_folder="there"), url) == Path("there")
    assert spool_folder(StorageConfig(spool_folder="there", spool_max_mb=0), url) is None


async def test_rows_outlive_a_restart_without_a_database(tmp_path):
    database = tmp_path / "bot.db"
    database.mkdir()  # in the place of the file
    storage = StorageConfig(url=str(database), close_timeout_s=0.05)
    async with MonitoringSystem(Config(storage=storage)) as system:
        for n in range(3):
            system.recorder.record(invocation(event_id=f"e{n}"))
    assert (system.writer.spooled, system.writer.dropped) == (3, 0)
    assert len(list((tmp_path / "bot.db.spool").iterdir())) == 1
    monitor = system.health.check_monitor()
    assert (monitor.status, monitor.reason) == (WARNING, "3 rows wait on disk for the database")
    assert (monitor.waiting, monitor.spooled, monitor.spool_bytes > 0) == (3, 3, True)

    database.rmdir()
    async with MonitoringSystem(Config(storage=storage)) as system:
        writer = system.writer
        await until(lambda: not (tmp_path / "bot.db.spool").exists() and not writer.spooled)
    assert rows(database, "SELECT event_id FROM audit_logs ORDER BY id") == [("e0",), ("e1",), ("e2",)]
    assert system.health.check_monitor().status == HEALTHY


async def test_a_database_that_can_not_be_closed_does_not_keep_the_system_from_closing(monkeypatch):
    monkeypatch.setattr(runtime, "_LONGEST_CLOSE_S", 0.01)
    system = MonitoringSystem(Config(storage=StorageConfig(url=":memory:")))
    await system.start()
    close = system.storage.close

    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(system.storage, "close", hang)
    async with asyncio.timeout(5):
        await system.close()
    await close()
