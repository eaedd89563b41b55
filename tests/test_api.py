"""The old module's interface: in a bot or without one, and never a failure for the caller."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import aiosqlite
import pytest

from botmon_cog import (
    Config,
    ConfigError,
    MonitoringSystem,
    async_timer,
    create_monitoring_system,
    get_health_report,
    get_performance_stats,
    get_statistics_report,
    log_command_execution,
    safe_execute,
)
from botmon_cog.api import forget, newest_system, use
from botmon_cog.config import StorageConfig
from botmon_cog.testing import ManualClock
from tests.storage_helpers import make


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[MonitoringSystem]:
    """At a time that stands still, so that no day ends within a test."""
    config = Config(storage=StorageConfig(url=str(tmp_path / "bot.db")))
    async with MonitoringSystem(config, clock=ManualClock()) as made:
        use(made)
        yield made
    forget(made)


async def test_the_documented_lines_run_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bot = SimpleNamespace()
    guild, user = SimpleNamespace(id=1), SimpleNamespace(id=2)
    monitoring = create_monitoring_system("data/bot.db")
    bot.cmd_logger, bot.perf_monitor, bot.stats_collector, bot.health_check = monitoring
    async with bot.perf_monitor.track_command("play", str(guild.id), str(user.id)):
        ...
    health = await bot.health_check.get_full_health_report()
    if health["overall_status"] == "unhealthy" or health["database"]["status"] != "healthy":
        pytest.fail(str(health))
    stats = await bot.perf_monitor.get_performance_stats(guild.id)
    assert [(c["command"], c["duration"]["n"]) for c in stats["commands"]] == [("play", 1)]
    await monitoring.close()
    forget(monitoring)
    assert (tmp_path / "data" / "bot.db").is_file()


def test_a_script_that_never_closes_ends_by_itself_and_loses_nothing(tmp_path: Path) -> None:
    script = """
        import asyncio
        from botmon_cog import create_monitoring_system, log_command_execution

        async def main():
            logger, *_ = create_monitoring_system("bot.db")
            await log_command_execution(1, "guild", 2, "user", "play", 0.5, True, "first")
            await logger.log_command(1, 2, "skip")

        asyncio.run(main())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, check=True, timeout=60)
    read = "import sqlite3; print(sqlite3.connect('bot.db').execute('SELECT COUNT(*) FROM audit_logs').fetchone()[0])"
    done = subprocess.run([sys.executable, "-c", read], cwd=tmp_path, check=True, timeout=60, capture_output=True)
    assert done.stdout.strip() == b"2"


async def test_helpers_record_and_report(system: MonitoringSystem) -> None:
    assert await log_command_execution(1, "The guild", 2, "someone", "play", 0.5, True, "a detail")
    assert await log_command_execution("1", "The guild", "3", "another", "play", 3.0, False)
    history = await system.command_logger.get_command_history(guild_id=1)
    assert {(h.username, h.success, h.duration_s, h.details) for h in history} == {
        ("someone", True, 0.5, "a detail"),
        ("another", False, 3.0, None),
    }
    performance = await get_performance_stats(1)
    assert performance is not None
    assert performance["duration"]["n"] == 2
    weekly = await get_statistics_report(1, "weekly")
    monthly = await get_statistics_report("1", "monthly")
    assert weekly is not None
    assert monthly is not None
    assert weekly["total_commands"] == monthly["total_commands"] == 2
    assert weekly["unique_users"] == 2
    assert weekly["guild_name"] == "The guild"
    assert await get_statistics_report(2, "weekly") is not None
    assert await get_statistics_report(1, "hourly") is None
    health = await get_health_report()
    assert health is not None
    assert health["overall_status"] in {"healthy", "degraded"}


async def test_helpers_without_a_system_say_so_and_return_their_default(caplog: pytest.LogCaptureFixture) -> None:
    assert newest_system() is None
    assert not await log_command_execution(1, None, 2, None, "play")
    assert await get_performance_stats(1) is None
    assert await get_health_report() is None
    assert await get_statistics_report(1, "weekly") is None
    assert "create_monitoring_system" in caplog.text


async def test_music_is_counted_by_guild(system: MonitoringSystem) -> None:
    statistics = system.statistics
    for duration in (180.4, 200.3):
        assert await statistics.record_song_played(1, duration, user_id=7)
    assert await statistics.record_skip("1")
    assert await statistics.record_pause(1)
    assert await statistics.record_song_played(2, 60)
    assert await statistics.record_command(1, 7, "play")
    daily = await statistics.get_daily_stats(1)
    assert (daily.total_songs, daily.total_skips, daily.total_pauses) == (2, 1, 1)
    assert daily.total_playtime_s == 380  # each song rounded to the second, whatever batch it came in
    assert daily.total_playtime_hours == pytest.approx(380 / 3600)
    assert daily.skip_rate == 0.5
    assert (daily.total_commands, daily.unique_users) == (1, 1)
    assert (await statistics.generate_weekly_report(2)).total_songs == 1
    assert (await statistics.generate_monthly_report(3)).is_empty


