"""What can be asked, and that nothing of one guild is seen with another, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import HealthRecord, Kind, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import MusicTotals
from botmon_cog.store.history import HistoryFilter
from tests.engines import ROLLUPS, Storage
from tests.storage_helpers import EVER, NOON, invocation, music, period, sample

HOUR = timedelta(hours=1)
MIDNIGHT = NOON.replace(hour=0)
NOT_OK = frozenset(Outcome) - {Outcome.OK}


def readable(value: object) -> str:
    """The same in every process; a set's order is not."""
    if isinstance(value, dict):
        return str({key: sorted(each) if isinstance(each, frozenset) else each for key, each in value.items()})
    return str(value)


async def found(storage: Storage, **wanted) -> list[str | None]:
    return [entry.command for entry in await storage.history_of(HistoryFilter(**wanted))]


@pytest.mark.parametrize(
    ("wanted", "commands"),
    [
        ({}, ["e", "d", "c", "b", "a"]),
        ({"guild_id": "2"}, ["c"]),
        ({"user_id": "11"}, ["d", "b"]),
        ({"command": "b"}, ["b"]),
        ({"outcomes": frozenset({Outcome.OK})}, ["e", "c", "a"]),
        ({"outcomes": NOT_OK}, ["d", "b"]),
        ({"since": NOON + 2 * HOUR}, ["e", "d", "c"]),
        ({"until": NOON + 2 * HOUR}, ["b", "a"]),
        ({"since": NOON + HOUR, "until": NOON + 3 * HOUR}, ["c", "b"]),
        ({"since": NOON + timedelta(milliseconds=1), "limit": 2}, ["e", "d"]),
        ({"limit": 2, "offset": 1}, ["d", "c"]),
        ({"offset": 5}, []),
        ({"guild_id": "1", "user_id": "11", "outcomes": NOT_OK, "command": "d"}, ["d"]),
        ({"guild_id": "1", "command": "c"}, []),
        ({"guild_id": "1", "limit": 1}, ["d"]),
        ({"guild_id": "1", "limit": 2, "offset": 1}, ["b", "a"]),
        ({"guild_id": "1", "offset": 3}, []),
        ({"guild_id": "1", "since": NOON + HOUR, "until": NOON + 3 * HOUR}, ["b"]),
        ({"guild_id": "1", "until": NOON}, []),
        ({"guild_id": "1", "outcomes": NOT_OK, "limit": 1, "offset": 1}, ["b"]),
        ({"guild_id": "1' OR '1'='1"}, []),
        ({"guild_id": "%"}, []),
    ],
    ids=readable,
)
async def test_history_is_filtered_by(storage, wanted, commands):
    failed = Outcome.ERROR
    await storage.write(
        [
            invocation(command="a"),
            invocation(command="b", user_id="11", outcome=failed, started_at=NOON + HOUR),
            invocation(command="c", guild_id="2", started_at=NOON + 2 * HOUR),
            invocation(command="d", user_id="11", outcome=Outcome.USER_ERROR, started_at=NOON + 3 * HOUR),
            invocation(command="e", guild_id=None, started_at=NOON + 4 * HOUR),
        ]
    )
    assert await found(storage, **wanted) == commands


async def test_rows_of_one_moment_come_newest_first(storage):
    for name in "abc":
        await storage.write([invocation(command=name)])
    assert await found(storage) == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("first_hour", "hours", "users"),
    [
        (0, 24, {"10", "11", "12"}),
        (9, 1, {"10"}),
        (9, 2, {"10", "11"}),
        (10, 1, {"11"}),
        (10, 13, {"11"}),
        (23, 1, {"12"}),
        (23, 2, {"12", "13"}),
        (23, 26, {"12", "13", "14"}),
        (23, 35, {"10", "12", "13", "14"}),
        (24, 24, {"13", "14"}),
        (25, 22, set()),
        (47, 1, {"14"}),
        (48, 10, {"10"}),
        (48, 9, set()),
        (-24, 24, set()),
        (9, 0, set()),
    ],
)
async def test_unique_users_are_bounded_by_the_hour(storage, first_hour, hours, users):
    seen = [(9, "10"), (9.99, "10"), (10, "11"), (23.99, "12"), (24, "13"), (47, "14"), (57, "10")]
    await storage.write([invocation(user_id=user, started_at=MIDNIGHT + hour * HOUR) for hour, user in seen])
    assert await storage.unique_users("1", period(MIDNIGHT + first_hour * HOUR, hours)) == len(users)
    assert await storage.unique_users(None, period(MIDNIGHT + first_hour * HOUR, hours)) == len(users)


