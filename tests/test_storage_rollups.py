"""The roll-ups are what counting all rows would give, on both engines, whatever was written together."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import Event, Invocation, Kind, MetricSample, MusicEvent, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import CommandCounts, HourCount, MusicTotals, Period
from botmon_cog.errors import StorageError
from botmon_cog.store.alerts import execute
from botmon_cog.store.rollup import RollUps
from tests.engines import LOG, ROLLUPS, Storage, dump
from tests.storage_helpers import EVER, NOON, invocation, music, period, sample

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)

RATED_FAULTS = {Outcome.ERROR, Outcome.LATE, Outcome.UNANSWERED}
TOKENS = {Kind.SLASH, Kind.USER_MENU, Kind.MESSAGE_MENU, Kind.HYBRID_SLASH}

guilds = st.sampled_from([None, "1", "of a host"])
moments = st.builds(
    lambda minutes, ms: MONDAY + timedelta(minutes=minutes, milliseconds=ms),
    st.integers(0, 3 * 24 * 60) | st.integers(0, 3 * 24 * 4).map(lambda quarter: quarter * 15),
    st.just(0) | st.integers(0, 59_999),
)
durations = st.none() | st.floats(1e-4, 1_200.0)
invocations = st.lists(
    st.builds(
        invocation,
        kind=st.sampled_from(Kind),
        command=st.sampled_from(["play", "stats weekly", "🎵"]),
        outcome=st.sampled_from(Outcome),
        started_at=moments,
        duration_s=durations,
        response_s=durations,
        gateway_delay_s=durations,
        guild_id=guilds,
        user_id=st.sampled_from([None, "10", 10, 11, "somebody"]),
        is_own=st.sampled_from([False, False, False, True]),
    ),
    max_size=60,
)
songs = st.lists(
    st.builds(
        music,
        type=st.sampled_from(MusicEventType),
        occurred_at=moments,
        guild_id=st.sampled_from(["1", "of a host"]),
        duration_s=st.floats(0.0, 10_000.0),
    ),
    max_size=30,
)
samples = st.lists(
    st.builds(
        sample,
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
    engine.holds(check_counts, batches, st.lists(periods, min_size=2, max_size=2), examples=40, of_server=10)


async def check_counts(storage: Storage, written: list[list[Event]], wanted: list[Period]) -> None:
    for batch in written:
        await storage.write(batch)
    everything = [event for batch in written for event in batch if not getattr(event, "is_own", False)]
    for guild_id in (None, "1", "of a host"):
        stored = [event for event in everything if guild_id in (None, event.guild_id)]
        commands = [event for event in stored if type(event) is Invocation and not event.kind.is_component]
        executed = [event for event in commands if event.outcome.is_executed]
        for some in wanted:
            inside = [event for event in commands if some.start <= event.started_at < some.end]
            assert await storage.command_counts(guild_id, some) == counted(inside)
            assert await storage.hour_counts(guild_id, some) == by_hour(inside, some.start)
            ran = [event for event in inside if event.outcome.is_executed]
            assert await storage.unique_users(guild_id, some) == len({str(e.user_id) for e in ran if e.user_id})
            played = [e for e in stored if type(e) is MusicEvent and some.start <= e.occurred_at < some.end]
            assert await storage.music_totals(guild_id, some) == totals(played)
            await check_latencies(storage, guild_id, some, stored)
        last_used = {e.command: max(x.started_at for x in executed if x.command == e.command) for e in executed}
        assert await storage.last_used(guild_id) == {command: hour_of(at) for command, at in last_used.items()}
        assert await storage.first_seen(guild_id) == min((hour_of(e.started_at) for e in executed), default=None)
    events = [event for event in everything if type(event) is Invocation and not event.kind.is_component]
    assert dict(await storage.guilds(10)) == Counter(e.guild_id for e in events if e.guild_id and e.outcome.is_executed)
    since = wanted[0].start
    assert await storage.outcomes_by_minute(since) == by_minute([e for e in events if e.started_at >= since])


async def check_latencies(storage: Storage, guild_id: str | None, some: Period, stored: list[Event]) -> None:
    """The days (UTC) that the period touches count as a whole."""
    touched = [e for e in stored if some.start < some.end and day_of(some.start) <= day_of(_moment(e))]
    touched = [e for e in touched if datetime.combine(day_of(_moment(e)), time(), UTC) < some.end]
    found = await storage.latencies(guild_id, some)
    assert {key: h.counts for key, h in found.items()} == histograms(touched)
    of_one = {key: counts for key, counts in histograms(touched).items() if key[1] == "response"}
    assert {key: h.counts for key, h in (await storage.latencies(guild_id, some, "response")).items()} == of_one
    for command, metric in (("play", "duration"), ("play", "operation"), ("voice_connect", "failed")):
        days = await storage.latency_by_day(guild_id, some, command, metric)
        expected: dict[str, list[Event]] = defaultdict(list)
        for event in touched:
            expected[_moment(event).date().isoformat()].append(event)
        assert {day: h.counts for day, h in days.items()} == {
            day: of_day[command, metric]
            for day, events in expected.items()
            if (command, metric) in (of_day := histograms(events))
        }


def _moment(event: Any) -> datetime:
    return event.started_at if type(event) is Invocation else event.occurred_at


def day_of(moment: datetime) -> date:
    return moment.date()


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
        if event.outcome.is_executed:
            hours[start + (event.started_at - start) // HOUR * HOUR].append(event)
    return [
        HourCount(start=hour, n=len(of_hour), faults=sum(e.outcome in RATED_FAULTS for e in of_hour))
        for hour, of_hour in sorted(hours.items())
    ]


def by_minute(events: list[Invocation]) -> list[tuple[int, int, int]]:
    minutes: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for event in events:
        if event.outcome.is_rated:
            minute = minutes[int(event.started_at.timestamp()) // 60]
            minute[0] += 1
            minute[1] += event.outcome in RATED_FAULTS
    return [(minute, n, faults) for minute, (n, faults) in sorted(minutes.items())]


def totals(events: list[MusicEvent]) -> MusicTotals:
    types = Counter(event.type for event in events)
    return MusicTotals(
        songs_played=types[MusicEventType.SONG_PLAYED],
        playtime_s=sum(math.floor(round(e.duration_s, 6) + 0.5) for e in events),
        skips=types[MusicEventType.SKIP],
        pauses=types[MusicEventType.PAUSE],
    )


def histograms(events: list[Event]) -> dict[tuple[str, str], Counter[int]]:
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        measured: dict[tuple[str, str], float | None] = {}
        if type(event) is Invocation and event.outcome.is_timed and not event.kind.is_component:
            times = {"duration": event.duration_s, "response": event.response_s, "gateway": event.gateway_delay_s}
            if event.kind in TOKENS and event.duration_s is not None and event.duration_s > 900:
                times["duration"] = None
            measured = {(event.command, metric): value for metric, value in times.items()}
        elif type(event) is MetricSample and event.unit == "s":
            measured = {(event.name, "operation"): event.value}
            if not event.success:
                measured[event.name, "failed"] = event.value
        for key, value in measured.items():
            if value is not None:
                values[key].append(value)
    return {key: Counter(Histogram.of(found).counts) for key, found in values.items()}


def test_lots_and_order_make_no_difference(engine):
    engine.holds(check_order, batches, st.randoms(use_true_random=False), examples=20, of_server=6)


async def check_order(storage: Storage, written: list[list[Event]], random: Random) -> None:
    events = [event for batch in written for event in batch]
    await storage.write(events)
    once = await rollups(storage)
    for name in (*LOG, *ROLLUPS, "runs"):
        await storage.engine.write(execute(f"DELETE FROM @{name}", {}))  # noqa: S608
    other = Storage(storage.engine)
    random.shuffle(events)
    while events:
        size = random.randint(1, 20)
        await other.append(events[:size])
        if random.random() < 0.5:
            await RollUps(storage.engine, random.randint(1, 30)).lot()
        del events[:size]
    await other.rollups.catch_up()
    assert await rollups(storage) == once


async def rollups(storage: Storage) -> dict[str, list[str]]:
    """What is counted; a label has the id that it got first."""
    return await dump(storage, *ROLLUPS)


async def test_a_lot_is_no_larger_than_it_may_be(storage):
    rollups = RollUps(storage.engine, lot_rows=10)
    for _ in range(3):
        await storage.append([invocation(), music(), sample()] * 3)
    assert [await rollups.lot() for _ in range(4)] == [10, 10, 7, 0]
    assert [(await storage.command_counts("1", EVER))[0].n, await rollups.rows_behind()] == [9, 0]


async def test_a_lot_takes_the_rows_of_all_runs_the_oldest_run_first(engine):
    async with engine.storage("one") as one, engine.storage("other") as other:
        for storage in (one, other):
            await storage.append([invocation()] * 8)
        rollups = RollUps(other.engine, lot_rows=10)
        assert await rollups.lot() == 10
        assert await one.rows("SELECT rolled_up_seq FROM @runs ORDER BY id") == [(8,), (2,)]
        assert await rollups.lot() == 6


async def test_catching_up_ends_although_others_write_on(engine):
    async with engine.storage("one") as one, engine.storage("other") as other:
        await one.append([invocation()] * 30)
        rollups = RollUps(one.engine, lot_rows=10)
        lot, n = rollups.lot, 0

        async def lot_while_others_write() -> int:
            nonlocal n
            n += 1
            await other.append([invocation()] * 10)
            return await lot()

        rollups.lot = lot_while_others_write
        await rollups.catch_up()
        assert n == 3


async def test_processes_that_roll_up_at_once_count_each_row_once(engine):
    async with AsyncExitStack() as stack:
        storages = [await stack.enter_async_context(engine.storage(busy_timeout_s=30.0)) for _ in range(3)]

        async def work(storage: Storage) -> None:
            for _ in range(5):
                await storage.append([invocation(duration_s=1.0), music(duration_s=1.0)] * 10)
                await RollUps(storage.engine, lot_rows=7).catch_up()

        await asyncio.gather(*map(work, storages))
        await storages[0].rollups.catch_up()
        assert [counts.n for counts in await storages[0].command_counts("1", EVER)] == [150]
        assert (await storages[0].latencies("1", EVER))["play", "duration"].n == 150
        assert await storages[0].music_totals("1", EVER) == MusicTotals(songs_played=150, playtime_s=150)


async def test_a_roll_up_of_a_newer_version_is_refused(storage):
    await storage.write([invocation()])
    newer = {"data": msgspec.msgpack.encode([2, "something else"])}
    await storage.engine.write(execute("UPDATE @rollups SET data = :data", newer))
    with pytest.raises(StorageError, match="has the form 2, which this botmon_cog does not know"):
        await storage.command_counts("1", EVER)
    await storage.append([invocation()])
    with pytest.raises(StorageError, match="form 2"):
        await storage.rollups.catch_up()
    assert await storage.rollups.rows_behind() == 1


# -- periods -----------------------------------------------------------------------------------------------------------


async def test_a_period_whose_last_hour_is_cut_short_has_that_hour(storage):
    """As one in Australia/Lord_Howe that reaches over a change of clocks."""
    await storage.write([invocation(started_at=NOON + n * QUARTER) for n in range(8)])
    wanted = Period(name="test", start=NOON, end=NOON + HOUR * 1.5)
    assert [(h.start, h.n) for h in await storage.hour_counts("1", wanted)] == [(NOON, 4), (NOON + HOUR, 2)]
    assert sum(c.n for c in await storage.command_counts("1", wanted)) == 6


async def test_periods_may_be_short_or_long(storage):
    await storage.write([invocation(started_at=NOON + n * 29 * HOUR, duration_s=1.0) for n in range(100)])
    for hours in (24, 1_999, 2_000, 2_001, 30_000):
        wanted = period(NOON, hours)
        n = len([k for k in range(100) if k * 29 < hours])
        assert [c.n for c in await storage.command_counts("1", wanted)] == [n]
        assert len(await storage.hour_counts("1", wanted)) == n