async def test_history_filters_and_pages(system: MonitoringSystem) -> None:
    for number in range(10):
        await system.command_logger.log_command(number % 2, 7, f"c{number}", success=number != 4)
    history = system.command_logger.get_command_history
    assert len(await history(guild_id=0)) == 5
    assert [h["command"] for h in await history(success=False)] == ["c4"]
    assert [h.command for h in await history(command="c3", guild_id="1")] == ["c3"]
    assert len(await history(limit=3, offset=8)) == 2
    stats = await system.command_logger.get_command_stats()
    assert (stats["total_commands"], stats["failed_commands"], stats["success_rate"]) == (10, 1, 0.9)


async def test_track_command_decorates_and_passes_errors_and_results(system: MonitoringSystem) -> None:
    @system.performance.track_command("answer")
    async def answer() -> int:
        return 42

    @system.performance.track("voice_connect", guild_id=1)
    async def connect() -> None:
        raise ConnectionError("no voice")

    assert await asyncio.gather(*(answer() for _ in range(25))) == [42] * 25
    with pytest.raises(ConnectionError):
        await connect()
    report = await system.performance.get_performance_stats()
    assert [(c.command, c.duration.n) for c in report.commands] == [("answer", 25)]
    assert [(o.name, o.duration.n, o.failed) for o in report.operations] == [("voice_connect", 1, 1)]
    assert await system.performance.detect_bottlenecks() == []


async def test_bottlenecks_are_ranked_by_how_far_and_how_often(system: MonitoringSystem) -> None:
    async def calls(name: str, quick: int, slow: int, slow_s: float) -> None:
        for duration in [0.1] * quick + [slow_s] * slow:
            await system.command_logger.log_command(1, 2, name, duration=duration)

    await calls("fine", 100, 2, 9.0)
    await calls("rarely a bit", 90, 10, 2.5)
    await calls("rarely far", 90, 10, 9.0)
    await calls("often a bit", 50, 50, 2.5)
    await calls("often far", 50, 50, 9.0)
    await calls("too few to say", 0, 19, 9.0)
    found = await system.performance.detect_bottlenecks()
    assert [(b["name"], b["severity"]) for b in found] == [
        ("often far", "critical"),
        ("often a bit", "high"),
        ("rarely far", "medium"),
        ("rarely a bit", "low"),
    ]
    stored = await system.performance.get_performance_stats()
    assert stored.bottlenecks == tuple(found)  # what is kept in memory and what is stored agree


async def test_async_timer_records_under_its_name(system: MonitoringSystem) -> None:
    @async_timer
    async def bare() -> str:
        return "bare"

    @async_timer(name="named")
    async def named() -> str:
        return "named"

    assert (await bare(), await named()) == ("bare", "named")
    report = await system.performance.get_performance_stats()
    bare_name, named_name = sorted((o.name for o in report.operations), key=len, reverse=True)
    assert bare_name.endswith("test_async_timer_records_under_its_name.<locals>.bare")
    assert named_name == "named"


async def test_safe_execute_returns_its_default_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    @safe_execute(default_return=[])
    async def broken() -> list[int]:
        raise ValueError("for the log")

    @safe_execute()
    def also_broken() -> int:
        raise KeyError("for the log too")

    @safe_execute(default_return=0)
    async def cancelled() -> int:
        raise asyncio.CancelledError

    assert await broken() == []
    assert also_broken() is None
    with pytest.raises(asyncio.CancelledError):
        await cancelled()
    assert "for the log" in caplog.text
    assert "Traceback" in caplog.text


async def test_a_database_that_is_gone_costs_defaults_and_a_count_but_no_exception(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "disk"
    blocked.symlink_to("one that is not mounted")
    system = create_monitoring_system(blocked / "bot.db", config=Config())
    assert await system.command_logger.log_command(1, 2, "play")
    assert await system.command_logger.get_command_history() == []
    assert (await system.command_logger.get_command_stats()).total_commands == 0
    assert (await system.statistics.generate_weekly_report(1)).is_empty
    assert (await system.performance.get_performance_stats(1)).commands == ()
    health = await system.health.get_full_health_report()
    assert (health.overall_status, health.database.status) == ("unhealthy", "error")
    assert health.monitor.failures >= 4
    assert "Traceback" in caplog.text
    await system.writer.close(0.1)
    await system.store.engine.close()
    forget(system)


async def test_file_of_the_host_is_left_alone_and_the_store_lies_beside_it(tmp_path: Path) -> None:
    own = make(tmp_path / "bot.db", "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, action TEXT)")
    before = own.read_bytes()
    async with create_monitoring_system(own, config=Config()) as system:
        assert await system.command_logger.log_command(1, 2, "play")
        assert len(await system.command_logger.get_command_history()) == 1
        forget(system)
    assert own.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bot.botmon.db", "bot.db"]


async def test_open_connection_of_the_host_is_left_alone(tmp_path: Path) -> None:
    configured = Config(storage=StorageConfig(url=str(tmp_path / "store.db")))
    async with aiosqlite.connect(tmp_path / "bot.db") as connection:
        await connection.execute("CREATE TABLE own (x)")
        await connection.commit()
        before = (tmp_path / "bot.db").read_bytes()
        async with create_monitoring_system(connection, config=configured) as system:
            assert await system.command_logger.log_command(1, 2, "play")
            assert len(await system.command_logger.get_command_history()) == 1
        assert (tmp_path / "bot.db").read_bytes() == before
        forget(system)


def test_a_wrong_url_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="mysql"):
        create_monitoring_system("mysql://user:hunter2@host/db", config=Config())
