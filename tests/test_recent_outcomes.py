"""The last hour's outcomes: by command, by run of faults, by server. Bounded, and without what is muted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.fault_runs import KEPT_FAULTS, MOST_RUNS, NO_RUN
from botmon_cog.monitors.recent_outcomes import MOST_COMMANDS, MOST_KINDS, OutcomeCounts, RecentOutcomes
from botmon_cog.monitors.refusals import MOST_REFUSALS, MOST_SERVERS, RefusedCommand
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.store.log import MinuteCount
from botmon_cog.testing import ManualClock
from tests.storage_helpers import NOON
from tests.storage_helpers import invocation as stored
from tests.test_windows import invocation, recorder_of


class Rig:
    """Outcomes of a process, recorded as they come."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.recent = RecentOutcomes(self.clock)
        self.record = recorder_of(self.clock, LiveWindows(), self.recent).record

    def use(self, command: str, *outcomes: Outcome, **changes: Any) -> None:
        for outcome in outcomes:
            one = replace(invocation(command, outcome), started_at=self.clock.now(), guild_id=1, user_id=1)
            self.record(replace(one, **changes))

    def minute(self, ago: timedelta) -> int:
        return int((self.clock.now() - ago).timestamp()) // 60


HOUR = timedelta(hours=1)
OK, ERROR, LATE = Outcome.OK, Outcome.ERROR, Outcome.LATE


async def test_outcomes_are_counted_by_kind():
    rig = Rig()
    rig.use("play", *Outcome, LATE, OK)
    assert rig.recent.counts() == OutcomeCounts(total=6, errors=4, late=2, unanswered=1)
    await rig.clock.advance(30 * 60)
    rig.use("play", Outcome.UNANSWERED)
    assert rig.recent.counts() == OutcomeCounts(total=7, errors=5, late=2, unanswered=2)
    await rig.clock.advance(31 * 60)
    assert rig.recent.counts() == OutcomeCounts(total=1, errors=1, late=0, unanswered=1)
    await rig.clock.advance(3600)
    assert rig.recent.counts() == OutcomeCounts(0, 0, 0, 0)


async def test_failing_commands_are_told_with_their_calls_the_worst_first():
    rig = Rig()
    rig.use("play", OK, ERROR, OK)
    rig.use("lyrics", OK, ERROR, LATE, Outcome.USER_ERROR, ERROR, fingerprint=7, error_type="ValueError")
    rig.use("lyrics", ERROR, fingerprint=8, error_type="KeyError")
    rig.use("stop", OK, Outcome.DENIED)
    lyrics, play = rig.recent.last_hour(9)[1]
    assert (lyrics.command, lyrics.calls, lyrics.faults, lyrics.late, lyrics.unanswered) == ("lyrics", 5, 4, 1, 0)
    assert (lyrics.fingerprint, lyrics.error_type) == (7, "ValueError")
    assert (play.command, play.calls, play.faults) == ("play", 3, 1)
    assert rig.recent.last_hour(1)[1] == [lyrics]
    await rig.clock.advance(61 * 60)
    assert rig.recent.last_hour(9)[1] == []


async def test_a_run_of_faults_ends_with_the_first_good_end_and_with_nothing_else():
    rig = Rig()
    rig.use("lyrics", OK, ERROR, ERROR, user_id=1)
    await rig.clock.advance(90)
    rig.use("lyrics", Outcome.USER_ERROR, Outcome.DENIED, Outcome.REFUSED, Outcome.CANCELLED, LATE, user_id=2)
    await rig.clock.advance(30)
    rig.use("play", OK, OK)
    (lyrics,) = rig.recent.last_hour(9)[1]
    assert (lyrics.run.n, lyrics.run.people, lyrics.run.took_s, lyrics.run.lasted_s) == (3, 2, 90, 120)
    rig.use("lyrics", OK)
    (lyrics,) = rig.recent.last_hour(9)[1]
    assert (lyrics.faults, lyrics.run) == (3, NO_RUN)
    rig.use("lyrics", ERROR, OK, ERROR)
    assert rig.recent.last_hour(9)[1][0].run.n == 1


