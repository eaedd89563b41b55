"""Error groups on both engines: how often each failed, how it stands, and what the owners said of it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from botmon_cog.domain.models import BackgroundKind, ErrorGroup, ErrorSource, Event, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import Period
from botmon_cog.domain.reports.errors import ErrorCounts, ErrorState, error_id, fingerprint_of
from botmon_cog.domain.uptime import Run
from botmon_cog.store.alerts import execute
from botmon_cog.store.crashes import crash_run
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.queue.payload import decode_events, encode_events
from botmon_cog.store.records import milliseconds
from botmon_cog.store.script import Script
from tests.engines import Storage, dump
from tests.storage_helpers import EVER, NOON, background_failure, error_group, invocation, period

HOUR, DAY, MINUTE, MS = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1), timedelta(milliseconds=1)
LYRICS, PLAY, LOOP = 0x12_3456_789A, 7, (1 << 40) - 1
WEEK = period(NOON - 7 * DAY, 7 * 24)


def group(fingerprint: int = LYRICS, **fields: Any) -> ErrorGroup:
    return error_group(fingerprint, **fields)


def failed(fingerprint: int = LYRICS, **fields: Any) -> Invocation:
    """One failure of `/lyrics`, in guild 1, of user 10, at noon."""
    defaults: dict[str, Any] = {
        "command": "lyrics",
        "outcome": Outcome.ERROR,
        "error_type": "ValueError",
        "error_message": "API key wrong",
    }
    return invocation(fingerprint=fingerprint, **defaults | fields)


async def counts(
    storage: Storage, of: Period = EVER, now: datetime = NOON + 30 * DAY, **more: Any
) -> list[ErrorCounts]:
    return await storage.errors.counts(of, now, **more)


async def state(storage: Storage, now: datetime = NOON + 30 * DAY, fingerprint: int = LYRICS) -> ErrorState:
    details = await storage.errors.details(fingerprint, EVER, now)
    assert details is not None
    assert [each for each in await counts(storage, now=now) if each.fingerprint == fingerprint] == [details.counts]
    return details.counts.state


async def started(storage: Storage, at: datetime, version: str | None, instance: str = "test", **more: Any) -> Storage:
    """Another process that starts then."""
    other = Storage(storage.engine, instance)  # pyright: ignore[reportArgumentType]
    await other.uptime.put_run(Run(started_at=at, seen_at=at, version=version, **more))
    return other


# -- counting ----------------------------------------------------------------------------------------------------------


async def test_a_group_tells_how_often_it_failed_whom_it_hit_and_where_it_came_from(storage):
    await storage.append(
        [
            group(),
            failed(),
            failed(user_id="11", started_at=NOON + HOUR),
            failed(user_id="11", guild_id=None, started_at=NOON + 2 * HOUR),
            failed(guild_id="home", user_id="anna", started_at=NOON + HOUR),
            invocation(),
        ]
    )
    assert await counts(storage) == [
        ErrorCounts(
            fingerprint=LYRICS,
            id=error_id(LYRICS),
            state=ErrorState.OPEN,
            source=ErrorSource.COMMAND,
            what="lyrics",
            outcome=Outcome.ERROR,
            error_type="ValueError",
            error_message="API key wrong",
            file="cogs/lyrics.py",
            line=48,
            function="Lyrics.fetch",
            n=4,
            people=3,
            guilds=2,
            first_at=NOON,
            last_at=NOON + 2 * HOUR,
            first_version="9c1d",
            resolved_at=None,
            muted_until=None,
        )
    ]


async def test_a_period_holds_its_first_moment_and_not_its_end(storage):
    moments = (NOON - MS, NOON, NOON + HOUR - MS, NOON + HOUR)
    await storage.append([group(), *(failed(started_at=at, user_id=str(n)) for n, at in enumerate(moments, 1))])
    (found,) = await counts(storage, period(NOON, 1))
    assert (found.n, found.people) == (2, 2)
    assert (found.first_at, found.last_at) == (NOON - MS, NOON + HOUR), "of all, not only of the period"
    assert await counts(storage, period(NOON + 2 * HOUR, 1)) == []


async def test_failures_of_one_server_are_counted_there(storage):
    await storage.append(
        [
            group(),
            group(LOOP, source=ErrorSource.LOOP, what="Music.refresh"),
            failed(),
            failed(user_id="11"),
            failed(guild_id="2", user_id="12"),
            failed(guild_id="home", user_id="13"),
            background_failure(fingerprint=LOOP),
        ]
    )
    assert [(each.n, each.people, each.guilds) for each in await counts(storage, guild_id="1")] == [(2, 2, 1)]
    assert [each.n for each in await counts(storage, guild_id="home")] == [1]
    assert await counts(storage, guild_id="3") == await counts(storage, guild_id="nobody's") == []


async def test_failures_in_the_background_are_counted_and_hit_nobody(storage):
    await storage.append(
        [
            group(LOOP, source=ErrorSource.LOOP, what="Music.refresh"),
            background_failure(fingerprint=LOOP, kind=BackgroundKind.LOOP, n=3),
            background_failure(fingerprint=LOOP, kind=BackgroundKind.LOOP, n=4, started_at=NOON + HOUR),
        ]
    )
    (found,) = await counts(storage)
    assert (found.n, found.people, found.guilds, found.last_at) == (7, 0, 0, NOON + HOUR)
    assert [each.n for each in await counts(storage, period(NOON + HOUR, 1))] == [4]


async def test_a_group_without_a_row_is_told_from_its_newest_failure(storage):
    await storage.append(
        [
            failed(error_message="older", started_at=NOON - HOUR),
            failed(error_message="newest"),
            failed(PLAY, kind=Kind.BUTTON, command="PlayerView.skip", error_type=None, outcome=Outcome.LATE),
            failed(8, is_own=True, command="stats"),
            background_failure(fingerprint=LOOP, kind=BackgroundKind.TASK, place="Music.preload"),
        ]
    )
    found = {each.fingerprint: each for each in await counts(storage)}
    lyrics, skip, own, task = (found[fingerprint] for fingerprint in (LYRICS, PLAY, 8, LOOP))
    assert (lyrics.what, lyrics.source, lyrics.error_type) == ("lyrics", ErrorSource.COMMAND, "ValueError")
    assert (lyrics.error_message, lyrics.n, lyrics.first_at) == ("newest", 2, NOON - HOUR)
    assert (lyrics.file, lyrics.line, lyrics.function, lyrics.first_version) == (None, None, None, None)
    assert (skip.source, skip.outcome, skip.error_type) == (ErrorSource.COMPONENT, Outcome.LATE, None)
    assert own.source is ErrorSource.OWN
    assert (task.what, task.source, task.error_message) == ("Music.preload", ErrorSource.TASK, "song")
    details = await storage.errors.details(LYRICS, EVER, NOON)
    assert details is not None
    assert (details.counts.error_message, details.traceback) == ("newest", None)
    assert (await storage.errors.details(LOOP, EVER, NOON)).counts.what == "Music.preload"


async def test_urgent_groups_come_first_then_frequent_ones_and_our_own_last(storage):
    now = NOON + 30 * DAY
    await storage.append(
        [
            group(1, source=ErrorSource.OWN, what="roll up", first_at=now),
            *(group(n) for n in range(2, 8)),
            *(failed(n, started_at=at) for n, at in [(1, now), (2, NOON), (4, NOON), (5, now), (6, now), (7, NOON)]),
            *(failed(3) for _ in range(3)),
        ]
    )
    await storage.errors.resolve(5, NOON + DAY, "1")
    await storage.errors.resolve(7, NOON + DAY, "1")
    await storage.errors.mute(4, now + DAY, "1")
    await storage.engine.write(_first_at(6, now))
    found = await counts(storage, now=now)
    assert [(each.fingerprint, each.state.value) for each in found] == [
        (5, "returned"), (6, "new"), (3, "open"), (2, "open"), (4, "muted"), (7, "resolved"), (1, "new"),
    ]  # fmt: skip
    assert await counts(storage, now=now, limit=3) == found[:3]


def _first_at(fingerprint: int, at: datetime) -> Script[int]:
    statement = "UPDATE @error_groups SET first_ms = :ms WHERE fingerprint = :fingerprint"
    return execute(statement, {"ms": milliseconds(at), "fingerprint": fingerprint})


# -- kept once ---------------------------------------------------------------------------------------------------------


async def test_a_group_is_kept_as_it_was_first_whoever_brings_it_again(storage):
    await storage.append([group(), failed()])
    other = Storage(storage.engine, "other")
    await other.append([group(error_message="later", first_at=NOON + DAY), failed(), group(PLAY), group(PLAY)])
    assert [each.error_message for each in await counts(storage)] == ["API key wrong"]
    assert await storage.rows("SELECT fingerprint, error_message FROM @error_groups ORDER BY 1") == [
        (PLAY, "API key wrong"),
        (LYRICS, "API key wrong"),
    ]


async def test_a_repeated_batch_with_a_group_changes_nothing(storage):
    batch = await storage.append([failed(), group(), failed(), group()])
    await storage.rollups.catch_up()
    before = await dump(storage)
    await storage.log.append([msgspec.structs.replace(batch, is_repeat=True)])
    assert await dump(storage) == before


async def test_repeated_rows_around_a_group_that_was_there_already_are_counted_once(storage):
    await storage.append([group(), failed()])
    other = RunKey.new("other", NOON)
    events: list[Event] = [failed(), group(), failed()]
    await storage.log.append([Batch(run=other, first_seq=2, events=events[1:])])
    await storage.rollups.catch_up()
    await storage.log.append([Batch(run=other, first_seq=1, events=events, is_repeat=True)])
    await storage.rollups.catch_up()
    assert [each.n for each in await counts(storage)] == [3]
    assert sum(each.n for each in await storage.command_counts(None, EVER)) == 3


# -- what the owners say -----------------------------------------------------------------------------------------------


async def test_a_resolved_group_returns_with_its_next_failure(storage):
    await storage.append([group(), failed()])
    await storage.errors.resolve(LYRICS, NOON + HOUR, "1")
    assert await state(storage) is ErrorState.RESOLVED
    await storage.append([failed(started_at=NOON + HOUR)])
    assert await state(storage) is ErrorState.RESOLVED, "it began before"
    await storage.append([failed(started_at=NOON + HOUR + MS)])
    assert await state(storage) is ErrorState.RETURNED
    await storage.errors.resolve(LYRICS, NOON + DAY, "2")
    assert await state(storage) is ErrorState.RESOLVED
    assert await storage.rows("SELECT by FROM @error_marks") == [("2",)]
    await storage.errors.reopen(LYRICS)
    assert await state(storage) is ErrorState.OPEN


async def test_a_mute_ends_by_itself_or_when_somebody_says_so(storage):
    await storage.append([group(), failed()])
    now = NOON + 30 * DAY
    await storage.errors.mute(LYRICS, now + HOUR, "1")
    assert await state(storage, now) is ErrorState.MUTED
    assert await storage.errors.muted(now) == {LYRICS}
    assert await state(storage, now + HOUR) is ErrorState.OPEN
    assert await storage.errors.muted(now + HOUR) == frozenset()
    await storage.errors.unmute(LYRICS)
    assert await state(storage, now) is ErrorState.OPEN
    assert await storage.errors.muted(now) == frozenset()


async def test_resolving_leaves_a_mute_and_muting_leaves_a_resolution(storage):
    await storage.append([group(), failed()])
    now = NOON + 30 * DAY
    await storage.errors.resolve(LYRICS, NOON + HOUR, "1")
    await storage.errors.mute(LYRICS, now + HOUR, "1")
    (found,) = await counts(storage, now=now)
    assert (found.resolved_at, found.muted_until, found.state) == (NOON + HOUR, now + HOUR, ErrorState.RESOLVED)
    await storage.append([failed(started_at=NOON + DAY)])
    assert await state(storage, now) is ErrorState.MUTED, "nobody is to hear of it"
    await storage.errors.unmute(LYRICS)
    assert await state(storage, now) is ErrorState.RETURNED


async def test_marks_of_what_nobody_knows_make_no_group(storage):
    await storage.open()
    await storage.errors.reopen(LYRICS)
    await storage.errors.unmute(LYRICS)
    assert await storage.rows("SELECT * FROM @error_marks") == []
    await storage.errors.resolve(LYRICS, NOON, "1")
    assert await counts(storage) == []
    assert await storage.errors.details(LYRICS, EVER, NOON) is None


async def test_what_failed_while_it_was_muted_is_in_no_rate(storage):
    await storage.append(
        [group(), failed(), failed(PLAY, command="play"), failed(started_at=NOON + MINUTE), invocation()]
    )
    minute = int(NOON.timestamp()) // 60
    assert await storage.outcomes_by_minute(NOON) == [(minute, 3, 2), (minute + 1, 1, 1)]
    await storage.errors.mute(LYRICS, NOON + MINUTE, "1")
    assert await storage.outcomes_by_minute(NOON) == [(minute, 2, 1), (minute + 1, 1, 1)]
    await storage.errors.unmute(LYRICS)
    assert await storage.outcomes_by_minute(NOON) == [(minute, 3, 2), (minute + 1, 1, 1)]


# -- new ---------------------------------------------------------------------------------------------------------------


async def test_a_group_is_new_for_a_day(storage):
    await storage.append([group(), failed()])
    assert await state(storage, NOON + DAY) is ErrorState.NEW
    assert await state(storage, NOON + DAY + MS) is ErrorState.OPEN


async def test_a_group_is_new_since_the_last_deploy_for_a_week(storage):
    await started(storage, NOON - 10 * DAY, "old")
    await started(storage, NOON, "new")
    await storage.append([group(), failed(), group(PLAY, first_at=NOON - MS), failed(PLAY, started_at=NOON - MS)])
    assert await state(storage, NOON + 7 * DAY) is ErrorState.NEW
    assert await state(storage, NOON + 7 * DAY, PLAY) is ErrorState.OPEN
    assert await state(storage, NOON + 7 * DAY + MS) is ErrorState.OPEN


async def test_nothing_is_new_for_a_week_because_of_the_first_version_ever_seen(storage):
    await started(storage, NOON, "first")
    await storage.append([group(), failed()])
    assert await state(storage, NOON + 2 * DAY) is ErrorState.OPEN


# -- details -----------------------------------------------------------------------------------------------------------


async def test_details_tell_the_hours_the_versions_and_what_else_fails_there(storage):
    old = await started(storage, NOON - DAY, "old")
    await old.append([group(), failed(started_at=NOON - HOUR)])
    new = await started(storage, NOON, "new")
    await new.append([
        failed(), failed(started_at=NOON + 59 * MINUTE), failed(started_at=NOON + HOUR),
        group(PLAY, what="play"), *(failed(PLAY, command="play") for _ in range(2)),
        group(LOOP, source=ErrorSource.LOOP, what="Music.refresh"), background_failure(fingerprint=LOOP, n=5),
        group(8, line=49), failed(8),
        group(9, what="silent"),
    ])  # fmt: skip
    await storage.append([failed(started_at=NOON + HOUR)])
    found = await storage.errors.details(LYRICS, EVER, NOON)
    assert found is not None
    assert found.traceback == "Traceback\n  …"
    assert found.by_hour == ((NOON - HOUR, 1), (NOON, 2), (NOON + HOUR, 2))
    assert dict(found.versions) == {"new": 3, None: 1, "old": 1}
    assert found.versions[-1] == ("old", 1), "the newest first"
    assert [(each.id, each.source, each.what, each.n) for each in found.relatives] == [
        (error_id(LOOP), ErrorSource.LOOP, "Music.refresh", 5),
        (error_id(PLAY), ErrorSource.COMMAND, "play", 2),
    ]


async def test_details_of_a_group_that_did_not_fail_within_the_period(storage):
    await storage.append([group(), failed(started_at=NOON + HOUR)])
    found = await storage.errors.details(LYRICS, period(NOON + 5 * HOUR, 1), NOON)
    assert found is not None
    assert (found.counts.n, found.counts.people, found.counts.last_at) == (0, 0, NOON + HOUR)
    assert (found.by_hour, found.versions, found.relatives) == ((), (), ())


async def test_details_of_a_group_whose_failures_are_gone(storage):
    await storage.append([group()])
    found = await storage.errors.details(LYRICS, EVER, NOON)
    assert found is not None
    assert (found.counts.n, found.counts.first_at, found.counts.last_at) == (0, NOON, NOON)
    assert await counts(storage) == []


async def test_what_ran_when_a_process_died_is_of_its_version(storage):
    died = await started(storage, NOON, "old")
    run = msgspec.structs.replace(crash_run(died.run), started_at=NOON)
    crashed = failed(outcome=Outcome.CRASHED, error_type=None, error_message=None)
    await storage.log.append([Batch(run=run, first_seq=1, events=[crashed])])
    found = await storage.errors.details(LYRICS, EVER, NOON)
    assert found is not None
    assert found.versions == (("old", 1),)


async def test_the_longest_fingerprint_and_its_id_lead_to_the_same_group(storage):
    await storage.append([group(LOOP), failed(LOOP)])
    (found,) = await counts(storage)
    assert len(found.id) == 8
    assert fingerprint_of(found.id.upper()) == found.fingerprint == LOOP


# -- by command, by server, by time ------------------------------------------------------------------------------------


async def test_causes_of_a_command_come_by_how_often_they_failed(storage):
    await storage.append([
        group(1), failed(1),
        group(2, error_type="KeyError"), failed(2), failed(2, guild_id="2"),
        failed(3, error_type=None, outcome=Outcome.LATE), failed(3), failed(3),
        group(4, what="play"), failed(4, command="play"),
        group(5, source=ErrorSource.LISTENER), background_failure(fingerprint=5, place="lyrics"),
    ])  # fmt: skip
    causes = await storage.errors.causes_of("lyrics", EVER, NOON)
    assert [(each.fingerprint, each.n) for each in causes] == [(3, 3), (2, 2), (1, 1)]
    causes = await storage.errors.causes_of("lyrics", EVER, NOON, "2")
    assert [(each.fingerprint, each.n) for each in causes] == [(2, 1)]
    assert await storage.errors.causes_of("nothing", EVER, NOON) == []


async def test_refusals_of_a_server_tell_what_the_bot_lacks(storage):
    def refused(fingerprint: int = 1, **fields: Any) -> Invocation:
        told = {"command": "purge", "outcome": Outcome.REFUSED, "error_message": "Missing Permissions"}
        return failed(fingerprint, **told | fields)

    await storage.append(
        [
            refused(lacks="Manage Messages"),
            refused(2, lacks="Manage Messages", started_at=NOON + HOUR),  # another cause, and the same for the server
            refused(lacks="Manage Messages", guild_id="2"),
            refused(3, command="ban", error_message="Unknown Member"),
            refused(4, command="ban", error_message="Unknown Ban"),
            refused(3, command="ban", error_message="Unknown Member"),
            refused(3, command="ban", error_message="Unknown Member"),
            refused(5, is_own=True, command="stats"),
            failed(6),
        ]
    )
    found = await storage.errors.refusals("1", EVER)
    assert [(each.command, each.lacks, each.error_message, each.n) for each in found] == [
        ("ban", None, "Unknown Member", 3),
        ("purge", "Manage Messages", "Missing Permissions", 2),
        ("ban", None, "Unknown Ban", 1),
    ]
    assert found[1].last_at == NOON + HOUR
    assert [each.n for each in await storage.errors.refusals("1", period(NOON + HOUR, 1))] == [1]
    assert await storage.errors.refusals("3", EVER) == []


async def test_recent_groups_come_by_their_last_failure(storage):
    await storage.append([
        group(1), failed(1, started_at=NOON + HOUR),
        group(2), failed(2, started_at=NOON + 2 * HOUR),
        group(LOOP, source=ErrorSource.LOOP, what="Music.refresh"), background_failure(fingerprint=LOOP),
    ])  # fmt: skip
    found = await storage.errors.recent_ids(EVER)
    assert [each.id for each in found] == [error_id(2), error_id(1), error_id(LOOP)]
    assert (found[2].source, found[2].what, found[2].last_at) == (ErrorSource.LOOP, "Music.refresh", NOON)
    assert await storage.errors.recent_ids(EVER, limit=1) == found[:1]


# -- deploys -----------------------------------------------------------------------------------------------------------


async def test_starts_of_one_version_one_after_the_other_are_one_deploy(storage):
    await storage.open()
    assert await storage.errors.deploys(NOON) == []
    starts = [(0, None), (1, None), (2, "a"), (3, "b"), (4, "b"), (5, "a")]
    for n, (hours, version) in enumerate(starts):
        other = f"instance {n % 2}"
        at = NOON + hours * HOUR
        await started(storage, at, version, other, python_version=f"3.{n}", discord_version="2.7", botmon_version="1.0")
    await storage.append([invocation()])  # a run without a sign of life, such as that of what another one left
    found = await storage.errors.deploys(NOON - DAY)
    assert [(each.version, each.started_at, each.starts) for each in found] == [
        (None, NOON, 2),
        ("a", NOON + 2 * HOUR, 1),
        ("b", NOON + 3 * HOUR, 2),
        ("a", NOON + 5 * HOUR, 1),
    ]
    assert [each.python_version for each in found] == ["3.1", "3.2", "3.4", "3.5"], "of the last start"
    assert (found[0].discord_version, found[0].botmon_version) == ("2.7", "1.0")


@pytest.mark.parametrize(("since_h", "versions"), [(0, ["a", "b"]), (0.5, ["a", "b"]), (1, ["a", "b"]), (1.5, ["b"])])
async def test_deploys_since_a_moment_are_led_by_the_one_before(storage, since_h: float, versions: list[str]):
    await started(storage, NOON - DAY, "older")
    await started(storage, NOON, "a")
    await started(storage, NOON + HOUR, "b")
    await started(storage, NOON + 2 * HOUR, "b")
    found = await storage.errors.deploys(NOON + since_h * HOUR)
    assert [each.version for each in found] == ["older", *versions][-len(found) :]
    assert found[-1].version == "b"
    assert len(found) == (3 if since_h == 0 else len(versions))


# -- on the way --------------------------------------------------------------------------------------------------------


async def test_groups_and_fingerprints_survive_the_spool(storage):
    events = [group(error_message="lone \ud800"), failed(lacks="Manage Messages"), background_failure(fingerprint=LOOP)]
    payload, n = encode_events(events, 100_000)
    assert n == 3
    read = decode_events(payload)
    assert [type(event) for event in read] == [type(event) for event in events]
    await storage.append(read)
    assert [(each.fingerprint, each.error_message) for each in await counts(storage)] == [
        (LYRICS, "lone \N{REPLACEMENT CHARACTER}"),
        (LOOP, "song"),
    ]


async def test_two_processes_that_see_the_same_causes_at_once_both_store_their_rows(engine):
    async with engine.storage("one") as one, engine.storage("two") as two:
        await one.open()
        numbers = range(1, 51)
        mine, theirs = ([group(n) for n in order] + [failed(n) for n in order] for order in (numbers, numbers[::-1]))
        await asyncio.gather(one.append(mine), two.append(theirs))
        assert [each.n for each in await counts(one)] == [2] * 50
