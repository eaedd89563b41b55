"""The original's `CommandLogger`: what it takes, and what it gives back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from botmon_cog import Config, Monitors, create_monitoring_system
from botmon_cog.testing import ManualClock
from tests.original_helpers import NOON, monitors

KEYS = [
    "id",
    "guild_id",
    "guild_name",
    "user_id",
    "username",
    "command",
    "parameters",
    "duration",
    "success",
    "error_message",
    "details",
    "executed_at",
]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def made(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Monitors]:
    async with monitors(tmp_path / "bot.db", clock=clock) as four:
        yield four


class Member:
    """As discord.py's: a name, an id, and the name as text."""

    id = 2
    name = "someone"

    def __str__(self) -> str:
        return "someone#0001"


async def test_log_command_takes_the_originals_order(made: Monitors):
    logged = await made.logger.log_command(
        "1", "Guild", "2", "someone", "play", {"song": "Low Tide"}, 0.5, False, "No voice"
    )
    assert logged is True
    (row,) = await made.logger.get_command_history("1")
    assert list(row) == KEYS
    assert row == {
        "id": row["id"],
        "guild_id": "1",
        "guild_name": "Guild",
        "user_id": "2",
        "username": "someone",
        "command": "play",
        "parameters": {"song": "Low Tide"},
        "duration": 0.5,
        "success": False,
        "error_message": "No voice",
        "details": "Command: play | Success: False",
        "executed_at": "2026-01-05 12:00:00",
    }
    assert isinstance(row["id"], int)
    assert json.loads(json.dumps([row])) == [row]


async def test_what_is_not_told_is_none(made: Monitors):
    assert await made.logger.log_command(None, None, None, None, "ping")
    (row,) = await made.logger.get_command_history()
    empty = [key for key, value in row.items() if value is None]
    assert empty == ["guild_id", "guild_name", "user_id", "username", "parameters", "duration", "error_message"]
    assert row["success"] is True


@pytest.mark.parametrize(
    ("argument", "passed", "key", "kept"),
    [
        ("guild_id", 1, "guild_id", "1"),
        ("guild_id", SimpleNamespace(id=1), "guild_id", "1"),
        ("guild_id", "None", "guild_id", None),
        ("guild_id", "", "guild_id", None),
        ("user_id", Member(), "user_id", "2"),
        ("username", Member(), "username", "someone#0001"),
        ("guild_name", SimpleNamespace(name="Guild"), "guild_name", "namespace(name='Guild')"),
        ("command", SimpleNamespace(qualified_name="music play", name="play"), "command", "music play"),
        ("command", SimpleNamespace(name="play"), "command", "play"),
        ("parameters", {}, "parameters", {}),
        ("parameters", {1: NOON, "b": {"c": (1, 2)}}, "parameters", {"1": str(NOON), "b": {"c": [1, 2]}}),
        ("parameters", ["a"], "parameters", ["a"]),
        ("duration", Decimal("0.25"), "duration", 0.25),
        ("duration", timedelta(milliseconds=250), "duration", 0.25),
        ("duration", "0.25", "duration", 0.25),
        ("duration", 3, "duration", 3.0),
        ("duration", -1, "duration", 0.0),
        ("duration", float("nan"), "duration", None),
        ("success", 1, "success", True),
        ("success", "", "success", False),
        ("success", None, "success", False),
        ("error_message", ValueError("no such song"), "error_message", "no such song"),
        ("error_message", 404, "error_message", "404"),
    ],
)
async def test_values_become_what_they_mean(made: Monitors, argument: str, passed: Any, key: str, kept: Any):
    told = {"guild_id": "1", "guild_name": None, "user_id": "2", "username": None, "command": "play"}
    assert await made.logger.log_command(**told | {argument: passed})
    (row,) = await made.logger.get_command_history()
    assert row[key] == kept
    assert type(row[key]) is type(kept)


async def test_an_exception_is_known_by_its_class(made: Monitors):
    assert await made.logger.log_command("1", None, "2", None, "play", success=False, error_message=TimeoutError())
    (entry,) = await made.system.command_log.history()
    assert (entry.error_type, entry.error_message, entry.outcome) == ("TimeoutError", "", "error")


