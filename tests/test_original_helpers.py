"""The original's helpers, which need nothing made before, and its decorators."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from botmon_cog import (
    Config,
    async_timer,
    create_monitoring_system,
    get_health_report,
    get_performance_stats,
    get_statistics_report,
    log_command_execution,
    safe_execute,
)
from botmon_cog.original import decorators
from botmon_cog.original.systems import newest
from tests.child import ROOT
from tests.original_helpers import monitors

# -- helpers -----------------------------------------------------------------------------------------------------------


async def test_helpers_work_on_the_system_that_was_made_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    async with monitors("elsewhere.db") as made:
        details = {"old_volume": 50, "new_volume": 75}
        assert await log_command_execution("1", "Guild", "2", "someone", "volume", 0.5, True, details=details) is True
        (row,) = await made.logger.get_command_history("1")
        assert (row["parameters"], row["duration"], row["success"]) == (details, 0.5, True)
        assert await log_command_execution("1", "Guild", "2", "someone", "play", 3, False)
        assert (await get_performance_stats("1"))["slowest_commands"][0]["command"] == "play"
        assert (await get_health_report("1"))["error_rate"]["failed_commands"] == 1
        assert (await get_statistics_report("1")) == await made.statistics.generate_weekly_report("1")
        assert (await get_statistics_report("1", "monthly")) == await made.statistics.generate_monthly_report("1")
    assert not (tmp_path / "data").exists()


async def test_helpers_need_nothing_made_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert newest() is None
    assert await log_command_execution("1", "Guild", "2", "someone", "play", 0.5, True)
    assert (await get_statistics_report("1"))["top_commands"] == [{"command": "play", "count": 1}]
    assert [each["command"] for each in (await get_performance_stats("1"))["slowest_commands"]] == ["play"]
    async with create_monitoring_system("data/bot.db") as made:
        assert [row["command"] for row in await made.logger.get_command_history()] == ["play"]
    assert (tmp_path / "data" / "bot.botmon.db").is_file()


async def test_helpers_take_another_database(tmp_path: Path):
    async with monitors(tmp_path / "first.db") as first, monitors(tmp_path / "second.db") as second:
        other = str(tmp_path / "first.db")
        assert await log_command_execution("1", None, "2", None, "play", 0.5, True, db_path=other)
        assert len(await first.logger.get_command_history()) == 1
        assert await second.logger.get_command_history() == []
        assert (await get_performance_stats("1", db_path=other))["slowest_commands"][0]["count"] == 1
        assert (await get_health_report("1", db_path=other))["error_rate"]["total_commands"] == 1
        assert (await get_statistics_report("1", "weekly", other))["top_commands"][0]["count"] == 1
        assert (await get_statistics_report("1"))["no_data"] is True


async def test_helpers_return_their_failure_value(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    nowhere = object()
    assert await log_command_execution("1", None, "2", None, "play", 0.5, True, db_path=nowhere) is False
    assert await get_performance_stats("1", db_path=nowhere) == {}
    assert await get_health_report(db_path="mysql://user:hunter2@host/db") == {}
    assert await get_statistics_report("1", db_path=nowhere) == {}
    async with monitors(tmp_path / "bot.db"):
        assert await get_statistics_report("1", "hourly") == {}
        assert await get_statistics_report("1", []) == {}
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)] * 6
    assert "hunter2" not in caplog.text


def test_script_that_never_closes_loses_nothing(tmp_path: Path):
    script = """
        import asyncio
        from botmon_cog import create_monitoring_system, log_command_execution

        async def main():
            logger, performance, *_ = create_monitoring_system("bot.db")
            await log_command_execution(1, "guild", 2, "user", "play", 0.5, True, {"first": True})
            await logger.log_command(1, "guild", 2, "user", "skip")
            async with performance.track_command("tracked", 1, 2):
                pass

        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        timeout=60,
        capture_output=True,
    )
    assert done.stderr == b""
    read = (
        "import sqlite3; print(sqlite3.connect('bot.botmon.db').execute('SELECT COUNT(*) FROM audit_logs').fetchone())"
    )
    done = subprocess.run([sys.executable, "-c", read], cwd=tmp_path, check=True, timeout=60, capture_output=True)
    assert done.stdout.strip() == b"(3,)"


# -- decorators --------------------------------------------------------------------------------------------------------


@pytest.fixture
def timed(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """With a clock by which everything takes 0.1234 s."""
    ticks = iter(number * 0.1234 for number in range(100))
    monkeypatch.setattr(decorators, "_monotonic", lambda: next(ticks))
    caplog.set_level(logging.DEBUG, "botmon_cog")
    return caplog


async def test_async_timer_says_how_long_it_took(timed: pytest.LogCaptureFixture):
    @async_timer
    async def play(song: str, *, loud: bool = False) -> tuple[str, bool]:
        return song, loud

    @async_timer()
    async def skip() -> None:
        raise ValueError("nothing is playing")

    @async_timer
    def plain() -> int:
        return 1

    assert (play.__name__, await play("Low Tide", loud=True), plain()) == ("play", ("Low Tide", True), 1)
    with pytest.raises(ValueError, match="nothing"):
        await skip()
    said = [(record.name, record.levelname, record.getMessage()) for record in timed.records]
    assert said == [
        ("botmon_cog.original.decorators", "DEBUG", f"{name} executed in 0.1234s") for name in ("play", "plain", "skip")
    ]


async def test_safe_execute_returns_a_fresh_default(caplog: pytest.LogCaptureFixture):
    @safe_execute(default_return={"songs": []})
    async def search() -> dict[str, Any]:
        raise TimeoutError("the catalogue does not answer")

    found = await search()
    found["songs"].append("Low Tide")
    assert await search() == {"songs": []}
    (record, _) = caplog.records
    assert record.getMessage().startswith("search failed\nTraceback")
    assert "the catalogue does not answer" in caplog.text


async def test_safe_execute_works_without_parentheses_and_for_plain_functions():
    @safe_execute
    async def broken() -> int:
        raise KeyError

    @safe_execute
    def plain(number: int) -> float:
        return 1 / number

    @safe_execute(0)
    def with_default(number: int) -> float:
        return 1 / number

    @safe_execute()
    async def fine() -> str:
        return "fine"

    assert (await broken(), plain(0), plain(2), with_default(0), await fine()) == (None, None, 0.5, 0, "fine")
    assert (broken.__name__, plain.__name__) == ("broken", "plain")


async def test_safe_execute_lets_cancellation_and_exits_pass():
    @safe_execute(default_return=0)
    async def cancelled() -> int:
        raise asyncio.CancelledError

    @safe_execute
    def leaving() -> None:
        raise SystemExit

    with pytest.raises(asyncio.CancelledError):
        await cancelled()
    with pytest.raises(SystemExit):
        leaving()


def test_default_that_cannot_be_copied_is_returned_itself():
    lock = threading.Lock()

    @safe_execute(default_return=lock)
    def broken() -> Any:
        raise ValueError

    assert broken() is lock


async def test_configuration_may_be_given(tmp_path: Path):
    async with create_monitoring_system(tmp_path / "bot.db", config=Config(instance="second")) as made:
        assert made.system.config.instance == "second"
