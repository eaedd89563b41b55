"""What the methods of the original ask of a store, held against counting by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from botmon_cog.domain.models import CountedCommand, Event, Invocation, Kind, MusicEvent, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.periods import before, day_period, report_period
from botmon_cog.domain.reports import MusicTotals
from botmon_cog.store.daily import Day, Slow, Timed, Totals
from botmon_cog.store.retention import raise_raw_since
from botmon_cog.store.tools.rebuild import begin_rebuild
from tests.engines import Engine, Storage, dump
from tests.retention_helpers import believe, make_cleaner
from tests.storage_helpers import EVER, NOON, counted_command, host_day, invocation, music, period

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY, HOUR, MS = timedelta(days=1), timedelta(hours=1), timedelta(milliseconds=1)
TODAY = MONDAY.date()
LOGGED = Kind.LOGGED
NOT_EXECUTED = {Outcome.USER_ERROR, Outcome.DENIED, Outcome.REFUSED}
RATED_FAULTS = {Outcome.ERROR, Outcome.LATE, Outcome.UNANSWERED}
TODAY_OF = {"first": TODAY, "last": TODAY}

guilds = st.sampled_from(["1", "2", "of a host"])
users = st.sampled_from([None, "10", "11", "somebody"])
moments = st.integers(0, 3 * 24 * 60 - 1).map(lambda minute: MONDAY + timedelta(minutes=minute, milliseconds=7))
events = st.one_of(
    st.builds(
        invocation,
        kind=st.sampled_from([Kind.SLASH, LOGGED, Kind.MODAL]),
        command=st.sampled_from(["play", "skip", "stats"]),
        outcome=st.sampled_from(Outcome),
        started_at=moments,
        duration_s=st.sampled_from([None, 0.0, 0.25, 1.0, 2.5, 900.001]),
        guild_id=guilds | st.none(),
        user_id=users,
        is_own=st.sampled_from([False, False, False, True]),
    ),
    st.builds(counted_command, occurred_at=moments, guild_id=guilds, user_id=users),
    st.builds(
        music,
        type=st.sampled_from(MusicEventType),
        occurred_at=moments,
        guild_id=guilds,
        duration_s=st.sampled_from([0.0, 0.5, 180.0]),
    ),
)
counts = st.integers(0, 3)
host_days = st.dictionaries(
    st.tuples(st.integers(1, 2), st.integers(-1, 3), guilds),
    st.fixed_dictionaries(dict.fromkeys(("songs", "playtime_s", "skips", "pauses", "users", "commands"), counts)),
    max_size=5,
)
since = st.one_of(moments, st.sampled_from([MONDAY - 9 * DAY, MONDAY, MONDAY + HOUR, MONDAY + 9 * DAY]))


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_answers_are_what_counting_all_rows_would_give(engine):
    engine.holds(check_answers, st.lists(events, max_size=40), host_days, since, examples=60, of_server=15)


async def check_answers(
    storage: Storage,
    written: list[Event],
    counted: dict[tuple[int, int, str], dict[str, int]],
    start: datetime,
) -> None:
    await storage.write(written)
    for (source, day, guild), values in counted.items():
        await storage.engine.write(host_day(MONDAY + day * DAY, guild, source_id=source, **values))
    for guild in ("1", "of a host"):
        expected = [by_hand(TODAY + n * DAY, guild, written, counted) for n in range(-1, 4)]
        found = await storage.daily.days(guild, TODAY - DAY, TODAY + 3 * DAY)
        assert found == [day for day in expected if day != Day(day=day.day)]
        assert await storage.daily.days(guild, TODAY, TODAY) == [day for day in found if day.day == TODAY]
    for guild in (None, "1", "of a host"):
        commands = [
            event
            for event in written
            if type(event) is Invocation and not event.is_own and guild in (None, event.guild_id)
            if event.kind is not Kind.MODAL
        ]
        await check_commands(storage, guild, start, [event for event in commands if event.started_at >= start])


def by_hand(
    day: date, guild: str, written: Sequence[Event], counted: dict[tuple[int, int, str], dict[str, int]]
) -> Day:
    here = [event for event in written if getattr(event, "guild_id", None) == guild]
    songs = [event for event in here if type(event) is MusicEvent and event.occurred_at.date() == day]
    executed = [
        event
        for event in here
        if (type(event) is CountedCommand and event.occurred_at.date() == day)
        or (
            type(event) is Invocation
            and event.started_at.date() == day
            and event.kind is Kind.SLASH
            and event.outcome not in NOT_EXECUTED
            and not event.is_own
        )
    ]
    theirs = [values for (_, n, of), values in counted.items() if (TODAY + n * DAY, of) == (day, guild)]
    types = Counter(event.type for event in songs)
    return Day(
        day=day,
        songs=types[MusicEventType.SONG_PLAYED] + sum(values["songs"] for values in theirs),
        playtime_s=sum(int(event.duration_s + 0.5) for event in songs) + sum(values["playtime_s"] for values in theirs),
        skips=types[MusicEventType.SKIP] + sum(values["skips"] for values in theirs),
        pauses=types[MusicEventType.PAUSE] + sum(values["pauses"] for values in theirs),
        users=max([len({e.user_id for e in executed} - {None}), *(values["users"] for values in theirs)]),
        commands=len(executed) + sum(values["commands"] for values in theirs),
    )


async def check_commands(storage: Storage, guild: str | None, start: datetime, commands: Sequence[Invocation]) -> None:
    by_command: dict[str, list[float]] = defaultdict(list)
    for event in commands:
        if is_timed(event):
            by_command[event.command].append(event.duration_s)
    every = [duration_s for durations in by_command.values() for duration_s in durations]
    assert await storage.daily.totals(guild, start) == Totals(
        total=len(commands),
        successful=sum(event.outcome is Outcome.OK for event in commands),
        mean_s=mean_s(every) if every else None,
        faults=sum(event.outcome in RATED_FAULTS for event in commands),
    )
    used = sorted(Counter(event.command for event in commands).items(), key=lambda pair: (-pair[1], pair[0]))
    assert await storage.daily.top(guild, start) == used
    assert await storage.daily.top(guild, start, limit=2) == used[:2]
    timed = [
        Timed(command=command, n=len(of), mean_s=mean_s(of), min_s=min(of), max_s=max(of))
        for command, of in by_command.items()
    ]
    assert await storage.daily.timed(guild, start) == sorted(timed, key=lambda one: (-one.mean_s, one.command))
    over = {command: [of for of in durations if of > 0.25] for command, durations in by_command.items()}
    slow = [
        Slow(command=command, n=len(of), mean_s=mean_s(of), last_at=last_over(commands, command, 0.25))
        for command, of in over.items()
        if of
    ]
    found = await storage.daily.slow(guild, start, 0.25)
    assert found == sorted(slow, key=lambda one: (-one.mean_s, one.command))


def mean_s(durations: Sequence[float]) -> float:
    """As computed from whole microseconds."""
    return sum(round(duration_s * 1e6) for duration_s in durations) / len(durations) / 1e6


def last_over(commands: Sequence[Invocation], command: str, threshold_s: float) -> datetime:
    return max(
        event.started_at + timedelta(seconds=event.duration_s)
        for event in commands
        if event.command == command and is_timed(event) and event.duration_s > threshold_s
    )


def is_timed(event: Invocation) -> bool:
    if event.duration_s is None or event.outcome in {Outcome.CANCELLED, Outcome.CRASHED}:
        return False
    return event.kind is LOGGED or event.duration_s <= 900


# -- days --------------------------------------------------------------------------------------------------------------


async def test_log_and_count_of_one_host_are_not_added_up(storage):
    """Its command is logged once and counted once, and that is one command executed."""
    await storage.write(
        [*(invocation(kind=LOGGED) for _ in range(8)), *(counted_command(user_id=f"1{n % 3}") for n in range(10))]
    )
    assert await storage.daily.days("1", **TODAY_OF) == [Day(day=TODAY, commands=10, users=3)]
    assert (await storage.daily.totals("1", MONDAY)).total == 8


async def test_commands_that_a_host_logged_make_no_day(storage):
    await storage.write([invocation(kind=LOGGED)])
    assert await storage.daily.days("1", **TODAY_OF) == []
    assert await storage.unique_users("1", EVER) == 1  # our own reports count everybody


async def test_people_are_ours_or_the_hosts_whichever_are_more(storage):
    await storage.write([invocation(user_id="10"), invocation(user_id="11")])
    for users, expected in ((1, 2), (3, 3)):
        await storage.engine.write(host_day(NOON, "1", users=users, commands=5))
        assert await storage.daily.days("1", **TODAY_OF) == [Day(day=TODAY, users=expected, commands=7)]


async def test_days_end_at_midnight_in_utc(storage):
    await storage.write([music(occurred_at=MONDAY - MS), music(occurred_at=MONDAY), music(occurred_at=MONDAY + DAY)])
    assert await storage.daily.days("1", **TODAY_OF) == [Day(day=TODAY, songs=1)]
    days = await storage.daily.days("1", TODAY - 400 * DAY, TODAY + 400 * DAY)
    assert [found.day for found in days] == [TODAY - DAY, TODAY, TODAY + DAY]
    assert await storage.daily.days("1", TODAY + DAY, TODAY) == []


async def test_guild_that_nobody_knows_has_no_days_and_no_commands(storage):
    await storage.write([invocation(duration_s=9.0), music(), counted_command()])
    await storage.engine.write(host_day(NOON, "2", songs=1))
    for guild in ("3", "of a host", "", "None"):
        assert await storage.daily.days(guild, **TODAY_OF) == []
        assert await storage.daily.totals(guild, MONDAY) == Totals(total=0, successful=0, mean_s=None, faults=0)
        assert await storage.daily.top(guild, MONDAY) == []
        assert await storage.daily.timed(guild, MONDAY) == []
        assert await storage.daily.slow(guild, MONDAY, 0.0) == []


async def test_rebuild_leaves_what_a_host_counted_alone(storage):
    await storage.write([invocation(), counted_command(), music()])
    await storage.engine.write(host_day(NOON, "1", songs=2))
    before = await dump(storage, "host_days"), await storage.daily.days("1", **TODAY_OF)
    assert await storage.engine.write(begin_rebuild())
    await storage.rollups.catch_up()
    assert (await dump(storage, "host_days"), await storage.daily.days("1", **TODAY_OF)) == before


async def test_no_age_removes_what_a_host_counted(storage):
    await storage.write([invocation()])
    await storage.engine.write(host_day(NOON - 999 * DAY, "1", songs=2))
    await storage.engine.write(raise_raw_since(int(NOON.timestamp() * 1000)))
    await believe(storage, NOON)
    assert await make_cleaner(storage, raw_days=1, people_days=1, rollup_days=1, health_days=1).clean() == {}
    assert len((await dump(storage, "host_days"))["host_days"]) == 1


# -- since a moment ----------------------------------------------------------------------------------------------------


async def test_a_command_of_the_moment_counts_and_one_before_it_does_not(storage):
    start = NOON + timedelta(minutes=20)
    at = (start - MS, start, start + timedelta(minutes=40), start + 3 * HOUR)
    await storage.write([invocation(started_at=when, duration_s=n) for n, when in enumerate(at)])
    assert await storage.daily.totals("1", start) == Totals(total=3, successful=3, mean_s=2.0, faults=0)
    assert await storage.daily.top("1", start) == [("play", 3)]
    assert [(one.n, one.min_s) for one in await storage.daily.timed("1", start)] == [(3, 1.0)]
    assert [one.n for one in await storage.daily.slow("1", start, 1.0)] == [2]


async def test_faults_are_the_bots_and_what_the_host_said_failed(storage):
    outcomes = [*Outcome, Outcome.ERROR]
    await storage.write([invocation(kind=LOGGED, outcome=outcome) for outcome in outcomes])
    assert await storage.daily.totals("1", MONDAY) == Totals(total=10, successful=1, mean_s=None, faults=4)


async def test_counts_outlive_single_rows(storage):
    await storage.write([invocation(started_at=NOON - 100 * DAY, duration_s=1.0), invocation(duration_s=3.0)])
    await believe(storage, NOON)
    assert await make_cleaner(storage).clean() == {"invocations": 1}
    totals = await storage.daily.totals("1", NOON - 365 * DAY)
    assert totals == Totals(total=2, successful=2, mean_s=3.0, faults=0)
    assert await storage.daily.top("1", NOON - 365 * DAY) == [("play", 2)]


@pytest.mark.parametrize("start", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
async def test_any_moment_may_be_asked_for(storage, start):
    await storage.write([invocation(duration_s=1.0), invocation(started_at=datetime(2099, 12, 30, 23, 59, tzinfo=UTC))])
    n = 2 if start < NOON else 0
    assert (await storage.daily.totals(None, start)).total == n
    assert await storage.daily.top("1", start) == [("play", 2)][:n]
    assert len(await storage.daily.timed("1", start)) == len(await storage.daily.slow("1", start, 0.5)) == n // 2


async def test_an_empty_store_answers_everything(storage):
    await storage.open()
    assert await storage.daily.days("1", **TODAY_OF) == []
    assert await storage.daily.totals(None, MONDAY) == Totals(total=0, successful=0, mean_s=None, faults=0)
    assert await storage.daily.top(None, MONDAY) == await storage.daily.timed(None, MONDAY) == []
    assert await storage.daily.slow(None, MONDAY, 1.0) == []


# -- in our own reports ------------------------------------------------------------------------------------------------


async def host_music(storage: Storage) -> None:
    """One song of the host's on Sunday, two on Monday, four on Tuesday, and eight of another guild's on Monday."""
    for n, songs in ((-1, 1), (0, 2), (1, 4)):
        await storage.engine.write(host_day(MONDAY + n * DAY, "1", songs=songs, playtime_s=songs * 60))
    await storage.engine.write(host_day(MONDAY, "of a host", source_id=2, songs=8, skips=1, pauses=1))


async def test_music_of_a_host_counts_on_days_whose_noon_is_in_the_period(storage):
    await host_music(storage)
    await storage.write([music(duration_s=30)])

    async def songs(start: datetime, hours: float) -> int:
        return (await storage.music_totals("1", period(start, hours))).songs_played

    assert await storage.music_totals("1", EVER) == MusicTotals(songs_played=8, playtime_s=7 * 60 + 30)
    whole = MusicTotals(songs_played=16, playtime_s=7 * 60 + 30, skips=1, pauses=1)
    assert await storage.music_totals(None, EVER) == whole
    assert await songs(NOON, 1) == 1 + 2
    assert await songs(NOON + MS, 24) == 4
    assert await songs(NOON - 24 * HOUR, 24) == 1
    assert await songs(MONDAY, 12) == 0
    assert await songs(MONDAY, 24) == 1 + 2
    assert await songs(NOON, 0) == 0


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"])
async def test_today_of_a_host_counts_from_its_first_hour(storage, zone):
    """And no day counts twice: the periods of reports, day after day, add up to what there is."""
    await host_music(storage)
    now = MONDAY + timedelta(minutes=30)
    weekly = report_period("weekly", now, ZoneInfo(zone))
    assert (await storage.music_totals("1", weekly, now)).songs_played == 1 + 2
    assert (await storage.music_totals("1", before(weekly), now)).songs_played == 0
    days = [day_period(TODAY + n * DAY, ZoneInfo(zone)) for n in range(-3, 4)]
    later = NOON + 3 * DAY
    assert sum([(await storage.music_totals("1", day, later)).songs_played for day in days]) == 7
    assert (await storage.music_totals("1", report_period("today", NOON, ZoneInfo("UTC")), NOON)).songs_played == 2


async def test_music_of_half_hours_is_counted_beside_the_hosts(storage, engine: Engine):
    await host_music(storage)
    await storage.write([music(occurred_at=NOON + timedelta(minutes=n * 15)) for n in range(4)])
    assert (await storage.music_totals("1", period(NOON - HOUR / 2, 1))).songs_played == 2 + 2