async def test_direct_messages_count_for_the_whole_bot_and_for_no_guild(storage):
    await storage.write([invocation(guild_id=None, duration_s=1.0), invocation(user_id="11")])
    assert [c.n for c in await storage.command_counts(None, EVER)] == [2]
    assert [c.n for c in await storage.command_counts("1", EVER)] == [1]
    assert await storage.unique_users(None, EVER) == 2
    assert await storage.unique_users("1", EVER) == 1
    assert set(await storage.latencies(None, EVER)) == {("play", "duration")}
    assert await storage.latencies("1", EVER) == {}
    assert await storage.guilds(10) == [("1", 1)]
    assert [entry.guild_id for entry in await storage.history_of(HistoryFilter(user_id="10"))] == [None]


async def test_nothing_of_one_guild_is_seen_with_another(storage):
    secret = {"guild_id": "2", "user_id": "20"}
    await storage.write(
        [
            invocation(**secret, command="secret", guild_name="Secret", duration_s=9.0, response_s=1.0),
            music(guild_id="2", duration_s=60.0),
            music(guild_id="2", type=MusicEventType.SKIP),
            sample(**secret),
            sample(**secret, success=False),
        ]
    )
    for guild_id in ("1", "", "%", "20"):
        assert await storage.history_of(HistoryFilter(guild_id=guild_id)) == []
        assert await storage.command_counts(guild_id, EVER) == []
        assert await storage.hour_counts(guild_id, EVER) == []
        assert await storage.unique_users(guild_id, EVER) == 0
        assert await storage.music_totals(guild_id, EVER) == MusicTotals()
        assert await storage.latencies(guild_id, EVER) == {}
        assert await storage.latency_by_day(guild_id, EVER, "secret", "duration") == {}
        assert await storage.outcomes_by_minute(NOON, guild_id) == []
        assert await storage.last_used(guild_id) == {}
        assert await storage.first_seen(guild_id) is None
        assert await storage.guild_name(guild_id) is None
    assert await storage.guild_name("2") == "Secret"


async def test_guilds_come_busiest_first_and_no_more_than_asked_for(storage):
    await storage.write([invocation(guild_id=guild) for guild in ("1", "2", "2", "3", "3", "3")])
    assert await storage.guilds(2) == [("3", 3), ("2", 2)]
    assert await storage.guilds(9) == [("3", 3), ("2", 2), ("1", 1)]


async def test_guilds_that_were_busy_longer_ago_than_a_month_are_not_busy(storage):
    day = timedelta(days=1)
    await storage.write([invocation(), invocation(guild_id="2", started_at=NOON + day)])
    assert await storage.guilds(9) == [("1", 1), ("2", 1)]
    await storage.write([invocation(guild_id="3", started_at=NOON + 31 * day)])
    assert await storage.guilds(9) == [("2", 1), ("3", 1)]


async def test_operations_are_histograms_of_their_times_and_of_those_that_failed(storage):
    await storage.write(
        [
            *(sample(value=value, guild_id="1") for value in (1.0, 1.0, 4.0)),
            sample(value=4.0, guild_id="1", success=False),
            sample(value=9.0, guild_id="2"),
            sample(value=2.0, name="play"),
            invocation(duration_s=3.0),
        ]
    )
    of_all = {key: h.counts for key, h in (await storage.latencies(None, EVER)).items()}
    connects = [1.0, 1.0, 4.0, 4.0, 9.0]
    assert of_all == {
        ("voice_connect", "operation"): Histogram.of(connects).counts,
        ("voice_connect", "failed"): Histogram.of([4.0]).counts,
        ("play", "operation"): Histogram.of([2.0]).counts,
        ("play", "duration"): Histogram.of([3.0]).counts,
    }
    of_one = await storage.latencies("1", EVER)
    assert of_one["voice_connect", "operation"].counts == Histogram.of(connects[:4]).counts
    assert set(of_one) == set(of_all) - {("play", "operation")}
    assert set(await storage.latencies("2", EVER)) == {("voice_connect", "operation")}
    by_day = await storage.latency_by_day(None, EVER, "voice_connect", "failed")
    assert {day: h.n for day, h in by_day.items()} == {"2026-01-05": 1}


async def test_what_is_not_measured_in_seconds_is_kept_and_rolled_up_nowhere(storage):
    await storage.write([sample(unit="MB", value=20.0), sample(unit="", value=1.0, success=False)])
    assert await storage.latencies(None, EVER) == {}
    kept = "SELECT text, value FROM @samples JOIN @labels AS l ON l.id = unit_id ORDER BY seq"
    assert await storage.rows(kept) == [("MB", 20.0), ("", 1.0)]