@pytest.mark.parametrize(
    "wrong",
    [
        {"guild_id": 1.5},
        {"guild_id": True},
        {"user_id": b"2"},
        {"user_id": SimpleNamespace(id=SimpleNamespace(id=2))},
        {"command": None},
        {"command": 3},
        {"username": 5},
        {"guild_name": ["Guild"]},
        {"duration": "soon"},
        {"duration": [1]},
        {"duration": 10**400},
    ],
    ids=repr,
)
async def test_value_that_means_nothing_is_refused_in_one_line(
    made: Monitors, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    told = {"guild_id": "1", "guild_name": None, "user_id": "2", "username": None, "command": "play"}
    assert await made.logger.log_command(**told | wrong) is False
    assert await made.logger.get_command_history() == []
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert record.getMessage().startswith(f"log_command did nothing: {next(iter(wrong))} ")
    assert made.system.failures.n == 0


async def test_history_is_the_last_ended_first(made: Monitors, clock: ManualClock):
    for n, duration in enumerate((9.0, 0.1, 300.0, None, 2.0)):
        await made.logger.log_command("1", None, "2", None, f"c{n}", duration=duration)
        await clock.advance(0.1)
    assert [row["command"] for row in await made.logger.get_command_history()] == ["c4", "c3", "c2", "c1", "c0"]
    assert [row["command"] for row in await made.logger.get_command_history(limit=2)] == ["c4", "c3"]
    assert [row["command"] for row in await made.logger.get_command_history(limit="1")] == ["c4"]
    assert await made.logger.get_command_history(limit=0) == []
    assert len(await made.logger.get_command_history(limit=-1)) == 5


async def test_history_filters(made: Monitors):
    for n in range(10):
        guild, user = str(n % 2), str(n % 3)
        await made.logger.log_command(guild, None, user, None, f"c{n}", success=n != 4)
    history = made.logger.get_command_history
    assert [row["command"] for row in await history("0")] == ["c8", "c6", "c4", "c2", "c0"]
    assert [row["command"] for row in await history(0, success_only=True)] == ["c8", "c6", "c2", "c0"]
    assert [row["command"] for row in await history(user_id="1")] == ["c7", "c4", "c1"]
    assert [row["command"] for row in await history("1", 1)] == ["c7", "c1"]
    assert [row["command"] for row in await history(command="c3")] == ["c3"]
    assert await history("7") == []


async def test_a_guild_is_called_as_it_was_last(made: Monitors):
    await made.logger.log_command("1", "Old name", "2", None, "play")
    await made.logger.log_command("1", "New name", "2", None, "play")
    assert {row["guild_name"] for row in await made.logger.get_command_history()} == {"New name"}


async def test_long_parameters_stay_readable(made: Monitors):
    endless: list[Any] = []
    endless.append(endless)
    for parameters in ({"text": "x" * 9_000}, {f"{n}": "y" * 99 for n in range(999)}, endless):
        assert await made.logger.log_command("1", None, "2", None, "play", parameters)
    kept = [row["parameters"] for row in await made.logger.get_command_history()][::-1]
    assert kept[0] == {"text": "x" * 3_900}
    assert list(kept[1])[:3] == ["0", "1", "2"]
    assert isinstance(kept[2], list)


async def test_statistics_are_in_percent(made: Monitors, clock: ManualClock):
    await made.logger.log_command("1", None, "2", None, "play", duration=60.0)
    await clock.advance(8 * 86_400)
    for n in range(12):
        for _ in range(n + 1):
            await made.logger.log_command("1", None, "2", None, f"c{n:02}", duration=0.5, success=n != 0)
    await made.logger.log_command("9", None, "2", None, "elsewhere")
    stats = await made.logger.get_command_stats("1")
    assert list(stats) == ["total_commands", "successful_commands", "success_rate", "avg_duration", "top_commands"]
    assert (stats["total_commands"], stats["successful_commands"], stats["avg_duration"]) == (78, 77, 0.5)
    assert stats["success_rate"] == pytest.approx(77 / 78 * 100)
    assert stats["top_commands"][:2] == [{"command": "c11", "count": 12}, {"command": "c10", "count": 11}]
    assert len(stats["top_commands"]) == 10
    assert (await made.logger.get_command_stats("1", days=30))["total_commands"] == 79
    assert (await made.logger.get_command_stats(None))["total_commands"] == 79
    assert await made.logger.get_command_stats("7") == {
        "total_commands": 0,
        "successful_commands": 0,
        "success_rate": 0.0,
        "avg_duration": 0.0,
        "top_commands": [],
    }


async def test_logging_never_waits_for_the_store(made: Monitors):
    """A thousand entries are taken before the store had a turn."""
    for n in range(1_000):
        assert await made.logger.log_command("1", None, "2", None, f"c{n % 7}")
    assert made.system.writer.queued == 1_000, "written only afterwards"
    assert len(await made.logger.get_command_history(limit=2_000)) == 1_000


def test_monitors_outlive_event_loops_and_their_closing(tmp_path: Path):
    """As of a host that calls `asyncio.run` more than once."""
    four = create_monitoring_system(tmp_path / "bot.db", config=Config())

    async def logged(n: int) -> int:
        async with four.performance.track_command("tracked", "1", "2"):
            await four.logger.log_command("1", None, "2", None, f"c{n}")
        return len(await four.logger.get_command_history())

    async def closed() -> int:
        await four.close()
        await four.close()
        return await logged(9)

    assert [asyncio.run(logged(n)) for n in range(3)] == [1, 3, 5], "each tracked one follows when its task ends"
    assert asyncio.run(closed()) == 7
    asyncio.run(four.system.close())


async def test_everything_is_stored_when_the_last_one_closes(tmp_path: Path):
    db = str(tmp_path / "bot.db")
    async with create_monitoring_system(db, config=Config()) as four:
        assert len(four) == 4
        logger, performance, statistics, health = four
        assert (logger, performance, statistics, health) == (
            four.logger,
            four.performance,
            four.statistics,
            four.health,
        )
        assert logger.system is performance.system is statistics.system is health.system is four.system
        await logger.log_command("1", None, "2", None, "play")
    async with create_monitoring_system(db, config=Config()) as four:
        assert [row["command"] for row in await four.logger.get_command_history()] == ["play"]
