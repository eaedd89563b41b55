"""The original's `PerformanceMonitor`: what it times, and when that becomes a row."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from botmon_cog import Config, Monitors, PerformanceMonitor, create_monitoring_system, get_performance_stats
from botmon_cog.testing import ManualClock
from tests.original_helpers import NOON, monitors


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def made(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Monitors]:
    async with monitors(tmp_path / "bot.db", clock=clock) as four:
        yield four


class Host:
    """Runs commands as a bot does: each in a task of its own."""

    def __init__(self, made: Monitors, clock: ManualClock) -> None:
        self._made = made
        self._clock = clock

    async def run(self, name: str, seconds: float, *, guild: object = "1", **logged: Any) -> None:
        """Time a command, and log it if anything is said of that."""

        async def command() -> None:
            async with self._made.performance.track_command(name, guild, "2"):
                await self._clock.advance(seconds)
            if logged:
                told = {"guild_id": guild, "guild_name": None, "user_id": "2", "username": None, "command": name}
                assert await self._made.logger.log_command(**told | logged)

        await asyncio.create_task(command())

    async def rows(self) -> list[tuple[str, float | None, bool]]:
        history = await self._made.logger.get_command_history(limit=1_000)
        return [(row["command"], row["duration"], row["success"]) for row in history][::-1]


@pytest.fixture
def host(made: Monitors, clock: ManualClock) -> Host:
    return Host(made, clock)


# -- rows --------------------------------------------------------------------------------------------------------------


async def test_tracked_command_becomes_a_row_when_its_task_ends(made: Monitors, host: Host, clock: ManualClock):
    async def command() -> list[dict[str, Any]]:
        async with made.performance.track_command("play", 1, "2"):
            await clock.advance(0.5)
        return await made.logger.get_command_history()

    assert await asyncio.create_task(command()) == [], "it may still be logged"
    (row,) = await made.logger.get_command_history()
    assert (row["command"], row["guild_id"], row["user_id"], row["duration"]) == ("play", "1", "2", 0.5)
    assert row["executed_at"] == "2026-01-05 12:00:00"


async def test_tracked_and_logged_is_one_row(host: Host):
    await host.run("play", 0.5, duration=0.7)
    await host.run("skip", 0.25, success=False)
    assert await host.rows() == [("play", 0.7, True), ("skip", 0.25, False)], "the second takes over the time"


async def test_logged_within_the_block_is_one_row(made: Monitors, host: Host, clock: ManualClock):
    async def command() -> None:
        async with made.performance.track_command("play", "1", "2"):
            await clock.advance(0.5)
            await made.logger.log_command("1", None, "2", None, "play")
            await clock.advance(0.5)

    await asyncio.create_task(command())
    assert await host.rows() == [("play", 0.5, True)]


async def test_logged_from_a_task_of_its_own_is_one_row(made: Monitors, host: Host, clock: ManualClock):
    """`create_task(log_command(…))`, so that the command itself need not wait."""
    logging: list[asyncio.Task[bool]] = []

    async def command() -> None:
        async with made.performance.track_command("play", "1", "2"):
            await clock.advance(0.5)
        logging.append(asyncio.create_task(made.logger.log_command("1", None, "2", None, "play")))

    await asyncio.create_task(command())
    assert await logging[0]
    assert await host.rows() == [("play", 0.5, True)]


async def test_logging_of_another_command_makes_two_rows(made: Monitors, host: Host, clock: ManualClock):
    async def command() -> None:
        async with made.performance.track_command("play", "1", "2"):
            await clock.advance(0.5)
        await made.logger.log_command("1", None, "2", None, "search", duration=0.1)

    await asyncio.create_task(command())
    assert sorted(await host.rows()) == [("play", 0.5, True), ("search", 0.1, True)]


async def test_each_block_is_logged_once(made: Monitors, host: Host, clock: ManualClock):
    """Three calls of one name in one task, two of them logged, in whatever order."""

    async def commands() -> None:
        for user, seconds in (("1", 0.1), ("2", 0.2), ("3", 0.3)):
            async with made.performance.track_command("play", "1", user):
                await clock.advance(seconds)
        for user in ("1", "3"):
            await made.logger.log_command("1", None, user, None, "play")

    await asyncio.create_task(commands())
    history = await made.logger.get_command_history()
    assert sorted((row["user_id"], row["duration"]) for row in history) == [("1", 0.1), ("2", 0.2), ("3", 0.3)]


async def test_task_that_never_ends_does_not_keep_its_rows(made: Monitors, host: Host, clock: ManualClock):
    """As a worker that takes one job after another."""
    jobs: asyncio.Queue[float] = asyncio.Queue()

    async def worker() -> None:
        while True:
            seconds = await jobs.get()
            async with made.performance.track_command("job", None, None):
                await clock.advance(seconds)
            jobs.task_done()

    task = asyncio.create_task(worker())
    for seconds in (1.0, 2.0, 1_000.0):
        jobs.put_nowait(seconds)
    await jobs.join()
    assert [duration for _, duration, _ in await host.rows()] == [1.0, 2.0], "nobody logs them after so long"
    for _ in range(250):
        jobs.put_nowait(0.0)
    await jobs.join()
    assert len(await host.rows()) == 153
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(await host.rows()) == 253


async def test_tasks_that_begin_each_other_keep_nothing(made: Monitors, clock: ManualClock):
    """A player whose every song begins the next one."""
    alive: list[weakref.ref[Any]] = []
    done = asyncio.Event()

    async def song(n: int) -> None:
        alive.append(weakref.ref(asyncio.current_task()))
        async with made.performance.track_command("song", "1", "2"):
            if n:
                asyncio.create_task(song(n - 1))  # noqa: RUF006 (a host's own carelessness)
            else:
                done.set()

    asyncio.create_task(song(50))  # noqa: RUF006
    await done.wait()
    assert len(await made.logger.get_command_history(limit=100)) == 51
    gc.collect()
    assert sum(task() is not None for task in alive) <= 1


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (ValueError("no song"), ("error", "ValueError", "no song")),
        (asyncio.CancelledError(), ("cancelled", None, None)),
        (KeyError(f"https://cdn.example/{'x' * 9}?token=1"), ("error", "KeyError", "'[hidden]'")),
    ],
    ids=["error", "cancelled", "secret"],
)
async def test_what_a_block_raises_is_told_and_passes(
    made: Monitors, error: BaseException, kept: tuple[str, str | None, str | None]
):
    async def command() -> None:
        async with made.performance.track_command("play", "1", "2"):
            raise error

    with pytest.raises(type(error)) as caught:
        await asyncio.create_task(command())
    assert caught.value is error or isinstance(error, asyncio.CancelledError)
    await made.system.catch_up()
    (entry,) = await made.system.command_log.history()
    assert (entry.outcome, entry.error_type, entry.error_message) == kept


async def test_failure_that_the_host_logs_is_no_second_one(made: Monitors, host: Host):
    def connect() -> None:
        raise ConnectionError("no voice")

    async def command() -> None:
        try:
            async with made.performance.track_command("play", "1", "2"):
                connect()
        except ConnectionError as error:
            await made.logger.log_command("1", None, "2", None, "play", success=False, error_message=error)

    await asyncio.create_task(command())
    assert [(name, success) for name, _, success in await host.rows()] == [("play", False)]


async def test_closing_makes_the_rows_of_tasks_that_still_run(tmp_path: Path):
    db = tmp_path / "bot.db"
    four = create_monitoring_system(db, config=Config())
    async with four, four.performance.track_command("play", "1", "2"):
        pass
    async with create_monitoring_system(db, config=Config()) as four:
        assert [row["command"] for row in await four.logger.get_command_history()] == ["play"]


async def test_track_command_decorates(made: Monitors, host: Host):
    @made.performance.track_command("answer", "1", "2")
    async def answer(number: int) -> int:
        return number

    assert await asyncio.gather(*(answer(n) for n in range(25))) == list(range(25))
    assert [name for name, _, _ in await host.rows()] == ["answer"] * 25


# -- what is slow ------------------------------------------------------------------------------------------------------


async def test_slow_command_is_said(made: Monitors, clock: ManualClock, caplog: pytest.LogCaptureFixture):
    for seconds in (2.0, 2.51):
        async with made.performance.track_command("play", 123, "2"):
            await clock.advance(seconds)
    async with made.performance.track_command("play", None, "2"):
        await clock.advance(3)
    assert [record.getMessage() for record in caplog.records] == [
        "Slow command detected: play took 2.51s in guild 123",
        "Slow command detected: play took 3.00s in direct messages",
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


async def test_thresholds_are_a_dict_of_each_monitor(
    made: Monitors, tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
):
    other = PerformanceMonitor(tmp_path / "bot.db")
    assert made.performance.thresholds == {"command_slow": 2.0, "voice_connect_slow": 5.0, "response_slow": 1.0}
    made.performance.thresholds["command_slow"] = 0.5
    assert other.thresholds["command_slow"] == 2.0
    for monitor in (made.performance, other):
        async with monitor.track_command("play", "1", "2"):
            await clock.advance(1)
    assert len(caplog.records) == 1
    del other.thresholds["command_slow"]
    async with other.track_command("play", "1", "2"):
        await clock.advance(2.5)
    assert len(caplog.records) == 2, "without one the original's counts"
    await other.close()


async def test_one_slow_call_is_a_bottleneck(made: Monitors, host: Host):
    for name, seconds in (("quick", 0.5), ("slow", 2.5), ("slow", 1.5), ("slow", 0.1), ("medium", 1.9)):
        await host.run(name, seconds)
    assert await made.performance.detect_bottlenecks("1", threshold=1.0) == [
        {
            "command": "slow",
            "avg_duration": 2.0,
            "occurrence_count": 2,
            "last_occurrence": "2026-01-05 12:00:04",
            "severity": "medium",
        },
        {
            "command": "medium",
            "avg_duration": 1.9,
            "occurrence_count": 1,
            "last_occurrence": "2026-01-05 12:00:06",
            "severity": "medium",
        },
    ]
    (only,) = await made.performance.detect_bottlenecks("1")
    assert (only["command"], only["avg_duration"], only["severity"]) == ("slow", 2.5, "medium")
    assert [each["severity"] for each in await made.performance.detect_bottlenecks("1", "0.9")] == ["high", "high"]
    assert await made.performance.detect_bottlenecks("7", 0) == []


async def test_bottlenecks_are_those_of_seven_days(made: Monitors, host: Host, clock: ManualClock):
    await host.run("play", 3)
    await clock.advance(7 * 86_400 - 60)
    assert len(await made.performance.detect_bottlenecks("1")) == 1
    await clock.advance(120)
    assert await made.performance.detect_bottlenecks("1") == []


# -- statistics --------------------------------------------------------------------------------------------------------


async def test_statistics_are_slowest_first(made: Monitors, host: Host, clock: ManualClock):
    for n in range(12):
        await host.run(f"c{n:02}", n / 10, duration=n / 10)
    await host.run("c11", 0.6, success=False)
    await host.run("elsewhere", 9, guild="9")
    found = await made.performance.get_performance_stats("1")
    assert list(found) == ["slowest_commands", "cache_metrics"]
    assert [each["command"] for each in found["slowest_commands"]] == [
        f"c{n:02}" for n in (10, 9, 11, *range(8, 1, -1))
    ]
    assert found["slowest_commands"][2] == {
        "command": "c11",
        "avg_duration": 0.85,
        "min_duration": 0.6,
        "max_duration": 1.1,
        "count": 2,
    }
    assert (await made.performance.get_performance_stats(None))["slowest_commands"][0]["command"] == "elsewhere"
    await clock.advance(2 * 86_400)
    assert (await made.performance.get_performance_stats("1", days=1))["slowest_commands"] == []
    assert len((await made.performance.get_performance_stats("1", "3"))["slowest_commands"]) == 10


async def test_pending_blocks_count_at_once_and_once(made: Monitors, clock: ManualClock):
    async def asked() -> list[tuple[str, float, float, float, int]]:
        stats = await get_performance_stats("1")
        return [tuple(each.values()) for each in stats["slowest_commands"]]

    async def command() -> None:
        for seconds in (0.5, 2.5):
            async with made.performance.track_command("play", "1", "2"):
                await clock.advance(seconds)
        assert await asked() == [("play", 1.5, 0.5, 2.5, 2)]
        assert [each["occurrence_count"] for each in await made.performance.detect_bottlenecks("1", 1.0)] == [1]
        await made.logger.log_command("1", None, "2", None, "play")
        assert await asked() == [("play", 1.5, 0.5, 2.5, 2)]

    await asyncio.create_task(command())
    assert await asked() == [("play", 1.5, 0.5, 2.5, 2)]
    assert len(await made.performance.detect_bottlenecks("1", 1.0)) == 1


async def test_memory_keeps_a_thousand_of_each_name(made: Monitors, host: Host, clock: ManualClock):
    nothing = {"total_cached": 0, "metric_types": [], "oldest_metric": None}
    assert (await made.performance.get_performance_stats("1"))["cache_metrics"] == nothing
    await host.run("skip", 1)
    assert (await made.performance.get_performance_stats("1"))["cache_metrics"] == {
        "total_cached": 1,
        "metric_types": ["skip"],
        "oldest_metric": "2026-01-05T12:00:01+00:00",
    }
    for _ in range(1_500):
        async with made.performance.track_command("play", "1", "2"):
            pass
    kept = (await made.performance.get_performance_stats("1"))["cache_metrics"]
    assert (kept["total_cached"], kept["metric_types"]) == (1_001, ["play", "skip"])


async def test_block_with_nonsense_runs_all_the_same(made: Monitors, host: Host, caplog: pytest.LogCaptureFixture):
    ran = []
    for name, guild in ((None, "1"), ("play", [])):
        async with made.performance.track_command(name, guild, "2"):
            ran.append(name)
    assert ran == [None, "play"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert await host.rows() == []