async def test_health_is_remembered_by_process_and_in_order(engine, storage):
    records = [HealthRecord(occurred_at=NOON - n * HOUR, status=f"s{n}", reason=Reason.of("why")) for n in range(3)]
    await storage.write(records)
    moments = await storage.health_history(NOON - HOUR)
    assert [(m.occurred_at, m.status, m.reason) for m in moments] == [
        (NOON - HOUR, "s1", Reason.of("why")),
        (NOON, "s0", Reason.of("why")),
    ]
    async with engine.storage("other") as other:
        assert await other.health_history(NOON - HOUR) == []


async def test_the_last_trouble_of_this_process_is_remembered(engine, storage):
    assert await storage.last_trouble() is None
    statuses = ["healthy", "degraded", "unknown", "healthy"]
    moments = [NOON + n * HOUR for n in range(4)]
    await storage.write([HealthRecord(occurred_at=m, status=s) for s, m in zip(statuses, moments, strict=True)])
    assert await storage.last_trouble() == moments[2]
    async with engine.storage("other") as other:
        assert await other.last_trouble() is None


async def test_the_last_minutes_of_one_guild_are_its_own_and_those_of_all_are_everybodys(storage):
    await storage.write([invocation(outcome=Outcome.ERROR), invocation(), invocation(started_at=NOON - HOUR)])
    await storage.write([invocation(guild_id="2"), invocation(guild_id=None, outcome=Outcome.USER_ERROR)])
    minute = int(NOON.timestamp()) // 60
    await storage.write([invocation(outcome=Outcome.CRASHED), invocation(outcome=Outcome.CANCELLED)])
    await storage.write([invocation(outcome=Outcome.ERROR, kind=Kind.BUTTON)])
    assert await storage.outcomes_by_minute(NOON) == [(minute, 3, 1)]
    assert await storage.outcomes_by_minute(NOON - HOUR, "1") == [(minute - 60, 1, 0), (minute, 2, 1)]
    assert await storage.outcomes_by_minute(NOON - HOUR, "2") == [(minute, 1, 0)]
    assert await storage.outcomes_by_minute(NOON - HOUR, "3") == []


# -- our own commands --------------------------------------------------------------------------------------------------


async def test_own_commands_are_in_the_log_and_nowhere_else(storage):
    own = {"command": "stats", "is_own": True, "duration_s": 9.0, "response_s": 9.0, "gateway_delay_s": 9.0}
    await storage.write([invocation(**own), invocation(**own, guild_id=None, outcome=Outcome.ERROR)])
    assert await storage.rows("SELECT COUNT(*), SUM(is_own) FROM @invocations") == [(2, 2)]
    assert await storage.rows("SELECT last_seq, rolled_up_seq FROM @runs") == [(2, 2)]
    half = timedelta(minutes=30)  # counted from the log itself
    for wanted in (EVER, period(NOON - half, 2)):
        for guild_id in (None, "1"):
            assert await storage.command_counts(guild_id, wanted) == []
            assert await storage.hour_counts(guild_id, wanted) == []
            assert await storage.unique_users(guild_id, wanted) == 0
            assert await storage.latencies(guild_id, wanted) == {}
            assert await storage.latency_by_day(guild_id, wanted, "stats", "duration") == {}
    for guild_id in (None, "1"):
        assert await found(storage, guild_id=guild_id) == []
        assert await storage.outcomes_by_minute(NOON, guild_id) == []
        assert await storage.last_used(guild_id) == {}
        assert await storage.first_seen(guild_id) is None
    assert await found(storage, command="stats") == await found(storage, user_id="10") == []
    assert await storage.guilds(9) == []
    for name in ROLLUPS:
        assert await storage.rows(f"SELECT * FROM @{name}") == []  # noqa: S608


async def test_own_commands_beside_others_change_no_count(storage):
    await storage.write(
        [invocation(), invocation(is_own=True, user_id="11"), invocation(is_own=True, outcome=Outcome.LATE)]
    )
    assert [(c.command, c.n, c.ok) for c in await storage.command_counts("1", EVER)] == [("play", 1, 1)]
    assert await storage.unique_users("1", EVER) == 1
    assert await found(storage, guild_id="1") == ["play"]


async def test_an_empty_database_answers_everything(storage):
    wanted = period(datetime(2026, 1, 1, tzinfo=UTC), 1)
    assert await storage.history_of(HistoryFilter()) == []
    assert await storage.command_counts(None, wanted) == []
    assert await storage.music_totals(None, wanted) == MusicTotals()
    assert await storage.first_seen(None) is None
    assert await storage.outcomes_by_minute(NOON) == []
    assert await storage.health_history(NOON) == []
    assert await storage.unique_users("1", wanted) == 0
    assert await storage.latencies("1", wanted) == {}
    assert await storage.guilds(5) == []
    assert await storage.ping() > 0
