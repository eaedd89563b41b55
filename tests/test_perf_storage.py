"""What `/perf` asks of the store for one command and around a deploy, on both engines."""

from __future__ import annotations

from datetime import timedelta

from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import HourCount, ServersUsing
from tests.engines import Storage
from tests.storage_helpers import NOON, invocation, period

HOUR = timedelta(hours=1)
DAY = period(NOON - 12 * HOUR, 24)


async def test_servers_using_counts_each_server_once_and_no_direct_message(storage: Storage) -> None:
    await storage.write(
        [
            *(invocation(guild_id=guild, command="play") for guild in ("1", "1", "2")),
            *(invocation(guild_id=guild, command="skip") for guild in ("2", "3", "named")),
            invocation(guild_id=None, command="play"),
            invocation(guild_id="9", command="play", outcome=Outcome.DENIED),
            invocation(guild_id="8", command="play", started_at=NOON - 72 * HOUR),
        ]
    )
    assert await storage.reports.servers_using("play", DAY) == ServersUsing(n=2, of=4)
    assert await storage.reports.servers_using("never seen", DAY) == ServersUsing(n=0, of=4)


async def test_hours_of_a_command_are_its_own_and_those_of_the_period(storage: Storage) -> None:
    await storage.write(
        [
            invocation(started_at=NOON - HOUR),
            invocation(started_at=NOON, outcome=Outcome.ERROR),
            invocation(started_at=NOON, outcome=Outcome.DENIED),
            invocation(started_at=NOON, command="skip"),
            invocation(started_at=NOON + 2 * HOUR, outcome=Outcome.DENIED),
            invocation(started_at=NOON + 30 * HOUR),
        ]
    )
    counted = await storage.reports.counted(None, DAY)
    assert counted.hours_of("play") == [
        HourCount(start=NOON - HOUR, n=1, faults=0),
        HourCount(start=NOON, n=1, faults=1),
    ]
    assert counted.hours_of("never seen") == []


async def test_sampled_calls_are_the_last_ones_of_that_command_server_and_time(storage: Storage) -> None:
    await storage.write(
        [
            invocation(started_at=NOON - HOUR, duration_s=9.0),
            invocation(started_at=NOON, duration_s=0.5, outcome=Outcome.ERROR),
            invocation(started_at=NOON, duration_s=1000.0),
            invocation(started_at=NOON, guild_id="2"),
            invocation(started_at=NOON, command="skip", duration_s=0.25),
            invocation(started_at=NOON, is_own=True),
            invocation(started_at=NOON, kind=Kind.BUTTON),
            invocation(started_at=NOON + HOUR),
        ]
    )
    reports, until = storage.reports, NOON + HOUR
    assert sorted(await reports.sampled_calls("play", "1", NOON, until), key=str) == [
        (Outcome.ERROR, 0.5),
        (Outcome.OK, None),
    ]
    assert len(await reports.sampled_calls("play", None, NOON, until)) == 3
    assert len(await reports.sampled_calls(None, None, NOON, until)) == 4
    assert await reports.sampled_calls("never seen", None, NOON, until) == []


async def test_sampled_calls_are_bounded(storage: Storage) -> None:
    calls = [invocation(started_at=NOON + timedelta(seconds=n), duration_s=n / 1000) for n in range(2_100)]
    await storage.write(calls)
    found = await storage.reports.sampled_calls("play", None, NOON, NOON + HOUR)
    assert len(found) == 2_000
    assert min(call.duration_s or 0.0 for call in found) == 0.1
