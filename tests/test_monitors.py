"""The typed monitors: for our own views, and for who wants shares and structs instead of percent and dicts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botmon_cog import Config, MonitoringSystem
from botmon_cog.config import StorageConfig
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.testing import ManualClock


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[MonitoringSystem]:
    """At a time that stands still, so that no day ends within a test."""
    config = Config(storage=StorageConfig(url=str(tmp_path / "store.db")))
    async with MonitoringSystem(config, clock=ManualClock()) as made:
        yield made


async def test_music_is_counted_by_guild(system: MonitoringSystem):
    statistics = system.statistics
    for duration in (180.4, 200.3, None):
        assert await statistics.song_played(1, duration, user_id=7)
    assert await statistics.song_skipped("1")
    assert await statistics.song_paused(1)
    assert await statistics.song_played(2, 60)
    assert await system.command_log.record(1, 7, "play")
    daily = await statistics.daily(1)
    assert (daily.total_songs, daily.total_skips, daily.total_pauses) == (3, 1, 1)
    assert daily.total_playtime_s == 380  # each song rounded to the second, whatever batch it came in
    assert daily.total_playtime_hours == pytest.approx(380 / 3600)
    assert daily.skip_rate == pytest.approx(1 / 3)
    assert (daily.total_commands, daily.unique_users) == (1, 1)
    assert (await statistics.weekly(2)).total_songs == 1
    assert (await statistics.monthly(3)).is_empty


async def test_counted_command_is_a_person_and_no_row(system: MonitoringSystem):
    assert await system.statistics.count_command(1, 7)
    assert await system.command_log.history() == []
    daily = await system.statistics.daily(1)
    assert (daily.total_commands, daily.unique_users) == (0, 1)
    (day,) = await system.store.daily.days("1", system.clock.now().date(), system.clock.now().date())
    assert (day.commands, day.users) == (1, 1)


async def test_history_filters_and_pages(system: MonitoringSystem):
    for number in range(10):
        await system.command_log.record(number % 2, 7, f"c{number}", success=number != 4)
    history = system.command_log.history
    assert len(await history(guild_id=0)) == 5
    assert [entry["command"] for entry in await history(success=False)] == ["c4"]
    assert [entry.command for entry in await history(command="c3", guild_id="1")] == ["c3"]
    assert len(await history(limit=3, offset=8)) == 2
    stats = await system.command_log.stats()
    assert (stats["total_commands"], stats["failed_commands"], stats["success_rate"]) == (10, 1, 0.9)


async def test_track_decorates_and_passes_errors_and_results(system: MonitoringSystem):
    @system.performance.track("answer")
    async def answer() -> int:
        return 42

    @system.performance.track("voice_connect", guild_id=1)
    async def connect() -> None:
        raise ConnectionError("no voice")

    assert await asyncio.gather(*(answer() for _ in range(25))) == [42] * 25
    with pytest.raises(ConnectionError):
        await connect()
    report = await system.performance.stats()
    assert report.commands == ()
    assert [(o.name, o.duration.n, o.failed) for o in report.operations] == [
        ("answer", 25, 0),
        ("voice_connect", 1, 1),
    ]
    assert await system.performance.bottlenecks() == []


async def test_bottlenecks_are_ranked_by_how_far_and_how_often(system: MonitoringSystem):
    async def calls(name: str, quick: int, slow: int, slow_s: float) -> None:
        for duration in [0.1] * quick + [slow_s] * slow:
            await system.command_log.record(1, 2, name, duration=duration)

    await calls("fine", 100, 2, 9.0)
    await calls("rarely a bit", 90, 10, 2.5)
    await calls("rarely far", 90, 10, 9.0)
    await calls("often a bit", 50, 50, 2.5)
    await calls("often far", 50, 50, 9.0)
    await calls("too few to say", 0, 19, 9.0)
    found = await system.performance.bottlenecks()
    assert [(b["name"], b["severity"]) for b in found] == [
        ("often far", "critical"),
        ("often a bit", "high"),
        ("rarely far", "medium"),
        ("rarely a bit", "low"),
    ]
    stored = await system.performance.stats()
    assert stored.bottlenecks == tuple(found)  # what is kept in memory and what is stored agree


async def test_tracked_command_is_settled_without_a_task(system: MonitoringSystem):
    """As an event loop's callback is."""
    done = asyncio.Event()

    def callback() -> None:
        tracked = system.performance.tracked_commands.begin("play", 1, 2)
        assert tracked.end(None) == 0.0
        done.set()

    asyncio.get_running_loop().call_soon(callback)
    await done.wait()
    assert [entry.command for entry in await system.command_log.history()] == ["play"]


async def test_store_that_is_gone_costs_defaults_and_a_count(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    blocked = tmp_path / "disk"
    blocked.symlink_to("one that is not mounted")
    config = Config(storage=StorageConfig(url=str(blocked / "store.db"), close_timeout_s=0.1))
    system = MonitoringSystem(config)
    assert await system.command_log.history() == []
    assert (await system.command_log.stats()).total_commands == 0
    assert (await system.statistics.weekly(1)).is_empty
    assert (await system.performance.stats(1)).commands == ()
    health = await system.health.report()
    assert (health.overall_status, health.components["database"].status) == ("unhealthy", "critical")
    assert health.sample("monitor", MonitorSample).failures >= 4
    assert "Traceback" in caplog.text
    await system.close()
