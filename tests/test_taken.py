"""What hosts hand over is checked when it is taken."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.domain.models import CountedCommand, Event, Invocation, MetricSample, MusicEvent
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.taken import (
    LARGEST,
    LONGEST_S,
    LONGEST_TEXT,
    taken_duration,
    taken_id,
    taken_json,
    taken_moment,
    taken_size,
    taken_song,
)
from botmon_cog.monitors.command_log import CommandLog
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.performance import Performance
from botmon_cog.monitors.statistics import Statistics
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


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [(None, 0.0), (180, 180.0), (86_400, 86_400.0), (86_401, 0.0), (-1, 0.0), (math.nan, 0.0), (math.inf, 0.0)],
)
def test_songs_play_for_a_day_at_the_most(seconds: Any, taken: float):
    assert taken_song(seconds) == taken
    with pytest.raises(TypeError, match="duration must be a number, not str"):
        taken_song("180")  # pyright: ignore[reportArgumentType]


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=30,
)
SMALL = st.recursive(st.none() | st.booleans() | st.integers(0, 99) | st.text(max_size=9), st.lists, max_leaves=9)


@given(JSON_LIKE)
def test_json_is_whole_and_bounded(value: Any):
    text = taken_json(value)
    assert len(text) <= LONGEST_TEXT
    json.loads(text)


@given(SMALL)
def test_json_of_what_is_small_says_the_same(value: Any):
    assert json.loads(taken_json({"a": value})) == {"a": value}


def test_json_of_what_is_long_is_cut_where_it_is_long():
    assert json.loads(taken_json({"a": "x" * 9_000, "b": 1})) == {"a": "x" * 3_900, "b": 1}
    assert json.loads(taken_json(["\0" * 400] * 400)) == ["\0" * 20] * 12
    assert json.loads(taken_json({"a": 10**5_000})) == {"a": hex(10**5_000)[:3_900]}
    assert json.loads(taken_json({"a": math.nan, (1, 2): {3}})) == {"a": "nan", "(1, 2)": [3]}


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
        self.logger = self._make(CommandLog, recorder)
        nothing_read: Any = None
        self.statistics = Statistics(recorder, nothing_read, nothing_read, self.clock, self.failures)
        self.performance = self._make(Performance, recorder)
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
    assert await rig.logger.record("7", "me", long, parameters={"a": long}, duration=1e300, success=False, **texts)
    (row,) = rig.taken
    assert isinstance(row, Invocation)
    assert (row.guild_id, row.user_id, row.outcome, row.discord_id) == (7, "me", Outcome.ERROR, None)
    assert (row.duration_s, row.started_at) == (LONGEST_S, rig.clock.now() - TEN_YEARS)
    lengths = [len(text or "") for text in (row.command, row.guild_name, row.username, row.error_message, row.details)]
    assert lengths == [200, 100, 100, 4_000, 4_000]
    assert json.loads(row.parameters or "") == {"a": "x" * 3_900}


@pytest.mark.parametrize("seconds", [math.nan, math.inf])
async def test_a_duration_that_is_no_number_was_not_measured(rig: Rig, seconds: float):
    assert await rig.logger.record(1, 2, "play", duration=seconds)
    assert await rig.statistics.song_played(1, seconds)
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
        {"error_type": ValueError},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_value_of_the_wrong_type_costs_its_row_and_is_told(rig: Rig, wrong: dict[str, Any]):
    assert not await rig.logger.record(**{"guild_id": 1, "user_id": 2, "command": "play"} | wrong)
    assert rig.taken == []
    assert (rig.failures.last or "").startswith(f"running CommandLog.record: TypeError: {next(iter(wrong))} must be ")


async def test_what_else_is_recorded_is_checked_too(rig: Rig):
    assert await rig.logger.record(None, "2", Name.PLAY)
    assert await rig.statistics.count_command("3", "2")
    assert await rig.statistics.song_skipped("3", 4)
    await rig.performance.record_duration("x" * 300, -1.0, guild_id="5")
    command, counted, skip, sample = rig.taken
    assert isinstance(command, Invocation)
    assert (command.command, type(command.command), command.guild_id, command.user_id) == ("play", str, None, 2)
    assert isinstance(counted, CountedCommand)
    assert (counted.guild_id, counted.user_id) == (3, 2)
    assert isinstance(skip, MusicEvent)
    assert (skip.guild_id, skip.user_id) == (3, 4)
    assert isinstance(sample, MetricSample)
    assert (len(sample.name), sample.value, sample.guild_id) == (200, 0.0, 5)
    assert not await rig.statistics.song_paused(None)
    assert not await rig.statistics.count_command(1.5, 2)
    assert not await rig.statistics.count_command(None, 2)
    await rig.performance.record_duration(4, 1.0)
    assert rig.failures.n == 4
    assert len(rig.taken) == 4
