"""Where the spool is, and what a bot's owner sees of it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from botmon_cog import runtime
from botmon_cog.clock import SystemClock
from botmon_cog.config import Config, StorageConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.making import make_engine
from botmon_cog.store.queue.spool_place import make_spool, spool_path
from tests.writer_helpers import event, names, until


@pytest.mark.parametrize(
    ("url", "application_id", "path"),
    [
        ("data/bot.db", None, "data/bot.spool.db"),
        ("data/bot.db", 42, "data/bot-42.spool.db"),
        ("sqlite:////var/lib/bot.db", None, "/var/lib/bot.spool.db"),
    ],
)
def test_spool_is_beside_the_database_and_names_the_bot(url, application_id, path):
    assert spool_path(StorageConfig(url=url), application_id) == Path(path)
    there = StorageConfig(url=url, spool="there/spool.db")
    assert spool_path(there, application_id) == Path("there/spool.db")


def test_spool_of_a_server_names_server_schema_and_bot():
    found = {
        spool_path(StorageConfig(url=url, postgres_schema=schema), application_id)
        for url in ("postgresql://one/bot", "postgresql://two/bot")
        for schema in ("botmon", "other")
        for application_id in (None, 42)
    }
    assert len(found) == 8
    assert {path.parent for path in found} == {Path("data")}
    assert not any("one" in path.name for path in found)


@pytest.mark.parametrize("storage", [StorageConfig(url=":memory:"), StorageConfig(spool_max_mb=0)])
def test_there_is_none_if_nothing_may_be_left_on_disk(storage):
    config = Config(storage=storage)
    assert make_spool(make_engine(config, SystemClock()), config, SystemClock(), lambda: None) is None


async def test_rows_outlive_a_restart_without_a_database(tmp_path):
    database = tmp_path / "bot.db"
    config = Config(storage=StorageConfig(url=str(database), close_timeout_s=0.05, busy_timeout_s=0.01))
    async with MonitoringSystem(config):
        pass
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with MonitoringSystem(config) as system:
            for name in names(3):
                system.recorder.record(event(name))
        assert (system.writer.spooled, system.writer.dropped) == (3, 0)
        assert (tmp_path / "bot.spool.db").exists()
        monitor = system.health.components["monitor"]
        sample = await monitor.sample()
        assert [found.reason for found in monitor.judge(sample, config.health)] == [Reason.of("monitor.spool", n=3)]
        assert (sample.queued + sample.spooled, sample.spooled, sample.spool_bytes > 0) == (3, 3, True)
    async with MonitoringSystem(config) as system:
        await until(lambda: not system.writer._spool.has_more)
    with closing(sqlite3.connect(database)) as db:
        found = db.execute(
            "SELECT text FROM invocations JOIN labels ON id = command_id ORDER BY run_id, seq"
        ).fetchall()
    assert found == [(name,) for name in names(3)]
    monitor = system.health.components["monitor"]
    assert list(monitor.judge(await monitor.sample(), config.health)) == []


async def test_a_database_that_can_not_be_closed_does_not_keep_the_system_from_closing(monkeypatch):
    monkeypatch.setattr(runtime, "_LONGEST_CLOSE_S", 0.01)
    system = MonitoringSystem(Config(storage=StorageConfig(url=":memory:")))
    await system.start()
    close = system.store.engine.close

    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(system.store.engine, "close", hang)
    async with asyncio.timeout(5):
        await system.close()
    await close()
