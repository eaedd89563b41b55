"""What is stored, exactly once, and what the roll-ups make of it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import FAULTS, HealthRecord, Invocation, Kind, MetricSample, MusicEventType, Outcome
from botmon_cog.domain.reports import CommandCounts, HourCount, MusicTotals
from botmon_cog.errors import StorageError
from botmon_cog.storage import queries
from botmon_cog.storage.base import HistoryFilter, RejectedError
from botmon_cog.storage.sqlite import SqliteStorage
from tests.storage_helpers import EVER, NOON, dump, invocation, music, period, rows

HOUR = timedelta(hours=1)


@asynccontextmanager
async def in_memory() -> AsyncIterator[SqliteStorage]:
    storage = SqliteStorage(":memory:", instance="test")
    try:
        yield storage
    finally:
        await storage.close()


@pytest.fixture
async def storage():
    async with in_memory() as storage:
        yield storage


def sample(**fields):
    defaults = {"event_id": f"sample-{len(fields)}", "name": "voice_connect", "occurred_at": NOON, "value": 1.5}
    return MetricSample(**defaults | fields)


async def test_every_field_of_an_invocation_is_kept(storage):
    event = Invocation(
        event_id="7",
        kind=Kind.HYBRID_SLASH,
        command="queue add",
        outcome=Outcome.LATE,
        started_at=NOON + timedelta(milliseconds=123),
        duration_s=3.25,
        response_s=3.125,
        gateway_delay_s=0.5,
        guild_id="1",
        guild_name="Home",
        channel_id="2",
        user_id="10",
        username="ann",
        shard_id=4,
        parameters='{"song": "x"}',
        details="free text",
        error_type="NotFound",
        error_message="Unknown interaction",
    )
    await storage.write([event])
    (entry,) = await storage.history(HistoryFilter())
    kept = {
        name: value for name, value in msgspec.structs.asdict(event).items() if name not in ("event_id", "started_at")
    }
    found = msgspec.structs.asdict(entry)
    assert {name: found[name] for name in kept} == kept
    assert (entry.timestamp, entry.success, entry.instance) == (event.started_at, False, "test")


async def test_what_was_not_measured_stays_unknown(storage):
    await storage.write([invocation(guild_id=None, user_id=None)])
    (entry,) = await storage.history(HistoryFilter())
    assert (entry.duration_s, entry.response_s, entry.guild_id, entry.user_id, entry.parameters) == (None,) * 5
    assert await storage.latencies(None, EVER) == {}
    assert await storage.unique_users(None, EVER) == 0


async def test_rows_have_the_order_of_the_batch(storage):
    await storage.write([invocation(command=str(n)) for n in range(50)])
    entries = await storage.history(HistoryFilter())
    assert [entry.command for entry in reversed(entries)] == [str(n) for n in range(50)]


async def test_a_batch_may_hold_all_kinds_of_events(storage):
    health = HealthRecord(event_id="h", occurred_at=NOON, status="healthy", rss_bytes=2**40, cpu_percent=1.5)
    await storage.write([invocation(), music(), sample(), health, invocation()])
    assert len(await storage.history(HistoryFilter())) == 2
    assert (await storage.music_totals("1", EVER)).songs_played == 1
    assert [(m.name, m.unit, m.value, m.success) for m in await storage.metric_values(None, EVER, 10)] == [
        ("voice_connect", "s", 1.5, True)
    ]
    assert [(m.occurred_at, m.status) for m in await storage.health_history(NOON)] == [(NOON, "healthy")]


async def test_an_empty_batch_changes_nothing(storage):
    await storage.write([])
    assert await storage.history(HistoryFilter()) == []


async def test_an_event_that_comes_twice_changes_neither_rows_nor_roll_ups(tmp_path):
    path = tmp_path / "once.db"
    storage = SqliteStorage(str(path), instance="test")
    events = [invocation(duration_s=1.0), music(duration_s=60.0), sample()]
    events.append(HealthRecord(event_id="h", occurred_at=NOON, status="healthy"))
    await storage.write([*events, *events])
    once = dump(path)
    await storage.write(events)
    await storage.write([msgspec.structs.replace(event, event_id=event.event_id) for event in events])
    await storage.close()
    assert dump(path) == once
    assert rows(path, "SELECT n, ok FROM command_hourly") == [(1, 1)]
    assert rows(path, "SELECT commands_executed, unique_users, total_playtime FROM bot_stats") == [(1, 1, 60)]


async def test_new_events_beside_one_that_is_known_are_counted(storage):
    known = invocation()
    await storage.write([known])
    await storage.write([known, invocation(), known])
    (counts,) = await storage.command_counts("1", EVER)
    assert counts.n == 2


async def test_a_batch_that_fails_is_not_stored_in_part(tmp_path, monkeypatch):
    path = tmp_path / "part.db"
    storage = SqliteStorage(str(path), instance="test")
    await storage.write([invocation()])
    before = dump(path)
    with monkeypatch.context() as patch:
        patch.setattr(queries, "MUSIC_ROLLUP", "SELECT no_such_function()")
        with pytest.raises(StorageError, match="no_such_function") as caught:
            await storage.write([invocation(), music()])
    assert not isinstance(caught.value, RejectedError)
    assert dump(path) == before
    await storage.write([invocation(), music()])
    await storage.close()


guilds = st.sampled_from([None, "1", "2"])
moments = st.builds(
    lambda minutes, ms: datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=minutes, milliseconds=ms),
    st.integers(0, 3 * 24 * 60),
    st.integers(0, 59_999),
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


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(invocations, min_size=1, max_size=4), st.data())
async def test_the_roll_ups_are_what_counting_all_rows_would_give(batches, data):
    first = {event.event_id: event for event in reversed([event for batch in batches for event in batch])}
    hours = data.draw(st.integers(1, 72))
    wanted = period(datetime(2026, 1, 5, tzinfo=UTC) + data.draw(st.integers(0, 71)) * HOUR, hours)
    async with in_memory() as storage:
        for batch in batches:
            await storage.write(batch)
        for guild_id in (None, "1", "2"):
            stored = [e for e in first.values() if guild_id in (None, e.guild_id)]
            inside = [e for e in stored if wanted.start <= e.started_at < wanted.end]
            dates = {wanted.start.date() + timedelta(days=n) for n in range(5)}
            dates = {d for d in dates if d <= (wanted.end - HOUR).date()}
            on_dates = [e for e in stored if e.started_at.date() in dates]
            assert await storage.command_counts(guild_id, wanted) == counted(inside)
            assert await storage.hour_counts(guild_id, wanted) == by_hour(inside)
            assert await storage.unique_users(guild_id, wanted) == len({e.user_id for e in inside} - {None})
            of_whom = inside if guild_id is None else on_dates
            found = await storage.latencies(guild_id, wanted)
            assert {key: h.counts for key, h in found.items()} == histograms(of_whom)
            days = await storage.latency_by_day(guild_id, wanted, "play", "duration")
            for date, histogram in days.items():
                of_day = [e for e in of_whom if e.started_at.date().isoformat() == date]
                assert histogram.counts == histograms(of_day)["play", "duration"]
            assert sum(h.n for h in days.values()) == sum(histograms(of_whom).get(("play", "duration"), {}).values())
            last_used = {e.command: max(x.started_at for x in stored if x.command == e.command) for e in stored}
            assert await storage.last_used(guild_id) == {command: hour_of(at) for command, at in last_used.items()}
            assert await storage.first_seen(guild_id) == min((hour_of(e.started_at) for e in stored), default=None)
        busiest = Counter(e.guild_id for e in first.values() if e.guild_id)
        assert dict(await storage.guilds(10)) == busiest
        minutes = await storage.outcomes_by_minute(wanted.start)
        assert minutes == by_minute([e for e in first.values() if e.started_at >= wanted.start])


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


def by_hour(events: list[Invocation]) -> list[HourCount]:
    hours = sorted({hour_of(event.started_at) for event in events})
    return [
        HourCount(
            start=hour,
            n=sum(hour_of(e.started_at) == hour for e in events),
            faults=sum(hour_of(e.started_at) == hour and e.outcome in FAULTS for e in events),
        )
        for hour in hours
    ]


def by_minute(events: list[Invocation]) -> list[tuple[int, int, int]]:
    totals: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for event in events:
        minute = totals[int(event.started_at.timestamp()) // 60]
        minute[0] += 1
        minute[1] += event.outcome in FAULTS
    return [(minute, n, faults) for minute, (n, faults) in sorted(totals.items())]


def histograms(events: list[Invocation]) -> dict[tuple[str, str], Counter[int]]:
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        measured = {"duration": event.duration_s, "response": event.response_s, "gateway": event.gateway_delay_s}
        for metric, value in measured.items():
            if value is not None:
                values[event.command, metric].append(value)
    return {key: Histogram.of(found).counts for key, found in values.items()}


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


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(songs, min_size=1, max_size=4))
async def test_music_totals_do_not_depend_on_what_was_written_together(batches):
    first = {event.event_id: event for event in reversed([event for batch in batches for event in batch])}
    async with in_memory() as storage:
        for batch in batches:
            await storage.write(batch)
        for guild_id in (None, "1"):
            stored = [e for e in first.values() if guild_id in (None, e.guild_id)]
            types = Counter(e.type for e in stored)
            assert await storage.music_totals(guild_id, EVER) == MusicTotals(
                songs_played=types[MusicEventType.SONG_PLAYED],
                playtime_s=sum(math.floor(max(e.duration_s, 0) + 0.5) for e in stored),
                skips=types[MusicEventType.SKIP],
                pauses=types[MusicEventType.PAUSE],
            )


async def test_a_day_of_statistics_counts_its_users_once_over_many_batches(tmp_path):
    path = tmp_path / "days.db"
    storage = SqliteStorage(str(path), instance="test")
    for user in ("10", "11", "10", None, "11", "12"):
        await storage.write([invocation(user_id=user), invocation(user_id=user, guild_id=None)])
    await storage.close()
    assert rows(path, "SELECT guild_id, date, commands_executed, unique_users FROM bot_stats") == [
        ("1", "2026-01-05", 6, 3)
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_a_value_that_is_no_number_harms_nothing(storage, value):
    await storage.write(
        [
            invocation(duration_s=value, response_s=value, gateway_delay_s=value),
            music(duration_s=value),
            sample(value=value),
            HealthRecord(event_id="h", occurred_at=NOON, status="healthy", error_rate=value, database_s=value),
        ]
    )
    assert [entry.duration_s for entry in await storage.history(HistoryFilter())] == [None]
    assert await storage.music_totals("1", EVER) == MusicTotals(songs_played=1)
    assert await storage.metric_values(None, EVER, 10) == []
    assert await storage.latencies(None, EVER) == {}


async def test_a_song_counts_for_a_day_at_the_most_and_for_nothing_at_the_least(storage):
    await storage.write([music(duration_s=9.2e15), music(duration_s=1e300), music(duration_s=-5.0)])
    assert (await storage.music_totals("1", EVER)).playtime_s == 2 * 24 * 3600


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE audit_logs; --",
        '" OR 1=1 --',
        "100 % _ * ?",
        "🎵 👩‍👩‍👧",
        "שלום עליכם",
        "\u202eright to left",
        "line\nbreak\ttab\x7f",
        "\\u0000 as text",
        "[1, 2]",
        '{"a": null}',
        "",
        " ",
        "x" * 200_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
async def test_any_text_comes_back_as_it_was_and_finds_its_own_rows_only(storage, text):
    odd = invocation(
        command=text, user_id=text, guild_id=text or "1", guild_name=text, parameters=text, details=text, event_id=text
    )
    await storage.write([odd, invocation()])
    (entry,) = await storage.history(HistoryFilter(command=text, user_id=text))
    texts = (entry.command, entry.user_id, entry.guild_name, entry.parameters, entry.details)
    assert texts == (text,) * 5
    assert [(c.command, c.n) for c in await storage.command_counts(text or "1", EVER) if c.command == text] == [
        (text, 1)
    ]
    assert len(await storage.history(HistoryFilter())) == 2


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        ("a\ud800b", "a\N{REPLACEMENT CHARACTER}b"),
        ("end\udbff", "end\N{REPLACEMENT CHARACTER}"),
        ("\ud83c\udfb5", "🎵"),
    ],
    ids=ascii,
)
async def test_what_no_database_takes_in_a_text_is_replaced_and_the_row_is_kept(storage, text, stored):
    await storage.write([invocation(command=text, details=text), invocation(details="\\u0000 as text")])
    second, first = await storage.history(HistoryFilter())
    assert (first.command, first.details) == (stored, stored)
    assert second.details == "\\u0000 as text"


@pytest.mark.parametrize(
    "wrong", [invocation(parameters=object()), music(event_id=None)], ids=["no JSON", "no event id"]
)
async def test_an_event_that_can_never_be_stored_is_told_apart_from_a_database_that_is_away(storage, wrong):
    with pytest.raises(RejectedError):
        await storage.write([invocation(), wrong])
    assert await storage.history(HistoryFilter()) == []


async def test_a_constraint_of_the_host_rejects_the_row(tmp_path):
    path = tmp_path / "host.db"
    storage = SqliteStorage(str(path), instance="test")
    await storage.open()
    refuse = "WHEN new.guild_id IS NULL BEGIN SELECT RAISE(ABORT, 'no'); END"
    rows(path, f"CREATE TRIGGER no_dm BEFORE INSERT ON audit_logs {refuse}")
    with pytest.raises(RejectedError, match="no"):
        await storage.write([invocation(), invocation(guild_id=None)])
    await storage.write([invocation()])
    await storage.close()


async def test_any_time_zone_is_stored_as_utc(storage):
    away = timezone(timedelta(hours=5, minutes=30))
    await storage.write([invocation(started_at=NOON.astimezone(away))])
    (entry,) = await storage.history(HistoryFilter())
    assert entry.timestamp == NOON
    assert entry.timestamp.tzinfo is UTC
    assert [hour.start for hour in await storage.hour_counts("1", EVER)] == [NOON]
