"""What is stored, and that it is stored exactly once, on both engines."""

from __future__ import annotations

import math
from datetime import UTC, timedelta, timezone

import msgspec
import pytest

from botmon_cog.domain.models import HealthRecord, Invocation, Kind, Outcome
from botmon_cog.domain.reports import MusicTotals
from botmon_cog.errors import StorageError
from botmon_cog.storage.base import HistoryFilter, RejectedError
from tests.engines import dump, table
from tests.storage_helpers import EVER, NOON, RAW_TABLES, invocation, music, sample


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


async def test_rows_have_the_order_of_their_times_and_then_of_the_batches(storage):
    moments = [NOON + timedelta(milliseconds=n // 2) for n in range(50)]
    for first in (0, 1):
        some = range(first, 50, 2)
        await storage.write([invocation(command=str(n), started_at=moments[n]) for n in reversed(some)])
    entries = await storage.history(HistoryFilter())
    assert [entry.command for entry in reversed(entries)] == [str(n) for n in range(50)]


async def test_a_batch_may_hold_all_kinds_of_events(storage):
    health = HealthRecord(event_id="h", occurred_at=NOON, status="healthy", rss_bytes=2**40, cpu_percent=1.5)
    await storage.write([invocation(), music(), sample(), health, invocation()])
    assert len(await storage.history(HistoryFilter())) == 2
    assert (await storage.music_totals("1", EVER)).songs_played == 1
    metric = "SELECT name, unit, value, guild_id, instance FROM custom_metrics WHERE success"
    assert await table(storage, metric) == [("voice_connect", "s", 1.5, None, "test")]
    assert [(m.occurred_at, m.status) for m in await storage.health_history(NOON)] == [(NOON, "healthy")]


async def test_an_empty_batch_changes_nothing(storage):
    await storage.write([])
    assert await storage.history(HistoryFilter()) == []


async def test_an_event_that_comes_twice_changes_neither_rows_nor_roll_ups(storage):
    events = [invocation(duration_s=1.0), music(duration_s=60.0), sample()]
    events.append(HealthRecord(event_id="h", occurred_at=NOON, status="healthy"))
    await storage.write([*events, *events])
    once = await dump(storage)
    assert [len(once[name]) for name in RAW_TABLES] == [1, 1, 1, 1]
    await storage.write(events)
    await storage.write([msgspec.structs.replace(event, details="another text") for event in events[:1]])
    assert await dump(storage) == once
    assert await table(storage, "SELECT n, ok FROM command_hourly") == [(1, 1)]
    day = "SELECT commands_executed, unique_users, total_playtime FROM bot_stats"
    assert await table(storage, day) == [(1, 1, 60)]


async def test_an_event_id_that_another_instance_stored_counts_once(engine):
    events = [invocation(), music(), sample()]
    async with engine.storage("one") as one, engine.storage("other") as other:
        await one.write(events)
        once = await dump(one)
        await other.write([*events, invocation()])
        (counts,) = await one.command_counts(None, EVER)
        assert counts.n == 2
        assert sorted(await table(one, "SELECT instance FROM audit_logs")) == [("one",), ("other",)]
        assert await dump(one, "music_events", "custom_metrics") == {
            name: once[name] for name in ("music_events", "custom_metrics")
        }


async def test_ids_of_different_kinds_of_events_do_not_meet(storage):
    await storage.write([invocation(event_id="same"), music(event_id="same"), sample(event_id="same")])
    assert [len(await table(storage, f"SELECT * FROM {name}")) for name in RAW_TABLES] == [1, 1, 1, 0]  # noqa: S608


async def test_new_events_beside_one_that_is_known_are_counted(storage):
    known = invocation()
    await storage.write([known])
    await storage.write([known, invocation(), known])
    (counts,) = await storage.command_counts("1", EVER)
    assert counts.n == 2


async def test_a_batch_that_fails_is_not_stored_in_part(storage):
    await storage.write([invocation()])
    before = await dump(storage)
    await storage.execute("ALTER TABLE music_hourly RENAME TO away", {})
    with pytest.raises(StorageError, match="music_hourly") as caught:
        await storage.write([invocation(), sample(), music()])
    assert not isinstance(caught.value, RejectedError)
    await storage.execute("ALTER TABLE away RENAME TO music_hourly", {})
    assert await dump(storage) == before
    await storage.write([invocation(), music()])
    assert (await storage.music_totals(None, EVER)).songs_played == 1


async def test_a_day_of_statistics_counts_its_users_once_over_many_batches(storage):
    for user in ("10", "11", "10", None, "11", "12"):
        await storage.write([invocation(user_id=user), invocation(user_id=user, guild_id=None)])
    day = "SELECT guild_id, date, commands_executed, unique_users FROM bot_stats"
    assert await table(storage, day) == [("1", "2026-01-05", 6, 3)]


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
    assert await table(storage, "SELECT * FROM custom_metrics") == []
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
        "x" * 600,
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


async def test_texts_that_are_no_keys_may_be_long(storage):
    text = "🎵x" * 100_000
    await storage.write([invocation(username=text, parameters=text, details=text, error_message=text)])
    (entry,) = await storage.history(HistoryFilter())
    assert (entry.username, entry.parameters, entry.details, entry.error_message) == (text,) * 4


async def test_a_key_that_is_too_long_for_an_index_costs_that_event_alone(engine, storage):
    absurd = "".join(map(chr, range(0x4E00, 0x4E00 + 9_000)))
    try:
        await storage.write([invocation(command=absurd)])
    except RejectedError:
        assert not engine.is_sqlite
    else:
        assert engine.is_sqlite
    await storage.write([invocation()])
    assert "play" in await storage.last_used("1")


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


async def test_a_constraint_of_the_host_rejects_the_row(engine, storage):
    await storage.open()
    if engine.is_sqlite:
        refuse = "WHEN new.guild_id IS NULL BEGIN SELECT RAISE(ABORT, 'no'); END"
        await storage.execute(f"CREATE TRIGGER no_dm BEFORE INSERT ON audit_logs {refuse}", {})
    else:
        await storage.execute("ALTER TABLE audit_logs ADD CONSTRAINT no_dm CHECK (guild_id IS NOT NULL)", {})
    with pytest.raises(RejectedError, match="no"):
        await storage.write([invocation(), invocation(guild_id=None)])
    await storage.write([invocation()])
    assert len(await storage.history(HistoryFilter())) == 1


async def test_any_time_zone_is_stored_as_utc(storage):
    away = timezone(timedelta(hours=5, minutes=30))
    await storage.write([invocation(started_at=NOON.astimezone(away))])
    (entry,) = await storage.history(HistoryFilter())
    assert entry.timestamp == NOON
    assert entry.timestamp.tzinfo is UTC
    assert [hour.start for hour in await storage.hour_counts("1", EVER)] == [NOON]
