"""The owners' overview: what it counts, on both engines, and how servers that came and left add up."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.config import Config, ReportsConfig
from botmon_cog.domain.inventory import ServersByShard
from botmon_cog.domain.models import MembershipChange
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import MembershipEntry
from botmon_cog.domain.reports.fleet import ProcessHealth
from botmon_cog.domain.settings import Settings
from botmon_cog.growth.gather import BUSY, WEEKS, growth, overview
from botmon_cog.growth.memberships import came_and_left, changes, gone, retained
from botmon_cog.growth.processes import processes
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.growth_scene import DAY, LEFT, MINUTE, N_SERVERS, NOW, QUIET, fill
from tests.harness import make_config
from tests.storage_helpers import invocation, membership

JOINED, LEAVES = MembershipChange.JOINED, MembershipChange.LEFT
HOUR = timedelta(hours=1)
LIVELY = 5 * MINUTE


@asynccontextmanager
async def system_on(url: str, **tables: object):
    """A system at `NOW` over an empty database, without a bot."""
    clock = ManualClock(NOW)
    config = msgspec.structs.replace(make_config(url, instance="eu-0", **tables), health=Config().health)
    async with MonitoringSystem(config, clock=clock) as system:
        yield system, clock


def use(system: MonitoringSystem, n: int, guild_id: int, days: float, **fields: object) -> None:
    for _ in range(n):
        one = {"started_at": NOW - days * DAY, "guild_id": str(guild_id), "guild_name": f"Guild {guild_id}"}
        system.recorder.record(invocation(**one | fields))


# -- the overview ------------------------------------------------------------------------------------------------------


async def test_overview_of_a_week_tells_all_of_it(engine):
    async with system_on(engine.url) as (system, clock):
        await fill(system, clock)
        found = await overview(system, "weekly")
        assert (found.servers, found.came, found.left) == (N_SERVERS, 2, 1)
        assert [each.name for each in found.busiest[:3]] == ["The Listening Room", "Lofi Lounge", "Nightowls"]
        assert [each.name for each in found.quiet] == list(QUIET)
        assert all(each.n == 0 < BUSY <= each.previous_n for each in found.quiet)
        assert [(each.command, each.last_used and (clock.now() - each.last_used).days) for each in found.unused] == [
            ("shuffle", 65),
            ("radio set", 41),
            ("ban list", None),
            ("mix", None),
        ]
        assert [(each.instance, each.state) for each in found.processes[:2]] == [
            ("eu-2", "silent"),
            ("eu-5", "running"),
        ]
        assert len(found.processes) == 8
        assert sum(each.servers for each in found.processes) == N_SERVERS


async def test_servers_are_counted_to_the_hour_and_compared_with_the_same_hours(engine):
    async with system_on(engine.url) as (system, _):
        # The week began on the 21st at midnight; the one before ends on the 20th at 19:00.
        use(system, 2, 1, 0)
        use(system, 3, 1, 7, started_at=NOW - 7 * DAY)
        use(system, 5, 1, 0, started_at=NOW - 7 * DAY + 2 * HOUR)
        use(system, 1, 2, 6.9, outcome=Outcome.DENIED)
        (only,) = (await overview(system, "weekly")).busiest
        assert (only.guild_id, only.name, only.n, only.previous_n) == ("1", "Guild 1", 2, 3)


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati"])
async def test_busiest_are_counted_as_in_their_own_reports(engine, timezone):
    """By whole days of UTC where that can be: also in zones whose days begin at any other hour, or within one."""
    async with system_on(engine.url, reports=ReportsConfig(timezone=timezone)) as (system, _):
        for n in range(600):
            outcome = Outcome.DENIED if n % 7 == 0 else Outcome.ERROR if n % 11 == 0 else Outcome.OK
            use(system, 1, 1 + n % 3, 62 * n / 600, command=f"command{n % 5}", outcome=outcome)
        for name in ("weekly", "monthly"):
            for each in (await overview(system, name)).busiest:
                own = await system.statistics.report(each.guild_id, system.statistics.period(name))
                assert (each.n, each.previous_n) == (own.total_commands, own.previous_commands)
                assert each.n


async def test_the_period_is_of_the_zone_that_the_owners_have_set():
    async with system_on(":memory:", reports=ReportsConfig(timezone="Europe/Berlin")) as (system, _):
        assert (await overview(system, "weekly")).period.timezone == "Europe/Berlin"
        await system.settings.put(None, Settings(timezone="Asia/Tokyo"), by=1)
        found = await overview(system, "weekly")
        assert found.period.timezone == "Asia/Tokyo"
        assert (await growth(system)).weeks[-1].first_day.weekday() == 0


async def test_quiet_is_only_who_was_busy_and_is_still_there(engine):
    async with system_on(engine.url) as (system, _):
        use(system, BUSY - 1, 1, 9)
        use(system, BUSY, 2, 9)
        use(system, BUSY, 3, 9)
        use(system, BUSY, 4, 9)
        use(system, 1, 4, 1)
        system.recorder.record(membership(change=LEAVES, guild_id=3, occurred_at=NOW - 8 * DAY))
        assert [each.guild_id for each in (await overview(system, "weekly")).quiet] == ["2"]


async def test_an_empty_store_has_an_empty_overview(engine):
    async with system_on(engine.url) as (system, _):
        found = await overview(system, "weekly")
        assert (found.servers, found.came, found.left, found.processes, found.busiest) == (None, 0, 0, (), ())
        assert (await growth(system)).lost == 0


# -- growth ------------------------------------------------------------------------------------------------------------


async def test_growth_counts_back_from_the_servers_that_there_are(engine):
    async with system_on(engine.url) as (system, clock):
        await fill(system, clock)
        found = await growth(system)
        assert len(found.weeks) == WEEKS
        assert found.weeks[-1].servers == found.servers == N_SERVERS
        for week, following in zip(found.weeks, found.weeks[1:], strict=False):
            assert week.servers == following.servers - following.came + following.left
        assert (sum(w.came for w in found.weeks), sum(w.left for w in found.weeks)) == (found.came, found.left)
        assert [(each.name, each.members) for each in found.losses] == [(name, n) for name, n, _, _ in LEFT]
        assert found.lost == len(LEFT)
        night_drive, _, tiny = found.losses
        assert night_drive.n > 40
        assert night_drive.last_commands
        assert (tiny.n, tiny.last_used, tiny.last_commands) == (0, None, ())


async def test_a_loss_tells_what_was_used_last(engine):
    async with system_on(engine.url) as (system, _):
        use(system, 4, 5, 40, command="older than thirty days")
        use(system, 3, 5, 12)
        use(system, 2, 5, 11, command="skip")
        use(system, 1, 5, 11, command="queue")
        system.recorder.record(membership(guild_id=5, guild_name="Five", occurred_at=NOW - 50 * DAY))
        system.recorder.record(membership(change=LEAVES, guild_id=5, guild_name="Five", occurred_at=NOW - 9 * DAY))
        system.recorder.record(membership(change=LEAVES, guild_id=6, occurred_at=NOW - 9 * DAY))
        system.recorder.record(membership(guild_id=6, occurred_at=NOW - 8 * DAY))
        found = await growth(system)
        (loss,) = found.losses
        assert (loss.name, loss.n, loss.last_commands) == ("Five", 6, ("skip", "queue"))
        assert loss.last_used == (NOW - 11 * DAY).date()
        assert found.lost == 1, "the other one has come back"


async def test_who_stays_is_read_from_the_roll_ups(engine):
    async with system_on(engine.url) as (system, _):
        for guild_id, joined, used in ((1, 40, 1), (2, 40, 35), (3, 40, 40), (4, 40, None), (5, 70, 1), (6, 5, 5)):
            system.recorder.record(membership(guild_id=guild_id, occurred_at=NOW - joined * DAY))
            if used is not None:
                use(system, 1, guild_id, used)
        found = (await growth(system)).retained
        assert [(each.days, each.n, each.of) for each in found] == [(1, 2, 5), (7, 1, 4), (30, 1, 4)]


def entry(guild_id: int, change: MembershipChange, days: float) -> MembershipEntry:
    return MembershipEntry(
        change=change,
        occurred_at=NOW - days * DAY,
        guild_id=str(guild_id),
        guild_name=None,
        member_count=None,
        locale=None,
    )


def test_what_was_missed_while_the_bot_was_off_counts_once():
    told = [entry(1, JOINED, 9), entry(1, JOINED, 5), entry(2, LEAVES, 9), entry(2, LEAVES, 3), entry(1, LEAVES, 1)]
    found = changes(told)
    assert found == [told[0], told[2], told[4]]
    assert came_and_left(found, NOW - 20 * DAY, NOW) == (1, 2)
    assert set(gone(found)) == {"1", "2"}


def test_one_that_left_and_came_back_is_there():
    told = [entry(1, JOINED, 50), entry(1, LEAVES, 49.5), entry(1, JOINED, 45)]
    after = {each.days: each.n for each in retained(told, {"1": int(NOW.timestamp() // 86_400)}, NOW)}
    assert after == {1: 0, 7: 1, 30: 1}


days = st.floats(0, 60).map(lambda n: round(n, 3))


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([JOINED, LEAVES]), days), max_size=20))
def test_servers_that_came_and_left_make_up_the_difference(drawn):
    told = [entry(*each) for each in sorted(drawn, key=lambda each: -each[2])]
    found = changes(told)
    came, left = came_and_left(found, NOW - 61 * DAY, NOW + DAY)
    first = {each.guild_id: each.change for each in reversed(found)}
    last = {each.guild_id: each.change for each in found}
    were_there = sum(change is LEAVES for change in first.values())
    assert were_there + came - left == sum(change is JOINED for change in last.values())
    for each in retained(found, {str(n): 1_000_000 for n in range(5)}, NOW):
        assert 0 <= each.n <= each.of <= 4


# -- processes ---------------------------------------------------------------------------------------------------------


def process(instance: str, ago: timedelta, *shard_ids: int, **fields: object) -> ProcessHealth:
    servers = ServersByShard(shard_count=4, servers=dict.fromkeys(shard_ids, 10)) if shard_ids else None
    told = {"started_at": NOW - DAY, "seen_at": NOW - ago, "status": "healthy", "servers": servers}
    return ProcessHealth(instance=instance, **told | fields)


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("recent", "expected"),
    [
        ([process("a", SECOND, 0), process("b", 9 * MINUTE, 1)], ["b silent", "a running"]),
        ([process("a", SECOND, 0, 1), process("b", 9 * MINUTE, 1)], ["a running"]),
        ([process("a", SECOND, 0), process("b", 9 * MINUTE, 1, ended_at=NOW)], ["b stopped", "a running"]),
        ([process("a", SECOND, 0), process("a", 9 * MINUTE)], ["a running"]),
        ([process("b", 9 * MINUTE, 1), process("b", 8 * MINUTE, 1)], ["b silent"]),
        ([process("a", SECOND, 0), process("z", SECOND, 1, status="unhealthy")], ["z running", "a running"]),
        ([process("old", SECOND, 0), process("new", SECOND, 0)], ["new running", "old running"]),
    ],
    ids=["down", "taken over", "stopped", "restarted", "twice", "gravest first", "deploy"],
)
def test_a_process_that_is_gone_is_told_only_if_nobody_has_its_shards(recent, expected):
    assert [f"{each.instance} {each.state}" for each in processes(recent, NOW, LIVELY)] == expected
