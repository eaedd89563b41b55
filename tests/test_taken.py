"""What hosts hand over is checked when it is taken."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.domain.models import Event, Invocation, MetricSample, MusicEvent, Outcome
from botmon_cog.domain.taken import LARGEST, LONGEST_S, taken_duration, taken_id, taken_moment, taken_size
from botmon_cog.monitors.command_logger import CommandLogger
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.performance import PerformanceMonitor
from botmon_cog.monitors.statistics import StatisticsCollector
from botmon_cog.testing import ManualClock

TEN_YEARS = timedelta(seconds=LONGEST_S)


class Name(StrEnum):
    PLAY = "play"


@pytest.mark.parametrize(
    ("given_id", "taken"),
    [
        (None, None),
        (1, 1),
        (LARGEST, LARGEST),
        ("123", 123),
        (str(LARGEST), LARGEST),
        (0, "0"),
        (-5, "-5"),
        (LARGEST + 1, str(LARGEST + 1)),
        (str(LARGEST + 1), str(LARGEST + 1)),
        ("", ""),
        ("0", "0"),
        ("0123", "0123"),
        (" 1", " 1"),
        ("+1", "+1"),
        ("1_0", "1_0"),
        ("²", "²"),
        ("\u0661", "\u0661"),
        ("a guild", "a guild"),
        ("9" * 5_000, "9" * 200),
    ],
)
def test_ids_are_numbers_where_discord_could_have_made_them(given_id: Any, taken: Any):
    assert taken_id(given_id) == taken
    assert type(taken_id(given_id)) is type(taken)


@given(st.integers(1, LARGEST))
def test_an_id_is_the_same_as_a_number_and_as_its_digits(number: int):
    assert taken_id(number) == taken_id(str(number)) == number


@pytest.mark.parametrize("wrong", [1.0, True, b"1", object(), [1]])
def test_what_is_no_id_is_refused(wrong: Any):
    with pytest.raises(TypeError, match=f"guild_id must be an int, a str or None, not {type(wrong).__name__}"):
        taken_id(wrong, "guild_id")


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [
        (None, None),
        (1, 1.0),
        (-0.5, 0.0),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        (1e300, LONGEST_S),
    ],
)
def test_durations_are_between_nothing_and_ten_years(seconds: Any, taken: float | None):
    assert taken_duration(seconds, "duration") == taken
    with pytest.raises(TypeError, match="duration must be a number, not str"):
        taken_duration("1", "duration")  # pyright: ignore[reportArgumentType]


def test_moments_and_sizes_are_what_a_database_can_hold():
    now = datetime(2026, 1, 5, tzinfo=UTC)
    assert taken_moment(now) == now
    assert taken_moment(datetime(1, 1, 1, tzinfo=UTC)) == datetime(1970, 1, 1, tzinfo=UTC)
    assert taken_moment(datetime.max.replace(tzinfo=UTC)) == datetime(9999, 12, 31, tzinfo=UTC)
    assert [taken_size(n) for n in (None, -1, 0, LARGEST, LARGEST + 1)] == [None, None, 0, LARGEST, None]


class Rig:
    """The monitors that take events, and what they took."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.clock = ManualClock()
        self.failures = Failures(self.clock)
        recorder: Any = SimpleNamespace(record=self.taken.append)
        self.logger = self._make(CommandLogger, recorder)
        self.statistics = self._make(StatisticsCollector, recorder)
        self.performance = self._make(PerformanceMonitor, recorder)
        self.performance.clock = self.clock

    def _make(self, kind: type[Any], recorder: object) -> Any:
        made = kind.__new__(kind)  # what else it is made with serves reading
        made._recorder, made._clock, made.failures = recorder, self.clock, self.failures
        return made


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_a_logged_command_fits_into_any_database(rig: Rig):
    long = "x" * 10_000
    texts = dict.fromkeys(("guild_name", "username", "error_message", "details"), long)
    assert await rig.logger.log_command("7", "me", long, parameters={"a": long}, duration=1e300, success=False, **texts)
    (row,) = rig.taken
    assert isinstance(row, Invocation)
    assert (row.guild_id, row.user_id, row.outcome, row.discord_id) == (7, "me", Outcome.ERROR, None)
    assert (row.duration_s, row.started_at) == (LONGEST_S, rig.clock.now() - TEN_YEARS)
    lengths = [len(text or "") for text in (row.command, row.guild_name, row.username, row.error_message, row.details)]
    assert lengths == [200, 100, 100, 4_000, 4_000]
    assert len(row.parameters or "") == 4_000


@pytest.mark.parametrize("seconds", [math.nan, math.inf])
async def test_a_duration_that_is_no_number_was_not_measured(rig: Rig, seconds: float):
    assert await rig.logger.log_command(1, 2, "play", duration=seconds)
    assert await rig.statistics.record_song_played(1, seconds)
    await rig.performance.record_duration("voice", seconds)
    logged, played = rig.taken
    assert isinstance(logged, Invocation)
    assert (logged.duration_s, logged.started_at) == (None, rig.clock.now())
    assert isinstance(played, MusicEvent)
    assert played.duration_s == 0.0
    assert rig.failures.n == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"guild_id": 1.0},
        {"user_id": b"2"},
        {"command": 3},
        {"details": 4},
        {"username": 5},
        {"guild_name": 6},
        {"error_message": ValueError("7")},
        {"duration": "8"},
        {"parameters": float},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_value_of_the_wrong_type_costs_its_row_and_is_told(rig: Rig, wrong: dict[str, Any]):
    told = await rig.logger.log_command(**{"guild_id": 1, "user_id": 2, "command": "play"} | wrong)
    if "parameters" in wrong:
        assert told, "what JSON cannot hold is kept as its text"
        return
    assert not told
    assert rig.taken == []
    assert (rig.failures.last or "").startswith(f"log_command: TypeError: {next(iter(wrong))} must be ")


async def test_what_else_is_recorded_is_checked_too(rig: Rig):
    assert await rig.statistics.record_command(None, "2", Name.PLAY)
    assert await rig.statistics.record_skip("3", 4)
    await rig.performance.record_duration("x" * 300, -1.0, guild_id="5")
    command, skip, sample = rig.taken
    assert isinstance(command, Invocation)
    assert (command.command, type(command.command), command.guild_id, command.user_id) == ("play", str, None, 2)
    assert isinstance(skip, MusicEvent)
    assert (skip.guild_id, skip.user_id) == (3, 4)
    assert isinstance(sample, MetricSample)
    assert (len(sample.name), sample.value, sample.guild_id) == (200, 0.0, 5)
    assert not await rig.statistics.record_pause(None)
    assert not await rig.statistics.record_command(1.5, 2)
    assert not await rig.statistics.record_command(1, 2, 3)
    await rig.performance.record_duration(4, 1.0)
    async with rig.performance.track_command(5, 1.5):
        pass
    assert rig.failures.n == 5
    assert len(rig.taken) == 3
