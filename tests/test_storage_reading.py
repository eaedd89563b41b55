"""What can be asked, and that nothing of one guild is seen with another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from botmon_cog.domain.models import HealthRecord, MetricSample, MusicEventType, Outcome
from botmon_cog.domain.reports import MusicTotals
from botmon_cog.errors import StorageError
from botmon_cog.storage.base import AlertState, HistoryFilter
from botmon_cog.storage.sqlite import SqliteStorage
from tests.storage_helpers import EVER, NOON, OLD_AUDIT_LOGS, invocation, make, music, period

HOUR = timedelta(hours=1)
MIDNIGHT = NOON.replace(hour=0)


@pytest.fixture
async def storage():
    storage = SqliteStorage(":memory:", instance="test")
    yield storage
    await storage.close()


async def found(storage: SqliteStorage, **wanted) -> list[str | None]:
    return [entry.command for entry in await storage.history(HistoryFilter(**wanted))]


@pytest.mark.parametrize(
    ("wanted", "commands"),
    [
        ({}, ["e", "d", "c", "b", "a"]),
        ({"guild_id": "2"}, ["c"]),
        ({"user_id": "11"}, ["d", "b"]),
        ({"command": "b"}, ["b"]),
        ({"success": True}, ["e", "c", "a"]),
        ({"success": False}, ["d", "b"]),
        ({"since": NOON + 2 * HOUR}, ["e", "d", "c"]),
        ({"until": NOON + 2 * HOUR}, ["b", "a"]),
        ({"since": NOON + HOUR, "until": NOON + 3 * HOUR}, ["c", "b"]),
        ({"since": NOON + timedelta(milliseconds=1), "limit": 2}, ["e", "d"]),
        ({"limit": 2, "offset": 1}, ["d", "c"]),
        ({"offset": 5}, []),
        ({"guild_id": "1", "user_id": "11", "success": False, "command": "d"}, ["d"]),
        ({"guild_id": "1", "command": "c"}, []),
        ({"guild_id": "1' OR '1'='1"}, []),
        ({"guild_id": "%"}, []),
    ],
    ids=str,
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
    await storage.write([invocation(command=name) for name in "abc"])
    assert await found(storage) == ["c", "b", "a"]


async def test_old_rows_of_whole_seconds_and_new_ones_of_milliseconds_have_one_order(tmp_path):
    path = make(
        tmp_path / "old.db",
        OLD_AUDIT_LOGS.format(more=""),
        "INSERT INTO audit_logs (action, timestamp) VALUES ('old 0', '2026-01-05 12:00:00'), "
        "('old 1', '2026-01-05 12:00:01')",
    )
    storage = SqliteStorage(str(path), instance="test")
    await storage.write(
        [
            invocation(command="new 0.0", started_at=NOON),
            invocation(command="new 0.5", started_at=NOON + timedelta(seconds=0.5)),
            invocation(command="new 1.5", started_at=NOON + timedelta(seconds=1.5)),
        ]
    )
    try:
        assert await found(storage) == ["new 1.5", "old 1", "new 0.5", "new 0.0", "old 0"]
        assert await found(storage, since=NOON) == ["new 1.5", "old 1", "new 0.5", "new 0.0", "old 0"]
        assert await found(storage, until=NOON) == []
        assert await found(storage, until=NOON + timedelta(seconds=1)) == ["new 0.5", "new 0.0", "old 0"]
        assert await found(storage, since=NOON + timedelta(seconds=0.5)) == ["new 1.5", "old 1", "new 0.5"]
    finally:
        await storage.close()


@pytest.mark.parametrize("wrong", [{"command": "\ud800"}, {"limit": 2**70}], ids=["surrogate", "huge"])
async def test_a_filter_that_no_database_takes_is_a_storage_error(storage, wrong):
    with pytest.raises(StorageError):
        await storage.history(HistoryFilter(**wrong))


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
    assert [entry.guild_id for entry in await storage.history(HistoryFilter(user_id="10"))] == [None]


async def test_nothing_of_one_guild_is_seen_with_another(storage):
    secret = {"guild_id": "2", "user_id": "20"}
    await storage.write(
        [
            invocation(**secret, command="secret", guild_name="Secret", duration_s=9.0, response_s=1.0),
            music(guild_id="2", duration_s=60.0),
            music(guild_id="2", type=MusicEventType.SKIP),
            MetricSample(event_id="m", name="voice_connect", occurred_at=NOON, value=1.0, **secret),
        ]
    )
    for guild_id in ("1", "", "%", "20"):
        assert await storage.history(HistoryFilter(guild_id=guild_id)) == []
        assert await storage.command_counts(guild_id, EVER) == []
        assert await storage.hour_counts(guild_id, EVER) == []
        assert await storage.unique_users(guild_id, EVER) == 0
        assert await storage.music_totals(guild_id, EVER) == MusicTotals()
        assert await storage.latencies(guild_id, EVER) == {}
        assert await storage.latency_by_day(guild_id, EVER, "secret", "duration") == {}
        assert await storage.metric_values(guild_id, EVER, 10) == []
        assert await storage.last_used(guild_id) == {}
        assert await storage.first_seen(guild_id) is None
        assert await storage.guild_name(guild_id) is None
    assert await storage.guild_name("2") == "Secret"


async def test_a_guilds_newest_name_is_its_name(storage):
    names = ["Old", "New", None]
    await storage.write([invocation(guild_name=name, started_at=NOON + n * HOUR) for n, name in enumerate(names)])
    assert await storage.guild_name("1") == "New"


async def test_guilds_come_busiest_first_and_no_more_than_asked_for(storage):
    await storage.write([invocation(guild_id=guild) for guild in ("1", "2", "2", "3", "3", "3")])
    assert await storage.guilds(2) == [("3", 3), ("2", 2)]


async def test_metric_values_come_newest_first_within_their_period(storage):
    await storage.write(
        [
            MetricSample(event_id=str(n), name=f"m{n}", occurred_at=NOON + n * HOUR, value=n, unit="MB", success=n != 2)
            for n in range(4)
        ]
    )
    values = await storage.metric_values(None, period(NOON + HOUR, 2), 10)
    assert [(v.name, v.unit, v.value, v.success) for v in values] == [("m2", "MB", 2.0, False), ("m1", "MB", 1.0, True)]
    assert len(await storage.metric_values(None, EVER, 3)) == 3


async def test_health_is_remembered_by_process_and_in_order(storage):
    records = [
        HealthRecord(event_id=str(n), occurred_at=NOON - n * HOUR, status=f"s{n}", reason="why") for n in range(3)
    ]
    await storage.write(records)
    moments = await storage.health_history(NOON - HOUR)
    assert [(m.occurred_at, m.status, m.reason) for m in moments] == [(NOON - HOUR, "s1", "why"), (NOON, "s0", "why")]


async def test_what_owners_were_told_last_is_remembered_by_process(tmp_path):
    path = str(tmp_path / "alerts.db")
    one, other = SqliteStorage(path, instance="one"), SqliteStorage(path, instance="other")
    try:
        assert await one.get_alert("memory") is None
        await one.put_alert("memory", AlertState(state="warning", since=NOON, reason="82 %"))
        told = AlertState(state="critical", since=NOON + timedelta(milliseconds=5), reason=None)
        await one.put_alert("memory", told)
        assert await one.get_alert("memory") == told
        assert await other.get_alert("memory") is None
        await one.put_alert("odd", AlertState(state="error", since=NOON, reason="a\0b\ud800"))
        assert (await one.get_alert("odd")) == AlertState(state="error", since=NOON, reason="a\ufffdb\ufffd")
    finally:
        await one.close()
        await other.close()


async def test_the_last_minutes_of_one_guild_are_its_own_and_those_of_all_are_everybodys(storage):
    await storage.write([invocation(outcome=Outcome.ERROR), invocation(), invocation(started_at=NOON - HOUR)])
    await storage.write([invocation(guild_id="2"), invocation(guild_id=None, outcome=Outcome.USER_ERROR)])
    minute = int(NOON.timestamp()) // 60
    assert await storage.outcomes_by_minute(NOON) == [(minute, 4, 1)]
    assert await storage.outcomes_by_minute(NOON - HOUR, "1") == [(minute - 60, 1, 0), (minute, 2, 1)]
    assert await storage.outcomes_by_minute(NOON - HOUR, "2") == [(minute, 1, 0)]
    assert await storage.outcomes_by_minute(NOON - HOUR, "3") == []


async def test_an_empty_database_answers_everything(storage):
    wanted = period(datetime(2026, 1, 1, tzinfo=UTC), 1)
    assert await storage.history(HistoryFilter()) == []
    assert await storage.command_counts(None, wanted) == []
    assert await storage.music_totals(None, wanted) == MusicTotals()
    assert await storage.first_seen(None) is None
    assert await storage.outcomes_by_minute(NOON) == []
    assert await storage.health_history(NOON) == []
