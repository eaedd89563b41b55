"""The script that the original was tested with, in five parts, every number held against what it must be.

It runs on a new store, over a host's own database before and after the old module, and beside the loaded extension.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from botmon_cog import (
    Monitors,
    create_monitoring_system,
    get_health_report,
    get_performance_stats,
    get_statistics_report,
    log_command_execution,
)
from botmon_cog.config import StorageConfig
from botmon_cog.testing import ManualClock
from tests.harness import cog_of, make_bot, make_config, running
from tests.original_helpers import AFTER, BEFORE, MIB, NOON, Database, Memory, make_database, monitors

GUILD, NAME, USER = "123456789", "Test Server", "987654321"
SERVER = "INSERT INTO servers (guild_id, guild_name) VALUES ('123456789', 'Test Server')"
SIX_MORE = ("pause", "resume", "play", "stop", "play", "queue")
SONGS_S = (180, 210, 240, 270, 300)


class Old(NamedTuple):
    """What there was before; the numbers of the script come on top."""

    rows: int = 0
    failed: int = 0
    plays: int = 0
    durations: tuple[float, ...] = ()
    within_the_hour: int = 0
    songs: int = 0
    playtime_s: int = 0
    skips: int = 0
    users_today: int = 0
    commands_today: int = 0
    earlier: tuple[int, int, int, int, int] | None = None
    """Songs, seconds, skips, people and commands of one day of the week before."""


class Scene(NamedTuple):
    """Where the script runs."""

    made: Monitors
    clock: ManualClock
    host: Database | None
    """None: the bot has no database of its own."""
    old: Old


# -- where it runs -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def new_store() -> AsyncIterator[Scene]:
    clock = ManualClock(NOON)
    async with monitors("data/bot.db", clock=clock) as made:
        yield Scene(made, clock, Database(), Old())


@asynccontextmanager
async def in_memory() -> AsyncIterator[Scene]:
    clock = ManualClock(NOON)
    async with monitors(":memory:", clock=clock) as made:
        yield Scene(made, clock, None, Old())


@asynccontextmanager
async def on_postgresql(url: str) -> AsyncIterator[Scene]:
    clock = ManualClock(NOON)
    async with monitors(url, clock=clock) as made:
        yield Scene(made, clock, None, Old())


@asynccontextmanager
async def before_the_old_module() -> AsyncIterator[Scene]:
    clock = ManualClock(NOON)
    host = make_database(Path("data/bot.db"), BEFORE, SERVER)
    async with monitors(host, clock=clock) as made:
        yield Scene(made, clock, host, Old())


@asynccontextmanager
async def after_the_old_module() -> AsyncIterator[Scene]:
    clock = ManualClock(NOON)
    host = make_database(Path("data/bot.db"), AFTER)
    with host._get_connection() as connection:
        connection.execute(SERVER)
        connection.executemany(
            "INSERT INTO audit_logs (guild_id, user_id, command, details, executed_at, username, guild_name, "
            "parameters, duration, success, error_message) VALUES (?, ?, ?, ?, ?, 'Old', ?, ?, ?, ?, ?)",
            [
                (GUILD, USER, command, f"Command: {command} | Success: {bool(success)}",
                 f"{NOON - timedelta(hours=hours):%Y-%m-%d %H:%M:%S}", NAME, parameters, duration, success, message)
                for command, hours, parameters, duration, success, message in (
                    ("play", 0.5, '{"song": "Old"}', 1.5, 1, None),
                    ("skip", 2, None, 0.2, 0, "Nothing is playing"),
                    ("play", 72, None, None, 1, None),
                )
            ],
        )  # fmt: skip
        connection.executemany(
            "INSERT INTO bot_stats (guild_id, date, songs_played, total_playtime, total_skips, unique_users, "
            "commands_executed) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(GUILD, "2026-01-05", 2, 400, 1, 4, 6), (GUILD, "2026-01-02", 1, 100, 0, 1, 2)],
        )
    connection.close()
    old = Old(
        rows=3,
        failed=1,
        plays=2,
        durations=(1.5, 0.2),
        within_the_hour=1,
        songs=2,
        playtime_s=400,
        skips=1,
        users_today=4,
        commands_today=6,
        earlier=(1, 100, 0, 1, 2),
    )
    async with monitors(host, clock=clock) as made:
        yield Scene(made, clock, host, old)


@asynccontextmanager
async def beside_the_extension() -> AsyncIterator[Scene]:
    noon = datetime.combine(datetime.now(UTC).date(), time(12), UTC)  # no day ends within the test
    bot = make_bot()
    bot.botmon_config = make_config(StorageConfig().url)
    async with running(bot, clock=ManualClock(noon)) as rig, create_monitoring_system(Database()) as made:
        assert made.system is cog_of(bot).system
        yield Scene(made, rig.clock, Database(), Old())


@pytest.fixture(
    params=[new_store, in_memory, on_postgresql, before_the_old_module, after_the_old_module, beside_the_extension],
    ids=lambda each: each.__name__,
)
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AbstractAsyncContextManager[Scene]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(psutil.Process, "memory_info", lambda _: Memory(50 * MIB, 200 * MIB))
    monkeypatch.setattr(psutil.Process, "memory_percent", lambda _: 1.25)
    monkeypatch.setattr(psutil.Process, "cpu_percent", lambda _self, _interval=None: 7.5)
    if request.param is on_postgresql:
        return partial(on_postgresql, request.getfixturevalue("postgres_url"))
    return request.param


async def test_five_parts(place: Callable[[], AbstractAsyncContextManager[Scene]], caplog: pytest.LogCaptureFixture):
    async with place() as scene:
        await command_logging(scene)
        await performance(scene, caplog)
        await statistics(scene)
        await health(scene)
        await helpers(scene)
    if scene.host is not None:
        look_into(scene.host, scene.old, scene.clock)


# -- the five parts ----------------------------------------------------------------------------------------------------


async def command_logging(scene: Scene) -> None:
    logger, old = scene.made.logger, scene.old
    assert await logger.log_command(
        guild_id=GUILD,
        guild_name=NAME,
        user_id=USER,
        username="TestUser",
        command="play",
        parameters={"song": "Test Song", "url": "https://example.com"},
        duration=1.5,
        success=True,
    )
    assert await logger.log_command(
        guild_id=GUILD,
        guild_name=NAME,
        user_id=USER,
        username="TestUser",
        command="skip",
        duration=0.3,
        success=False,
        error_message="No song is playing",
    )
    for n, command in enumerate(SIX_MORE):
        assert await logger.log_command(GUILD, NAME, f"{USER}{n}", f"User{n}", command, duration=0.5 + n * 0.1)

    history = await logger.get_command_history(GUILD, limit=8)
    assert [row["command"] for row in history] == [*reversed(SIX_MORE), "skip", "play"]
    first, failed = history[7], history[6]
    assert first["parameters"] == {"song": "Test Song", "url": "https://example.com"}
    assert (first["success"], first["duration"], first["error_message"]) == (True, 1.5, None)
    assert (first["guild_id"], first["guild_name"], first["user_id"]) == (GUILD, NAME, USER)
    assert first["executed_at"] == f"{scene.clock.now():%Y-%m-%d %H:%M:%S}"
    assert (failed["success"], failed["error_message"], failed["username"]) == (False, "No song is playing", "TestUser")
    assert len(await logger.get_command_history(GUILD)) == 8 + old.rows
    assert len(await logger.get_command_history(GUILD, success_only=True)) == 7 + old.rows - old.failed
    assert len(await logger.get_command_history(GUILD, command="play")) == 3 + old.plays

    stats = await logger.get_command_stats(GUILD, days=7)
    total, successful = 8 + old.rows, 7 + old.rows - old.failed
    assert (stats["total_commands"], stats["successful_commands"]) == (total, successful)
    assert f"{stats['success_rate']:.2f}%" == f"{successful / total * 100:.2f}%"
    durations = (1.5, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, *old.durations)
    assert stats["avg_duration"] == pytest.approx(sum(durations) / len(durations))
    assert stats["top_commands"][0] == {"command": "play", "count": 3 + old.plays}
    assert len(stats["top_commands"]) == 6
    json.dumps([history, stats])


async def performance(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    monitor, old = scene.made.performance, scene.old
    caplog.clear()
    async with monitor.track_command("fast_command", GUILD, USER):
        await scene.clock.advance(0.5)
    assert caplog.messages == []
    async with monitor.track_command("slow_command", GUILD, USER):
        await scene.clock.advance(2.5)
    assert caplog.messages == [f"Slow command detected: slow_command took 2.50s in guild {GUILD}"]

    stats = await monitor.get_performance_stats(GUILD)
    plays = (1.5, 0.7, 0.9, *([1.5] if old.plays else []))
    found = {each["command"]: each for each in stats["slowest_commands"]}
    assert stats["slowest_commands"][0] == {
        "command": "slow_command",
        "avg_duration": 2.5,
        "min_duration": 2.5,
        "max_duration": 2.5,
        "count": 1,
    }
    assert (found["fast_command"]["avg_duration"], found["fast_command"]["count"]) == (0.5, 1)
    assert found["play"]["avg_duration"] == pytest.approx(sum(plays) / len(plays))
    assert (found["play"]["min_duration"], found["play"]["max_duration"], found["play"]["count"]) == (
        0.7,
        1.5,
        len(plays),
    )
    assert len(found) == 8
    cached = stats["cache_metrics"]
    assert (cached["total_cached"], cached["metric_types"]) == (2, ["fast_command", "slow_command"])
    assert datetime.fromisoformat(cached["oldest_metric"]) == scene.clock.now() - timedelta(seconds=2.5)

    bottlenecks = await monitor.detect_bottlenecks(GUILD, threshold=1.0)
    slow, play = bottlenecks
    assert slow == {
        "command": "slow_command",
        "avg_duration": 2.5,
        "occurrence_count": 1,
        "last_occurrence": f"{scene.clock.now():%Y-%m-%d %H:%M:%S}",
        "severity": "high",
    }
    assert (play["command"], play["avg_duration"], play["severity"]) == ("play", 1.5, "medium")
    assert play["occurrence_count"] == 1 + (1 if old.plays else 0)
    json.dumps([stats, bottlenecks])


async def statistics(scene: Scene) -> None:
    collector, old = scene.made.statistics, scene.old
    for n, seconds in enumerate(SONGS_S):
        assert await collector.record_song_played(GUILD, seconds, f"user{n % 3}")
    for _ in range(2):
        assert await collector.record_skip(GUILD)
    assert await collector.record_pause(GUILD)
    for n in range(10):
        assert await collector.record_command(GUILD, f"user{n % 3}")

    songs, playtime_s, skips, commands = 5 + old.songs, 1_200 + old.playtime_s, 2 + old.skips, 10 + old.commands_today
    users = max(3, old.users_today)
    assert await collector.get_daily_stats(GUILD, f"{scene.clock.now():%Y-%m-%d}") == {
        "guild_id": GUILD,
        "date": f"{scene.clock.now():%Y-%m-%d}",
        "songs_played": songs,
        "total_playtime": playtime_s,
        "total_skips": skips,
        "total_pauses": 1,
        "unique_users": users,
        "commands_executed": commands,
    }
    assert await collector.get_daily_stats(GUILD) == await collector.get_daily_stats(GUILD, scene.clock.now())

    days, all_users = 1, users
    if old.earlier is not None:
        more = old.earlier
        songs, playtime_s, skips, commands = songs + more[0], playtime_s + more[1], skips + more[2], commands + more[4]
        days, all_users = 2, users + more[3]
    week = await collector.generate_weekly_report(GUILD)
    month = await collector.generate_monthly_report(GUILD)
    expected = {
        "active_days": days,
        "total_songs": songs,
        "total_playtime": playtime_s,
        "total_playtime_hours": round(playtime_s / 3600, 2),
        "total_skips": skips,
        "total_pauses": 1,
        "total_commands": commands,
        "avg_daily_users": all_users / days,
        "peak_users": users,
        "avg_song_duration": playtime_s / songs,
        "skip_rate": skips / songs * 100,
    }
    assert {key: week[key] for key in expected} == expected
    assert (week["period"], week["days"], month["period"], month["days"]) == ("weekly", 7, "monthly", 30)
    assert {key: month[key] for key in expected} == expected
    assert week["top_commands"][0] == {"command": "play", "count": 3 + old.plays}
    json.dumps([week, month])


async def health(scene: Scene) -> None:
    check, old = scene.made.health, scene.old
    total = 8 + old.within_the_hour
    memory = await check.check_memory()
    assert (memory["rss_mb"], memory["vms_mb"], memory["percent"], memory["status"]) == (50.0, 200.0, 1.25, "healthy")
    cpu = await check.check_cpu()
    assert (cpu["percent"], cpu["status"]) == (7.5, "healthy")
    assert cpu["user_time"] > 0
    database = await check.check_database()
    assert (database["connected"], database["status"], database["response_time"]) == (True, "healthy", 0.0)
    assert database["server_count"] == 1
    size = scene.made.system.host.size_bytes if scene.host else None
    if size is not None:
        assert database["database_size_mb"] == round(size / MIB, 2)
    rate = await check.check_error_rate(GUILD)
    assert rate == {
        "total_commands": total,
        "failed_commands": 1,
        "error_rate": pytest.approx(100 / total),
        "status": "warning",
    }
    report = await check.get_full_health_report(GUILD)
    assert (report["memory"], report["database"], report["error_rate"]) == (memory, database, rate)
    assert {"healthy": "🟢", "degraded": "🟡", "unhealthy": "🔴"}[report["overall_status"]] == "🟡"
    assert datetime.fromisoformat(report["timestamp"]) == scene.clock.now()
    assert f"{report['uptime_seconds']:.0f}s".endswith("s")
    assert check.health_history == [report]
    json.dumps(report)


async def helpers(scene: Scene) -> None:
    old, details = scene.old, {"old_volume": 50, "new_volume": 75}
    assert await log_command_execution(
        guild_id=GUILD,
        guild_name=NAME,
        user_id=USER,
        username="TestUser",
        command="volume",
        duration=0.1,
        success=True,
        details=details,
    )
    (row,) = await scene.made.logger.get_command_history(GUILD, command="volume")
    assert (row["parameters"], row["duration"], row["success"]) == (details, 0.1, True)
    stats = await get_performance_stats(GUILD)
    assert {each["command"] for each in stats["slowest_commands"]} >= {"volume", "slow_command", "play"}
    report = await get_health_report(GUILD)
    total = 9 + old.within_the_hour
    assert (report["error_rate"]["total_commands"], report["error_rate"]["failed_commands"]) == (total, 1)
    assert report["overall_status"] == ("degraded" if 100 / total > 10 else "healthy"), "10 % is not over 10 %"
    assert await get_statistics_report(GUILD, "weekly") == await scene.made.statistics.generate_weekly_report(GUILD)
    assert (await get_statistics_report(GUILD, "monthly"))["total_songs"] == 5 + old.songs + (old.earlier or [0])[0]


def look_into(host: Database, old: Old, clock: ManualClock) -> None:
    """What the host itself finds in its tables, once all is closed."""
    rows = host.rows("SELECT * FROM audit_logs WHERE guild_id = ? ORDER BY id", GUILD)
    mine = [row for row in rows if row["username"] != "Old"]
    commands = ["play", "skip", *SIX_MORE, "volume", "fast_command", "slow_command"]
    assert sorted(row["command"] for row in mine) == sorted(commands)
    assert len(rows) == len(commands) + old.rows
    volume = next(row for row in mine if row["command"] == "volume")
    assert (volume["user_id"], volume["username"], volume["success"]) == (USER, "TestUser", 1)
    assert json.loads(volume["parameters"]) == {"old_volume": 50, "new_volume": 75}
    day = f"{clock.now():%Y-%m-%d}"
    (stats,) = host.rows("SELECT * FROM bot_stats WHERE guild_id = ? AND date = ?", GUILD, day)
    assert (stats["songs_played"], stats["total_playtime"]) == (5 + old.songs, 1_200 + old.playtime_s)
    assert (stats["total_skips"], stats["total_pauses"]) == (2 + old.skips, 1)
    assert (stats["unique_users"], stats["commands_executed"]) == (max(3, old.users_today), 10 + old.commands_today)