async def test_a_run_whose_last_fault_is_an_hour_old_is_over():
    rig = Rig()
    rig.use("lyrics", *[ERROR] * 5)
    await rig.clock.advance(59 * 60)
    assert rig.recent.last_hour(9)[1][0].run.n == 5
    await rig.clock.advance(2 * 60)
    rig.use("lyrics", ERROR)
    assert rig.recent.last_hour(9)[1][0].run.n == 1


@pytest.mark.parametrize("jump_s", [-7200, 7200])
async def test_a_run_takes_as_long_as_the_monotonic_clock_allows(jump_s: int):
    rig = Rig()
    rig.use("lyrics", ERROR)
    rig.clock.jump_wall(jump_s)
    rig.use("lyrics", ERROR)
    assert rig.recent.last_hour(9)[1][0].run.took_s <= 60
    await rig.clock.advance(300)
    rig.use("lyrics", ERROR)
    run = rig.recent.last_hour(9)[1][0].run
    assert 240 <= run.took_s <= 360
    assert 240 <= run.lasted_s <= 360


def test_what_is_muted_is_in_no_count_no_run_and_no_refusal():
    rig = Rig()
    rig.use("lyrics", OK, *[ERROR] * 3, fingerprint=7, user_id=1)
    rig.use("lyrics", ERROR, ERROR, fingerprint=8, user_id=2)
    rig.use("ban", Outcome.REFUSED, fingerprint=9)
    rig.recent.muted = frozenset({7, 9})
    assert rig.recent.counts() == OutcomeCounts(total=3, errors=2, late=0, unanswered=0)
    (lyrics,) = rig.recent.last_hour(9)[1]
    assert (lyrics.calls, lyrics.faults, lyrics.fingerprint, lyrics.run.n, lyrics.run.people) == (3, 2, 8, 2, 1)
    assert rig.recent.refused() == ([], 1)
    rig.recent.muted = frozenset({7, 8})
    assert rig.recent.last_hour(9)[1] == []
    rig.recent.muted = frozenset()
    assert rig.recent.last_hour(9)[1][0].run.n == 5
    assert rig.recent.refused() == ([RefusedCommand("ban", 1, 1, None)], 1)


async def test_refusals_are_counted_by_server_beside_the_servers_that_use_the_bot():
    rig = Rig()
    for server in range(10):
        rig.use("play", OK, guild_id=server)
    rig.use("play", OK, guild_id=None)
    for server in range(4):
        rig.use("ban", Outcome.REFUSED, Outcome.REFUSED, guild_id=server, lacks="Ban Members")
    rig.use("purge", Outcome.REFUSED, guild_id=3)
    refused, servers = rig.recent.refused()
    assert refused == [RefusedCommand("ban", 8, 4, "Ban Members"), RefusedCommand("purge", 1, 1, None)]
    assert servers == 10
    await rig.clock.advance(61 * 60)
    assert rig.recent.refused() == ([], 0)
    rig.use("ban", Outcome.REFUSED, guild_id=1)
    assert rig.recent.refused() == ([RefusedCommand("ban", 1, 1, None)], 1), "of this hour"


def test_an_earlier_process_of_the_same_name_is_taken_over_by_command_and_outcome():
    rig = Rig()
    rig.use("lyrics", LATE, fingerprint=7)
    five, many = rig.minute(timedelta(minutes=5)), rig.minute(timedelta(minutes=500))
    rig.recent.seed(
        [
            MinuteCount(many, "lyrics", ERROR, 7, 100),
            MinuteCount(five, "lyrics", ERROR, 7, 4),
            MinuteCount(five, "lyrics", Outcome.UNANSWERED, None, 1),
            MinuteCount(five, "play", OK, None, 15),
            MinuteCount(rig.minute(timedelta()), "play", ERROR, None, 99),
        ]
    )
    assert rig.recent.counts() == OutcomeCounts(total=21, errors=6, late=1, unanswered=1)
    (lyrics,) = rig.recent.last_hour(9)[1]
    assert (lyrics.calls, lyrics.faults, lyrics.fingerprint, lyrics.run.n) == (6, 6, 7, 1)
    rig.recent.muted = frozenset({7})
    assert rig.recent.counts() == OutcomeCounts(total=16, errors=1, late=0, unanswered=1)


