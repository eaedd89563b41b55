"""The roll-ups are what counting all rows would give, on both engines, whatever was written together."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import chain

import msgspec
from hypothesis import strategies as st

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import FAULTS, Invocation, Kind, MetricSample, MusicEvent, MusicEventType, Outcome
from botmon_cog.domain.reports import CommandCounts, HourCount, MusicTotals, Period
from tests.engines import AnyStorage, all_differences
from tests.storage_helpers import EVER, NOON, invocation, music, period, sample

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)

guilds = st.sampled_from([None, "1", "2"])
moments = st.builds(
    lambda minutes, ms: MONDAY + timedelta(minutes=minutes, milliseconds=ms),
    st.integers(0, 3 * 24 * 60) | st.integers(0, 3 * 24 * 4).map(lambda quarter: quarter * 15),
    st.just(0) | st.integers(0, 59_999),
)
durations = st.none() | st.floats(1e-4, 900.0)
invocations = st.lists(
    st.builds(
        invocation,
        event_id=st.integers(0, 80).map(str),  # some come twice
        kind=st.sampled_from(Kind),
        command=st.sampled_from(["play", "stats weekly", "🎵"]),
        outcome=st.sampled_from(Outcome),
        started_at=moments,
        duration_s=durations,
        response_s=durations,
        gateway_delay_s=durations,
        guild_id=guilds,
        user_id=st.sampled_from([None, "10", "11", "12"]),
    ),
    max_size=60,
)
songs = st.lists(
    st.builds(
        music,
        event_id=st.integers(0, 40).map(str),
        type=st.sampled_from(MusicEventType),
        occurred_at=moments,
        guild_id=st.sampled_from(["1", "2"]),
        duration_s=st.floats(-10.0, 10_000.0),
    ),
    max_size=30,
)
samples = st.lists(
    st.builds(
        sample,
        event_id=st.integers(0, 20).map(str),
        name=st.sampled_from(["voice_connect", "play"]),
        occurred_at=moments,
        value=st.floats(1e-4, 900.0),
        unit=st.sampled_from(["s", "s", "MB"]),
        success=st.booleans(),
        guild_id=guilds,
    ),
    max_size=20,
)
batches = st.lists(st.tuples(invocations, songs, samples).map(lambda kinds: [*chain(*kinds)]), min_size=1, max_size=4)
periods = st.builds(  # of whole hours and of half and quarter ones, empty ones, and such as end before they begin
    lambda start, length, unit: Period(name="test", start=MONDAY + start * unit, end=MONDAY + (start + length) * unit),
    st.integers(-8, 80),
    st.integers(-6, 80),
    st.sampled_from([HOUR, HOUR / 2, QUARTER]),
)


def test_the_roll_ups_are_what_counting_all_rows_would_give(engine):
    engine.holds(check_counts, batches, st.lists(periods, min_size=2, max_size=2), examples=40, of_server=15)


async def check_counts(storage: AnyStorage, written, wanted: list[Period]) -> None:
    first = {(type(event), event.event_id): event for batch in reversed(written) for event in reversed(batch)}
    for batch in written:
        await storage.write(batch)
    for guild_id in (None, "1", "2"):
        stored = [event for event in first.values() if guild_id in (None, event.guild_id)]
        commands = [event for event in stored if type(event) is Invocation]
        for some in wanted:
            inside = [event for event in commands if some.start <= event.started_at < some.end]
            assert await storage.command_counts(guild_id, some) == counted(inside)
            assert await storage.hour_counts(guild_id, some) == by_hour(inside, some.start)
            assert await storage.unique_users(guild_id, some) == len({e.user_id for e in inside} - {None})
            played = [e for e in stored if type(e) is MusicEvent and some.start <= e.occurred_at < some.end]
            assert await storage.music_totals(guild_id, some) == totals(played)
            await check_latencies(storage, guild_id, some, stored)
        last_used = {e.command: max(x.started_at for x in commands if x.command == e.command) for e in commands}
        assert await storage.last_used(guild_id) == {command: hour_of(at) for command, at in last_used.items()}
        assert await storage.first_seen(guild_id) == min((hour_of(e.started_at) for e in commands), default=None)
    events = [event for event in first.values() if type(event) is Invocation]
    assert dict(await storage.guilds(10)) == Counter(e.guild_id for e in events if e.guild_id)
    since = wanted[0].start
    assert await storage.outcomes_by_minute(since) == by_minute([e for e in events if e.started_at >= since])
    assert await all_differences(storage) == []


async def check_latencies(storage: AnyStorage, guild_id: str | None, some: Period, stored) -> None:
    """Of one guild, the days (UTC) that the period touches count as a whole; of all, the hours."""
    unit = HOUR if guild_id is None else timedelta(days=1)
    first, last = some.start.replace(minute=0), some.end
    if guild_id is not None:
        first = first.replace(hour=0)
    touched = [e for e in stored if some.start < some.end and _begin(e, unit) >= first and _begin(e, unit) < last]
    found = await storage.latencies(guild_id, some)
    assert {key: h.counts for key, h in found.items()} == histograms(touched)
    for command, metric in (("play", "duration"), ("play", "operation"), ("voice_connect", "failed")):
        days = await storage.latency_by_day(guild_id, some, command, metric)
        expected: dict[str, list[object]] = defaultdict(list)
        for event in touched:
            expected[_moment(event).date().isoformat()].append(event)
        assert {day: h.counts for day, h in days.items()} == {
            day: of_day[command, metric]
            for day, events in expected.items()
            if (command, metric) in (of_day := histograms(events))
        }


def _moment(event) -> datetime:
    return event.started_at if type(event) is Invocation else event.occurred_at


def _begin(event, unit: timedelta) -> datetime:
    moment = _moment(event)
    return moment - (moment - MONDAY) % unit


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def counted(events: list[Invocation]) -> list[CommandCounts]:
    commands = Counter(event.command for event in events)
    return [
        CommandCounts(
            command=command,
            n=n,
            **{o.value: sum(e.command == command and e.outcome == o for e in events) for o in Outcome},
        )
        for command, n in sorted(commands.items(), key=lambda item: (-item[1], item[0]))
    ]


def by_hour(events: list[Invocation], start: datetime) -> list[HourCount]:
    """Hours of the period: they begin when it does."""
    hours: dict[datetime, list[Invocation]] = defaultdict(list)
    for event in events:
        hours[start + (event.started_at - start) // HOUR * HOUR].append(event)
    return [
        HourCount(start=hour, n=len(of_hour), faults=sum(e.outcome in FAULTS for e in of_hour))
        for hour, of_hour in sorted(hours.items())
    ]


def by_minute(events: list[Invocation]) -> list[tuple[int, int, int]]:
    minutes: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for event in events:
        minute = minutes[int(event.started_at.timestamp()) // 60]
        minute[0] += 1
        minute[1] += event.outcome in FAULTS
    return [(minute, n, faults) for minute, (n, faults) in sorted(minutes.items())]


def totals(events: list[MusicEvent]) -> MusicTotals:
    types = Counter(event.type for event in events)
    return MusicTotals(
        songs_played=types[MusicEventType.SONG_PLAYED],
        playtime_s=sum(math.floor(max(e.duration_s, 0) + 0.5) for e in events),
        skips=types[MusicEventType.SKIP],
        pauses=types[MusicEventType.PAUSE],
    )


def histograms(events) -> dict[tuple[str, str], Counter[int]]:
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        measured: dict[tuple[str, str], float | None] = {}
        if type(event) is Invocation:
            times = {"duration": event.duration_s, "response": event.response_s, "gateway": event.gateway_delay_s}
            measured = {(event.command, metric): value for metric, value in times.items()}
        elif type(event) is MetricSample and event.unit == "s":
            measured = {(event.name, "operation"): event.value}
            if not event.success:
                measured[event.name, "failed"] = event.value
        for key, value in measured.items():
            if value is not None:
                values[key].append(value)
    return {key: Counter(Histogram.of(found).counts) for key, found in values.items()}


def test_what_was_written_together_in_which_order_makes_no_difference(engine):
    engine.holds(check_order, batches, st.randoms(use_true_random=False), examples=20, of_server=6)


async def check_order(storage: AnyStorage, written, random) -> None:
    events = list({(type(event), event.event_id): event for batch in written for event in batch}.values())
    await storage.write(events)
    once = await rollups(storage)
    for name in TABLES:
        await storage.execute(f"DELETE FROM {name}", {})  # noqa: S608
    random.shuffle(events)
    while events:
        size = random.randint(1, 20)
        await storage.write(events[:size])
        del events[:size]
    assert await rollups(storage) == once


TABLES = ("audit_logs", "music_events", "custom_metrics", "bot_stats", "command_hourly", "command_seen")
TABLES += ("active_users", "latency_hourly", "latency_daily", "music_hourly")


async def rollups(storage: AnyStorage) -> dict[str, list[str]]:
    columns = dict.fromkeys(TABLES[4:], "*")
    columns["bot_stats"] = (
        "guild_id, date, total_songs_played, total_playtime, total_skips, total_pauses, commands_executed, unique_users"
    )
    return {
        name: sorted(repr(tuple(row)) for row in await storage.rows(f"SELECT {what} FROM {name}", {}))  # noqa: S608
        for name, what in columns.items()
    }


async def test_a_period_whose_last_hour_is_cut_short_has_that_hour(storage):
    """As one in Australia/Lord_Howe that reaches over a change of clocks."""
    await storage.write([invocation(started_at=NOON + n * QUARTER) for n in range(8)])
    wanted = Period(name="test", start=NOON, end=NOON + HOUR * 1.5)
    assert [(h.start, h.n) for h in await storage.hour_counts("1", wanted)] == [(NOON, 4), (NOON + HOUR, 2)]
    assert sum(c.n for c in await storage.command_counts("1", wanted)) == 6


async def test_long_periods_are_read_in_one_go_and_short_ones_hour_by_hour_with_the_same_result(storage):
    await storage.write([invocation(started_at=NOON + n * 29 * HOUR, duration_s=1.0) for n in range(100)])
    for hours in (24, 1_999, 2_000, 2_001, 30_000):
        wanted = period(NOON, hours)
        n = len([k for k in range(100) if k * 29 < hours])
        assert [c.n for c in await storage.command_counts("1", wanted)] == [n]
        assert len(await storage.hour_counts("1", wanted)) == n


async def test_what_bot_stats_held_before_counts_on_the_day_whose_noon_is_in_the_period(storage):
    await storage.open()
    day = (MONDAY - datetime(1970, 1, 1, tzinfo=UTC)).days
    values = f"({day}, '1', 1, 10, 2, 3, 4, 5), ({day + 1}, '1', 10, 100, 20, 30, 0, 0), ({day}, '2', 5, 0, 0, 0, 0, 0)"
    columns = "day, guild_id, songs, playtime_s, skips, pauses, commands, users"
    await storage.execute(f"INSERT INTO legacy_stats ({columns}) VALUES {values}", {})  # noqa: S608
    await storage.write([music(duration_s=7.0)])
    one, two = (1, 10), (10, 100)
    for start, hours, expected in [
        (0, 24, [one]),
        (0, 48, [one, two]),
        (12, 1, [one]),
        (11.5, 1, [one]),
        (11.75, 0.25, []),
        (11.5, 0.75, [one]),
        (12.25, 1, []),
        (13, 23, []),
        (-5.5, 24, [one]),
        (18.5, 24, [two]),
        (13, -2, []),
        (12, 0, []),
    ]:
        wanted = period(MONDAY + start * HOUR, hours)
        is_played = wanted.start <= NOON < wanted.end
        found = await storage.music_totals("1", wanted)
        assert (found.songs_played, found.playtime_s) == (
            sum(n for n, _ in expected) + is_played,
            sum(s for _, s in expected) + 7 * is_played,
        ), (start, hours)
    everything = await storage.music_totals(None, EVER)
    assert everything == MusicTotals(songs_played=17, playtime_s=117, skips=22, pauses=33)
    assert await storage.command_counts("1", EVER) == [], "commands of before are in bot_stats alone"


async def test_an_older_name_of_a_guild_is_replaced_by_one_that_is_written_later(storage):
    event = invocation(guild_name="Home")
    await storage.write([event, msgspec.structs.replace(event, event_id="other", guild_name="House")])
    assert await storage.guild_name("1") == "House"
