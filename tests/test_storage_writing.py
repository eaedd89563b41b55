"""What is stored, and that it is stored exactly once, on both engines."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.domain.models import (
    AnsweredElsewhere,
    AutocompleteCalls,
    BackgroundFailures,
    BackgroundKind,
    CountedCommand,
    Event,
    GuildMembership,
    HealthRecord,
    Invocation,
    Kind,
    MembershipChange,
    MetricKind,
    MetricSample,
    MusicEvent,
    MusicEventType,
)
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import MusicTotals
from botmon_cog.domain.taken import LARGEST, LONGEST_S, taken_id
from botmon_cog.errors import ConflictError, StorageError
from botmon_cog.store.alerts import execute
from botmon_cog.store.history import HistoryFilter
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.records import fields, label_ids, milliseconds, moment
from botmon_cog.store.retention import raise_raw_since
from botmon_cog.store.schema import LOG_TABLES
from botmon_cog.store.tools.proof import differences
from tests.engines import LOG, Engine, Storage, dump
from tests.storage_helpers import (
    EVER,
    NOON,
    autocompletion,
    background_failure,
    counted_command,
    elsewhere,
    error_group,
    invocation,
    membership,
    music,
    point,
    sample,
)

ENTRY_ONLY = {"id", "instance"}
STATE = "SELECT last_seq, rolled_up_seq, recount_seq FROM @runs ORDER BY id"


def check(**values: object) -> HealthRecord:
    return HealthRecord(**{"occurred_at": NOON, "status": "healthy"} | values)


async def kept(storage: Storage, kind: type[Event]) -> list[dict[str, object]]:
    """The events of a kind as they are in the log, by seq."""
    table = LOG_TABLES[kind]
    columns = tuple(column for column in table.of if column.name in table.columns)
    names = ", ".join(column.name for column in columns)
    rows = await storage.rows(f"SELECT {names} FROM @{table.name} ORDER BY run_id, seq")  # noqa: S608
    texts = dict(await storage.rows("SELECT id, text FROM @labels"))
    assert label_ids(columns, rows) <= texts.keys()
    return [fields(columns, row, texts) for row in rows]


def as_kept(event: Event) -> dict[str, object]:
    """The fields of an event as the log has them: ids as text."""
    ids = {"guild_id", "channel_id", "user_id"}
    values = msgspec.structs.asdict(event)
    values.pop("guild_name", None)
    return {name: str(value) if name in ids and value is not None else value for name, value in values.items()}


# -- values ------------------------------------------------------------------------------------------------------------


async def test_every_field_of_an_invocation_is_kept(storage):
    event = Invocation(
        kind=Kind.HYBRID_SLASH,
        command="queue add",
        outcome=Outcome.LATE,
        started_at=NOON + timedelta(milliseconds=123),
        duration_s=3.25,
        response_s=3.125,
        gateway_delay_s=0.5,
        guild_id=1,
        guild_name="Home",
        channel_id=2,
        user_id=10,
        username="ann",
        shard_id=4,
        discord_id=1_111_111_111_111_111_111,
        parameters='{"song": "x"}',
        details="free text",
        error_type="NotFound",
        error_message="Unknown interaction",
    )
    await storage.write([event])
    (entry,) = await storage.history_of(HistoryFilter())
    found = msgspec.structs.asdict(entry)
    assert {name: value for name, value in found.items() if name not in ENTRY_ONLY} == {
        **as_kept(event),
        "guild_name": "Home",
    }
    assert (entry.success, entry.instance) == (False, "test")
    assert await kept(storage, Invocation) == [as_kept(event)]


async def test_every_field_of_the_other_events_is_kept(storage):
    events = [
        music(type=MusicEventType.PAUSE, user_id=10, duration_s=0.25, shard_id=3),
        counted_command(guild_id="of a host", user_id=None, shard_id=3),
        sample(value=2.5, unit="MB", success=False, guild_id=2, user_id=10, shard_id=3),
        check(
            status="degraded",
            reason=Reason.of("why", n=1),
            rss_bytes=2**40,
            cpu_percent=1.5,
            database_s=0.002,
            error_rate=0.25,
        ),
        check(),
        autocompletion(),
        autocompletion(n=0, failed=0, durations=()),
        background_failure(kind=BackgroundKind.LOOP, n=7, error_type=None, error_message=None),
        background_failure(kind=BackgroundKind.TASK),
        membership(),
        point(),
        point(
            labels="region=eu,state=on",
            kind=MetricKind.TIMER,
            unit="s",
            total=-0.25,
            last=1e-12,
            lowest=-1e15,
            highest=1e15,
            minutes=(1 << 60) - 1,
            buckets=((-518, 2), (864, 1)),
        ),
        membership(change=MembershipChange.LEFT, guild_id="of a host", member_count=None, locale=None),
        elsewhere(),
    ]
    await storage.write(events)
    for kind in LOG_TABLES:
        assert await kept(storage, kind) == [as_kept(event) for event in events if type(event) is kind]


async def test_the_name_of_a_guild_that_was_joined_is_kept(storage):
    await storage.write([invocation(guild_name="Old"), membership(guild_name="New"), membership(guild_id="2")])
    assert [await storage.guild_name(guild) for guild in ("1", "2")] == ["New", "Home"]


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
ids = st.none() | st.integers(1, LARGEST) | st.integers().map(taken_id) | texts.map(taken_id)
moments = st.integers(0, 8_000_000_000_000).map(moment)
seconds = st.integers(0, int(LONGEST_S * 1e6)).map(lambda us: us / 1e6)
durations = st.none() | seconds
integers = st.integers(-LARGEST - 1, LARGEST)
events = st.one_of(
    st.builds(
        Invocation,
        kind=st.sampled_from(Kind),
        command=texts,
        outcome=st.sampled_from(Outcome),
        started_at=moments,
        duration_s=durations,
        response_s=durations,
        gateway_delay_s=durations,
        guild_id=ids,
        channel_id=ids,
        user_id=ids,
        username=st.none() | texts,
        shard_id=integers,
        discord_id=st.none() | integers,
        parameters=st.none() | texts,
        details=st.none() | texts,
        error_type=st.none() | texts,
        error_message=st.none() | texts,
        is_own=st.booleans(),
    ),
    st.builds(
        MusicEvent,
        type=st.sampled_from(MusicEventType),
        occurred_at=moments,
        guild_id=ids.map(lambda id_: "" if id_ is None else id_),
        user_id=ids,
        duration_s=seconds,
        shard_id=integers,
    ),
    st.builds(
        CountedCommand,
        occurred_at=moments,
        guild_id=ids.map(lambda id_: "" if id_ is None else id_),
        user_id=ids,
        shard_id=integers,
    ),
    st.builds(
        MetricSample,
        name=texts,
        occurred_at=moments,
        value=st.floats(allow_nan=False, allow_infinity=False),
        unit=texts,
        success=st.booleans(),
        guild_id=ids,
        user_id=ids,
        shard_id=integers,
    ),
    st.builds(
        HealthRecord,
        occurred_at=moments,
        status=texts,
        reason=st.none() | st.builds(lambda what, value: Reason.of(what, value=value), texts, texts),
        rss_bytes=st.none() | integers,
        cpu_percent=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        database_s=durations,
        error_rate=st.none() | st.floats(0, 1),
    ),
    st.builds(
        AutocompleteCalls,
        command=texts,
        started_at=moments,
        n=integers,
        failed=integers,
        durations=st.lists(st.tuples(integers, integers), max_size=4).map(tuple),
    ),
    st.builds(
        BackgroundFailures,
        kind=st.sampled_from(BackgroundKind),
        place=texts,
        started_at=moments,
        n=integers,
        error_type=st.none() | texts,
        error_message=st.none() | texts,
    ),
    st.builds(
        GuildMembership,
        change=st.sampled_from(MembershipChange),
        occurred_at=moments,
        guild_id=ids.map(lambda id_: "" if id_ is None else id_),
        member_count=st.none() | integers,
        locale=st.none() | texts,
    ),
    st.builds(
        AnsweredElsewhere,
        discord_id=integers,
        received_at=moments,
        invocation=st.builds(
            invocation, command=texts, guild_name=st.none() | texts, username=texts, guild_id=ids, started_at=moments
        ),
    ),
)


def test_whatever_is_taken_is_kept_as_it_was(engine):
    engine.holds(check_kept, st.lists(events, max_size=20), examples=40, of_server=10)


async def check_kept(storage: Storage, written: list[Event]) -> None:
    await storage.append(written)
    for kind in LOG_TABLES:
        assert await kept(storage, kind) == [as_kept(event) for event in written if type(event) is kind]


async def test_what_was_not_measured_stays_unknown(storage):
    await storage.write([invocation(guild_id=None, user_id=None)])
    (entry,) = await storage.history_of(HistoryFilter())
    assert (entry.duration_s, entry.response_s, entry.guild_id, entry.user_id, entry.parameters) == (None,) * 5
    assert await storage.latencies(None, EVER) == {}
    assert await storage.unique_users(None, EVER) == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_a_duration_that_is_no_number_is_not_known(storage, value):
    await storage.write(
        [invocation(duration_s=value, response_s=value, gateway_delay_s=value), check(database_s=value)]
    )
    assert [entry.duration_s for entry in await storage.history_of(HistoryFilter())] == [None]
    assert (await kept(storage, HealthRecord))[0]["database_s"] is None
    assert await storage.latencies(None, EVER) == {}


async def test_a_song_counts_for_a_day_at_the_most(storage):
    await storage.write([music(duration_s=LONGEST_S), music(duration_s=86_401.0), music()])
    assert await storage.music_totals("1", EVER) == MusicTotals(songs_played=3, playtime_s=2 * 24 * 3600)
    assert [song["duration_s"] for song in await kept(storage, MusicEvent)] == [LONGEST_S, 86_401.0, 0.0]


@pytest.mark.parametrize("one", [1, "1"])
async def test_an_id_is_the_same_as_number_and_as_text(storage, one):
    await storage.write([invocation(guild_id=1, user_id=1), invocation(guild_id="1", user_id="1")])
    assert [counts.n for counts in await storage.command_counts("1", EVER)] == [2]
    assert await storage.unique_users("1", EVER) == 1
    assert len(await storage.history_of(HistoryFilter(guild_id=str(one), user_id=str(one)))) == 2


@pytest.mark.parametrize("id_", ["0", "-5", "007", "1 ", "12345678901234567890", "9223372036854775808", "١٢", "a", ""])
async def test_an_id_that_is_no_number_is_kept_as_text(storage, id_):
    await storage.write([invocation(guild_id=id_, user_id=id_, channel_id=id_, guild_name="Odd"), invocation()])
    (entry,) = await storage.history_of(HistoryFilter(guild_id=id_, user_id=id_))
    assert (entry.guild_id, entry.user_id, entry.channel_id, entry.guild_name) == (id_, id_, id_, "Odd")
    assert [counts.n for counts in await storage.command_counts(id_, EVER)] == [1]
    assert await storage.unique_users(id_, EVER) == 1
    assert await storage.guild_name(id_) == "Odd"
    assert dict(await storage.guilds(9)) == {id_: 1, "1": 1}


async def test_the_largest_id_is_a_number(storage):
    await storage.write([invocation(guild_id=LARGEST, user_id=str(LARGEST))])
    assert await storage.rows("SELECT guild_id, user_id FROM @invocations") == [(LARGEST, LARGEST)]
    assert await storage.unique_users(str(LARGEST), EVER) == 1


TEXTS = [
    "'; DROP TABLE audit_logs; --",
    '" OR 1=1 --',
    "100 % _ * ?",
    ":name @runs $1",
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
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:12]))
async def test_any_text_comes_back_as_it_was_and_finds_its_own_rows_only(storage, text):
    odd = invocation(
        command=text, user_id=text, guild_id=text, guild_name=text, parameters=text, details=text, error_type=text
    )
    await storage.write([odd, invocation()])
    (entry,) = await storage.history_of(HistoryFilter(command=text, user_id=text, guild_id=text))
    kept_texts = (entry.command, entry.user_id, entry.guild_id, entry.guild_name, entry.parameters, entry.error_type)
    assert kept_texts == (text,) * 6
    assert [(c.command, c.n) for c in await storage.command_counts(text, EVER)] == [(text, 1)]
    assert len(await storage.history_of(HistoryFilter())) == 2


async def test_texts_that_are_no_keys_may_be_long(storage):
    text = "🎵x" * 100_000
    await storage.write([invocation(username=text, parameters=text, details=text, error_message=text)])
    (entry,) = await storage.history_of(HistoryFilter())
    assert (entry.username, entry.parameters, entry.details, entry.error_message) == (text,) * 4


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
    odd = invocation(command=text, details=text, guild_id=text, user_id=text, guild_name=text, error_type=text)
    await storage.write(
        [
            odd,
            invocation(details="\\u0000 as text"),
            sample(name=text, unit=text),
            check(reason=Reason.of("odd", text=text)),
        ]
    )
    second, first = await storage.history_of(HistoryFilter())
    assert (first.command, first.details, first.guild_id, first.user_id, first.guild_name) == (stored,) * 5
    assert second.details == "\\u0000 as text"
    assert [(s["name"], s["unit"]) for s in await kept(storage, MetricSample)] == [(stored, stored)]
    (checked,) = await kept(storage, HealthRecord)
    assert checked["reason"].values["text"] in {stored, text}, "JSON can hold what a text can't"
    await storage.write([elsewhere(invocation=odd), background_failure(place=text, error_message=text)])
    (aside,) = await kept(storage, AnsweredElsewhere)
    assert str(aside).count(text) <= str(stored).count(text), "no more of it than what it became"
    assert [(f["place"], f["error_message"]) for f in await kept(storage, BackgroundFailures)] == [(stored, stored)]
    for wanted in (HistoryFilter(command=text), HistoryFilter(user_id=text), HistoryFilter(guild_id=text)):
        assert await storage.history_of(wanted) == [first]


async def test_any_time_zone_is_stored_as_utc(storage):
    away = timezone(timedelta(hours=5, minutes=30))
    await storage.write([invocation(started_at=NOON.astimezone(away))])
    (entry,) = await storage.history_of(HistoryFilter())
    assert entry.started_at == NOON
    assert entry.started_at.tzinfo is UTC
    assert [hour.start for hour in await storage.hour_counts("1", EVER)] == [NOON]


@settings(max_examples=1_000)
@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 (a bound)
def test_a_moment_is_kept_to_the_millisecond_rounded_down(when: datetime):
    kept_moment = moment(milliseconds(when))
    assert kept_moment == when.replace(microsecond=when.microsecond // 1000 * 1000)


async def test_a_clock_that_shows_1970_harms_nothing(storage):
    start = datetime(1970, 1, 1, tzinfo=UTC)
    await storage.write([invocation(started_at=start), music(occurred_at=start), sample(occurred_at=start)])
    assert await storage.first_seen("1") == start
    assert await storage.last_used(None) == {"play": start}
    assert len(await storage.history_of(HistoryFilter(guild_id="1"))) == 1


# -- batches -----------------------------------------------------------------------------------------------------------


async def test_rows_have_the_order_of_their_times_and_then_of_their_numbers(storage):
    moments = [NOON + timedelta(milliseconds=n // 2) for n in range(50)]
    for first in (0, 1):
        await storage.append([invocation(command=str(n), started_at=moments[n]) for n in reversed(range(first, 50, 2))])
    entries = await storage.history_of(HistoryFilter())
    assert [entry.command for entry in reversed(entries)] == [str(n) for n in range(50)]


async def test_a_batch_may_hold_all_kinds_of_events_in_any_order(storage):
    await storage.write(
        [
            invocation(),
            music(),
            sample(),
            check(rss_bytes=2**40),
            music(),
            invocation(),
            counted_command(),
            autocompletion(),
            background_failure(),
            membership(),
            elsewhere(),
            error_group(7),
            point(),
        ]
    )
    assert len(await storage.history_of(HistoryFilter())) == 2
    assert (await storage.music_totals("1", EVER)).songs_played == 2
    assert [(m.occurred_at, m.status) for m in await storage.health_history(NOON)] == [(NOON, "healthy")]
    seqs = {name: [seq for (seq,) in await storage.rows(f"SELECT seq FROM @{name} ORDER BY seq")] for name in LOG}  # noqa: S608
    assert seqs == {
        "invocations": [1, 6],
        "music_events": [2, 5],
        "counted_commands": [7],
        "samples": [3],
        "health_checks": [4],
        "autocomplete_calls": [8],
        "background_failures": [9],
        "error_groups": [12],
        "guild_memberships": [10],
        "answered_elsewhere": [11],
        "metric_points": [13],
    }


async def test_batches_of_several_runs_go_into_one_transaction(engine):
    async with engine.storage("one") as one, engine.storage("other") as other:
        await one.log.append(
            [
                Batch(run=one.run, first_seq=1, events=[invocation(), invocation()]),
                Batch(run=other.run, first_seq=8, events=[invocation()]),
                Batch(run=one.run, first_seq=3, events=[music()]),
            ]
        )
        assert await other.rows("SELECT instance, last_seq FROM @runs ORDER BY last_seq") == [("one", 3), ("other", 8)]
        assert [entry.instance for entry in await other.history_of(HistoryFilter())] == ["other", "one", "one"]


async def test_a_run_is_one_row_however_many_batches_it_has(engine):
    async with engine.storage("one") as storage:
        for _ in range(3):
            await storage.append([invocation()])
        await storage.engine.close()
        await storage.append([invocation()])
        assert await storage.rows("SELECT token, instance, last_seq FROM @runs") == [(storage.run.token, "one", 4)]


async def test_numbers_that_were_given_to_no_row_are_no_harm(storage):
    for first in (3, 10, 11):
        await storage.log.append([Batch(run=storage.run, first_seq=first, events=[invocation()])])
    await storage.rollups.catch_up()
    assert await storage.rows(STATE) == [(11, 11, 0)]
    assert [counts.n for counts in await storage.command_counts("1", EVER)] == [3]


async def test_an_append_raises_the_last_number_and_rolling_up_follows(storage):
    await storage.append([invocation()] * 5)
    assert await storage.rows(STATE) == [(5, 0, 0)]
    assert await storage.rollups.rows_behind() == 5
    await storage.rollups.catch_up()
    assert await storage.rows(STATE) == [(5, 5, 0)]
    await storage.append([check(), music()])
    assert await storage.rows(STATE) == [(7, 5, 0)]
    assert await storage.rollups.lot() == 2
    assert await storage.rollups.lot() == await storage.rollups.rows_behind() == 0


async def test_an_empty_batch_changes_nothing(storage):
    await storage.write([])
    await storage.log.append([])
    assert await storage.history_of(HistoryFilter()) == []
    assert await storage.rollups.rows_behind() == 0


async def test_a_batch_that_is_repeated_changes_nothing(storage):
    batch = await storage.append([invocation(duration_s=1.0), music(duration_s=60.0), sample(), check()])
    await storage.rollups.catch_up()
    once = await dump(storage)
    repeat = msgspec.structs.replace(batch, is_repeat=True)
    for again in (
        repeat,
        msgspec.structs.replace(repeat, events=[invocation(details="another text"), *batch.events[1:]]),
    ):
        await storage.log.append([again, again])
        await storage.rollups.catch_up()
        assert await dump(storage) == once


async def test_what_a_dead_process_left_behind_is_stored_and_counted_once_wherever_its_numbers_are(storage):
    """Also between rows that are there, and although the roll-ups have passed them."""
    events = [invocation(command=str(n), duration_s=1.0) for n in range(1, 7)]
    one, two, three, four, five, six = (
        Batch(run=storage.run, first_seq=n, events=[event], is_repeat=True) for n, event in enumerate(events, start=1)
    )
    await storage.log.append([msgspec.structs.replace(five, is_repeat=False)])
    await storage.rollups.catch_up()
    for brought in ([two, four], [four, two, six], [one], [three, five], [one, two, three, four, five, six]):
        await storage.log.append(brought)
        await storage.log.append(brought)
    whole = Batch(run=storage.run, first_seq=1, events=events, is_repeat=True)
    await storage.log.append([whole, one, msgspec.structs.replace(whole, first_seq=1, events=events[:3])])
    await storage.rollups.catch_up()
    once = {str(n): 1 for n in range(1, 7)}
    assert {counts.command: counts.n for counts in await storage.command_counts("1", EVER)} == once
    assert {name: found.n for (name, _), found in (await storage.latencies("1", EVER)).items()} == once
    assert await storage.rows("SELECT seq FROM @invocations ORDER BY seq") == [(n,) for n in range(1, 7)]
    assert await storage.rows(STATE) == [(6, 6, 0)]
    day = int(NOON.timestamp()) // 86_400
    assert await storage.engine.read(differences(day, 9)) == (0, [])


async def test_what_was_removed_for_its_age_and_comes_again_is_not_counted_again(storage):
    batch = await storage.append([invocation(), music()])
    await storage.rollups.catch_up()
    await storage.engine.write(raise_raw_since(milliseconds(NOON + timedelta(days=1))))
    await storage.engine.write(execute("DELETE FROM @invocations", {}))
    await storage.log.append([msgspec.structs.replace(batch, is_repeat=True)])
    await storage.rollups.catch_up()
    assert [counts.n for counts in await storage.command_counts("1", EVER)] == [1]


async def test_two_processes_that_bring_the_same_rows_at_once_store_and_count_them_once(engine):
    async with engine.storage("one", busy_timeout_s=30.0) as one, engine.storage("other", busy_timeout_s=30.0) as other:
        dead = RunKey.new("dead", NOON)
        await one.log.append([Batch(run=dead, first_seq=40, events=[invocation()])])
        await one.rollups.catch_up()
        left = [Batch(run=dead, first_seq=n, events=[invocation()] * 3, is_repeat=True) for n in (1, 10, 50)]

        async def bring(storage: Storage) -> None:
            for batch in left:
                await storage.log.append([batch])
                await storage.rollups.lot()

        await asyncio.gather(bring(one), bring(other), bring(one), bring(other))
        await one.rollups.catch_up()
        assert [counts.n for counts in await one.command_counts("1", EVER)] == [10]


@pytest.mark.parametrize("first", [1, 3, 5])
async def test_of_a_batch_that_overlaps_others_only_what_is_new_is_stored(storage, first):
    events = [invocation(command=str(n)) for n in range(1, 11)]
    for some in (events[:3], events[3:5]):
        await storage.write(some)
    await storage.log.append([Batch(run=storage.run, first_seq=first, events=events[first - 1 :], is_repeat=True)])
    await storage.rollups.catch_up()
    once = {str(n): 1 for n in range(1, 11)}
    assert {counts.command: counts.n for counts in await storage.command_counts("1", EVER)} == once
    assert await storage.rows(STATE) == [(10, 10, 0)]


async def test_a_batch_that_is_there_and_is_no_repeat_is_never_doubled(engine, storage):
    batch = await storage.append([invocation(), music()])
    await storage.rollups.catch_up()
    once = await dump(storage)
    if engine.is_sqlite:
        await storage.log.append([batch])
    else:
        with pytest.raises(ConflictError):
            await storage.log.append([batch])
    await storage.rollups.catch_up()
    assert await dump(storage) == once
    await storage.append([invocation()])
    assert await storage.rows(STATE) == [(3, 2, 0)]


async def test_another_run_with_the_same_numbers_is_another_run(engine):
    async with engine.storage() as one, engine.storage() as other:
        for storage in (one, other):
            await storage.write([invocation()])
        assert [counts.n for counts in await one.command_counts(None, EVER)] == [2]
        ids = [entry.id for entry in await one.history_of(HistoryFilter())]
        assert len(set(ids)) == 2


async def test_a_batch_that_fails_is_not_stored_in_part(storage):
    await storage.write([invocation()])
    before = await dump(storage)
    batch = Batch(run=storage.run, first_seq=2, events=[invocation(command="new"), sample(), music(guild_id=None)])
    with pytest.raises(StorageError, match="guild_id"):
        await storage.log.append([batch])
    assert await dump(storage) == before
    await storage.log.append([msgspec.structs.replace(batch, events=[invocation(command="new"), sample(), music()])])
    await storage.rollups.catch_up()
    assert (await storage.music_totals(None, EVER)).songs_played == 1
    assert {counts.command: counts.n for counts in await storage.command_counts(None, EVER)} == {"play": 1, "new": 1}


async def test_a_lot_that_fails_is_not_counted_in_part(engine, storage):
    await storage.append([invocation(), music(), sample()])
    before = await dump(storage)
    engine.sql("ALTER TABLE @guild_hourly RENAME TO away")
    with pytest.raises(StorageError, match="guild_hourly"):
        await storage.rollups.lot()
    engine.sql("ALTER TABLE @away RENAME TO guild_hourly")
    assert await dump(storage) == before
    await storage.rollups.catch_up()
    assert (await storage.music_totals(None, EVER)).songs_played == 1


async def test_who_is_known_and_what_it_is_called_is_known_only_once_it_is_stored(storage):
    """After a failure the ids of labels and runs are asked anew."""
    wrong = Batch(
        run=storage.run, first_seq=1, events=[invocation(command="x", guild_name="Home"), music(guild_id=None)]
    )
    with pytest.raises(StorageError):
        await storage.log.append([wrong])
    await storage.append([invocation(command="y")])
    await storage.write([invocation(command="x", guild_name="Home")])
    assert {counts.command: counts.n for counts in await storage.command_counts("1", EVER)} == {"x": 1, "y": 1}
    assert await storage.guild_name("1") == "Home"


async def test_two_processes_that_meet_the_same_new_names_store_them_once(engine: Engine):
    async with engine.storage("one", busy_timeout_s=30.0) as one, engine.storage("other", busy_timeout_s=30.0) as other:
        for n in range(10):
            names = [f"{n} {k}" for k in range(20)]
            await asyncio.gather(
                one.append([invocation(command=name, user_id=name, guild_name="One") for name in names]),
                other.append([invocation(command=name, user_id=name, guild_name="Other") for name in names[::-1]]),
            )
        await one.rollups.catch_up()
        assert {counts.n for counts in await one.command_counts("1", EVER)} == {2}
        assert await one.rows("SELECT COUNT(*) FROM @labels") == [(200,)]
        assert await one.guild_name("1") in {"One", "Other"}


# -- names of guilds ---------------------------------------------------------------------------------------------------


async def test_a_guilds_newest_name_is_its_name(storage):
    await storage.append([invocation(guild_name=name) for name in ("Old", "New", None)])
    assert await storage.guild_name("1") == "New"
    await storage.append([invocation(guild_name="Newest"), invocation()])
    assert await storage.guild_name("1") == "Newest"
    await storage.append([invocation(guild_name="New")])
    assert await storage.guild_name("1") == "New"
    await storage.append([invocation(guild_id=None, guild_name="Nowhere")])
    assert await storage.rows("SELECT guild_id, name FROM @guilds") == [(1, "New")]
