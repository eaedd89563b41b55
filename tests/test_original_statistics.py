"""The original's `StatisticsCollector`: what it counts, by days of UTC."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from botmon_cog import Monitors
from botmon_cog.testing import ManualClock
from tests.original_helpers import NOON, monitors

DAY_S = 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def made(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Monitors]:
    async with monitors(tmp_path / "bot.db", clock=clock) as four:
        yield four


async def test_a_day_is_the_originals_row(made: Monitors):
    statistics = made.statistics
    for seconds in (180, 210.4, 300):
        assert await statistics.record_song_played("1", seconds, "7") is True
    assert await statistics.record_skip("1") is True
    assert await statistics.record_pause(1) is True
    for user in ("7", "8", 7, SimpleNamespace(id=9)):
        assert await statistics.record_command(SimpleNamespace(id=1), user) is True
    await statistics.record_song_played("2", 60, "7")
    day = await statistics.get_daily_stats("1")
    assert list(day.items()) == [
        ("guild_id", "1"),
        ("date", "2026-01-05"),
        ("songs_played", 3),
        ("total_playtime", 690),
        ("total_skips", 1),
        ("total_pauses", 1),
        ("unique_users", 3),
        ("commands_executed", 4),
    ]
    assert json.loads(json.dumps(day)) == day
    assert await statistics.get_daily_stats("3") == {}


async def test_logging_and_counting_are_two_things(made: Monitors):
    """Nobody adds the row and the count of one command up."""
    for n in range(8):
        await made.logger.log_command("1", "Guild", str(n), None, "play")
    assert await made.statistics.get_daily_stats("1") == {}, "logged, not counted"
    for n in range(10):
        await made.statistics.record_command("1", str(n % 3))
    day = await made.statistics.get_daily_stats("1")
    assert (day["commands_executed"], day["unique_users"]) == (10, 3)
    assert len(await made.logger.get_command_history("1")) == 8
    assert (await made.logger.get_command_stats("1"))["total_commands"] == 8


@pytest.mark.parametrize("length", [None, float("nan"), float("inf"), -1, DAY_S + 1, "1e9", timedelta(days=2)])
async def test_song_of_absurd_length_counts_without_time(made: Monitors, length: Any):
    assert await made.statistics.record_song_played("1", length, None)
    assert await made.statistics.record_song_played("1", "90", "7")
    day = await made.statistics.get_daily_stats("1")
    assert (day["songs_played"], day["total_playtime"]) == (2, 90)


@pytest.mark.parametrize("guild", [None, "", "None", [], 1.5])
async def test_nothing_is_counted_of_no_guild(made: Monitors, guild: Any, caplog: pytest.LogCaptureFixture):
    statistics = made.statistics
    calls = [
        await statistics.record_song_played(guild, 180, "7"),
        await statistics.record_skip(guild),
        await statistics.record_pause(guild),
        await statistics.record_command(guild, "7"),
        await statistics.get_daily_stats(guild),
        await statistics.generate_weekly_report(guild),
        await statistics.generate_monthly_report(guild),
    ]
    assert calls == [False, False, False, False, {}, {}, {}]
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)] * 7
    assert await made.system.store.reports.busiest_guilds(10) == []


@pytest.mark.parametrize(
    ("asked", "songs"),
    [
        (None, 1),
        ("2026-01-05", 1),
        (date(2026, 1, 4), 2),
        (datetime(2026, 1, 4, 23, tzinfo=UTC), 2),
        (datetime(2026, 1, 5, 1, tzinfo=timezone(timedelta(hours=9))), 2),
    ],
)
async def test_days_are_those_of_utc(made: Monitors, clock: ManualClock, asked: Any, songs: int):
    clock.jump_wall(-DAY_S)
    for _ in range(2):
        await made.statistics.record_song_played("1", 60, "7")
    clock.jump_wall(DAY_S)
    await made.statistics.record_song_played("1", 60, "7")
    assert (await made.statistics.get_daily_stats("1", asked))["songs_played"] == songs
    assert await made.statistics.get_daily_stats("1", "2025-12-31") == {}


@pytest.mark.parametrize("wrong", ["yesterday", "2026-13-01", 20260105, b"2026-01-05"])
async def test_what_is_no_date_is_refused(made: Monitors, wrong: Any, caplog: pytest.LogCaptureFixture):
    await made.statistics.record_skip("1")
    assert await made.statistics.get_daily_stats("1", wrong) == {}
    (record,) = caplog.records
    assert record.getMessage().startswith("get_daily_stats did nothing: date must be a date such as 2026-01-31")


async def test_reports_cover_seven_and_thirty_days(made: Monitors, clock: ManualClock):
    statistics = made.statistics
    clock.jump_wall(-30 * DAY_S)
    for day in range(31):  # on the last of them it is now
        for song in range(day):
            await statistics.record_song_played("1", 100, "7")
            if song % 2:
                await statistics.record_skip("1")
        for user in range(day % 4):
            await statistics.record_command("1", str(user))
            await made.logger.log_command("1", None, str(user), None, "play")
        await statistics.record_pause("1")
        clock.jump_wall(DAY_S if day < 30 else 0)
    assert clock.now() == NOON
    week = await statistics.generate_weekly_report("1")
    assert list(week.items()) == [
        ("period", "weekly"),
        ("days", 7),
        ("active_days", 7),
        ("total_songs", 189),
        ("total_playtime", 18_900),
        ("total_playtime_hours", 5.25),
        ("total_skips", 93),
        ("total_pauses", 7),
        ("total_commands", 9),
        ("avg_daily_users", 9 / 7),
        ("peak_users", 3),
        ("avg_song_duration", 100.0),
        ("skip_rate", 93 / 189 * 100),
        ("top_commands", [{"command": "play", "count": 9}]),
    ]
    month = await statistics.generate_monthly_report("1")
    assert list(month) == list(week)
    assert (month["period"], month["days"], month["active_days"]) == ("monthly", 30, 30)
    assert (month["total_songs"], month["total_commands"], month["total_pauses"]) == (465, 45, 30)
    assert json.loads(json.dumps([week, month])) == [week, month]


async def test_report_on_nothing_says_so(made: Monitors):
    await made.statistics.record_skip("2")
    assert await made.statistics.generate_weekly_report("1") == {"period": "weekly", "days": 7, "no_data": True}
    assert await made.statistics.generate_monthly_report("1") == {"period": "monthly", "days": 30, "no_data": True}


async def test_more_skips_than_songs_are_over_100_percent_here_only(made: Monitors):
    await made.statistics.record_song_played("1", 60, "7")
    for _ in range(3):
        await made.statistics.record_skip("1")
    week = await made.statistics.generate_weekly_report("1")
    assert (week["skip_rate"], week["avg_daily_users"], week["peak_users"]) == (300.0, 0.0, 0)
    await made.statistics.record_skip("2")
    assert (await made.statistics.generate_weekly_report("2"))["skip_rate"] == 0.0


async def test_commands_that_were_only_logged_are_in_the_report(made: Monitors):
    await made.logger.log_command("1", None, "7", None, "play")
    week = await made.statistics.generate_weekly_report("1")
    assert week["top_commands"] == [{"command": "play", "count": 1}]
    assert (week["active_days"], week["total_commands"], week["avg_daily_users"]) == (0, 0, 0.0)
    assert not week.get("no_data")