async def test_each_instance_looks_back_on_its_own_rows_only(engine, storage):
    at = {"started_at": NOON, "fingerprint": None}
    await storage.write([stored(outcome=ERROR, started_at=NOON, fingerprint=2**62 - 1)] * 3)
    await storage.write([stored(**at), stored(command="stats weekly", outcome=LATE, **at)])
    for ignored in (Outcome.USER_ERROR, Outcome.REFUSED, Outcome.CANCELLED, Outcome.CRASHED):
        await storage.write([stored(outcome=ignored, **at)])
    await storage.write([stored(is_own=True, **at), stored(kind=Kind.BUTTON, **at), stored(started_at=NOON - HOUR)])
    minute = int(NOON.timestamp()) // 60
    own = [
        MinuteCount(minute, "play", OK, None, 1),
        MinuteCount(minute, "play", ERROR, 2**62 - 1, 3),
        MinuteCount(minute, "stats weekly", LATE, None, 1),
    ]
    async with engine.storage("other") as other:
        await other.write([stored(outcome=ERROR, **at)])
        found = await storage.log.outcomes_of("test", NOON)
        assert sorted(found, key=lambda each: (each.command, each.outcome != OK)) == own
        assert await other.log.outcomes_of("other", NOON) == [MinuteCount(minute, "play", ERROR, None, 1)]
        assert await other.log.outcomes_of("nobody", NOON) == []


async def test_what_failed_while_it_was_muted_is_not_looked_back_on(storage):
    await storage.write([stored(outcome=ERROR, started_at=NOON, fingerprint=7)])
    assert await storage.log.outcomes_of("test", NOON)
    await storage.errors.mute(7, NOON + HOUR, "1")
    assert await storage.log.outcomes_of("test", NOON) == []


def many(n: int, **changes: Any) -> list[Invocation]:
    return [
        replace(invocation(f"c{each}", ERROR), fingerprint=each + 1, guild_id=each, user_id=each, **changes)
        for each in range(n)
    ]


async def test_memory_is_bounded_however_many_names_errors_servers_and_people_there_are():
    clock = ManualClock()
    recent = RecentOutcomes(clock)
    begun = int(clock.monotonic() // 60)
    for minute in range(begun, begun + 20):
        recent.add(many(1_500), minute)
        recent.add([replace(each, command="one", user_id=each.guild_id) for each in many(50)], minute)
        for batch in range(10):
            recent.add([replace(each, guild_id=batch * 1_500 + each.guild_id) for each in many(1_500)], minute)
        refused = many(1_500, lacks="Ban Members")
        for name in range(4):
            recent.add([replace(each, command=f"r{name}", outcome=Outcome.REFUSED) for each in refused], minute)
    assert recent.counts().errors == recent.counts().total == 20 * (11 * 1_500 + 50), "none is forgotten"
    assert len(recent._numbers) == MOST_COMMANDS
    assert max(len(each.calls) for each in recent._minutes) == MOST_COMMANDS + 1
    assert max(len(each.faults) for each in recent._minutes) <= MOST_KINDS + 1_500
    assert len(recent._runs) == MOST_RUNS
    assert max(len(run.newest) for run in recent._runs._runs.values()) == KEPT_FAULTS
    assert len(recent._refusals._servers) <= MOST_SERVERS + 1_500
    assert len(recent._refusals._refused) == MOST_REFUSALS
    assert len(recent.last_hour(5)[1]) == 5
    recent.add([], begun + 80)
    assert (len(recent._runs), len(recent._refusals._servers), len(recent._refusals._refused)) == (0, 0, 0)
