"""Runs, losses of the gateway and changes of the verdict, on both engines."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from botmon_cog.domain.models import HealthRecord
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import HealthMoment
from botmon_cog.domain.uptime import GatewayLoss, Run
from tests.engines import Storage
from tests.storage_helpers import NOON, invocation

DAY, HOUR, MS = timedelta(days=1), timedelta(hours=1), timedelta(milliseconds=1)


def run(start_h: float, hours: float, **fields: object) -> Run:
    started_at = NOON + start_h * HOUR
    return Run(**{"started_at": started_at, "seen_at": started_at + hours * HOUR} | fields)


def loss(start_h: float, shard_id: int = 0, **fields: object) -> GatewayLoss:
    """Of half an hour."""
    began_at = NOON + start_h * HOUR
    return GatewayLoss(**{"shard_id": shard_id, "began_at": began_at, "ended_at": began_at + HOUR / 2} | fields)


# -- runs --------------------------------------------------------------------------------------------------------------


async def put(storage: Storage, *runs: Run) -> None:
    """Store runs of the same instance, each of another process."""
    for one in runs:
        await Storage(storage.engine, storage.run.instance).uptime.put_run(one)


async def test_a_run_is_stored_anew_at_each_sign_of_life_until_it_ends(storage):
    begun = run(0, 0)
    await storage.uptime.put_run(begun)
    assert await storage.uptime.runs(NOON) == [begun]
    seen = msgspec.structs.replace(begun, seen_at=NOON + MS)
    await storage.uptime.put_run(seen)
    assert await storage.uptime.runs(NOON) == [seen]
    ended = msgspec.structs.replace(seen, seen_at=NOON + HOUR, ended_at=NOON + HOUR, ending="unloaded")
    await storage.uptime.put_run(ended)
    assert await storage.uptime.runs(NOON) == [ended]


async def test_a_run_knows_the_versions_that_it_ran_on(storage):
    versions = {"version": "9c1d\0", "python_version": "3.11.7", "discord_version": "2.7.1", "botmon_version": "1.0"}
    await storage.append([invocation()])
    await storage.uptime.put_run(run(0, 1, **versions))
    assert await storage.uptime.runs(NOON) == [run(0, 1, **versions | {"version": "9c1d\N{REPLACEMENT CHARACTER}"})]
    await storage.uptime.put_run(run(0, 1))
    assert await storage.rows(f"SELECT {', '.join(versions)} FROM @runs") == [(None, None, None, None)]  # noqa: S608


async def test_a_run_that_records_and_one_that_lives_are_one_row(storage):
    await storage.append([invocation()])
    assert await storage.uptime.runs(NOON - 9_999 * DAY) == [], "there was no sign of life yet"
    await storage.uptime.put_run(run(0, 1))
    await storage.append([invocation()])
    assert await storage.uptime.runs(NOON) == [run(0, 1)]
    assert await storage.rows("SELECT last_seq, started_ms / 1000 FROM @runs") == [(2, NOON.timestamp())]


async def test_runs_are_those_since_a_moment_and_the_one_before_them_oldest_first(storage):
    runs = [run(10, 5), run(0, 1, ending="stopped", ended_at=NOON + HOUR), run(2, 1), run(4, 1), run(20, 0)]
    await put(storage, *runs)
    newest, first, second, third, last = runs
    for since, expected in (
        (NOON - DAY, [first, second, third, newest, last]),
        (NOON + 4.5 * HOUR, [second, third, newest, last]),
        (NOON + 5 * HOUR, [second, third, newest, last]),
        (NOON + 5 * HOUR + MS, [third, newest, last]),
        (NOON + 12 * HOUR, [third, newest, last]),
        (NOON + DAY, [last]),
    ):
        assert await storage.uptime.runs(since) == expected


async def test_the_run_before_is_the_one_that_was_seen_last(storage):
    """Two processes by the same name may run at once."""
    long, short, now = run(0, 10), run(1, 1), run(20, 1)
    await put(storage, long, short, now)
    assert await storage.uptime.runs(NOON + 20 * HOUR) == [long, now]


# -- losses of the gateway ---------------------------------------------------------------------------------------------


async def test_losses_are_those_that_ended_since_a_moment_oldest_first(storage):
    losses = [loss(2, share=1 / 3), loss(1, 2), loss(1, 1), loss(0)]
    for one in losses:
        await storage.uptime.put_gateway_loss(one)
    assert await storage.uptime.gateway_losses(NOON) == [losses[3], losses[2], losses[1], losses[0]]
    assert await storage.uptime.gateway_losses(NOON + 1.5 * HOUR) == [losses[2], losses[1], losses[0]]
    assert await storage.uptime.gateway_losses(NOON + 1.5 * HOUR + MS) == [losses[0]]


async def test_a_loss_that_is_stored_again_is_there_once(storage):
    await storage.uptime.put_gateway_loss(loss(0))
    longer = loss(0, ended_at=NOON + 2 * HOUR, share=0.25)
    await storage.uptime.put_gateway_loss(longer)
    assert await storage.uptime.gateway_losses(NOON) == [longer]


async def test_runs_and_losses_are_each_instances_own(engine):
    async with engine.storage("one") as one, engine.storage("other") as other:
        for storage, hours in ((one, 1), (other, 2)):
            await storage.uptime.put_run(run(0, hours))
            await storage.uptime.put_gateway_loss(loss(0, share=1 / hours))
        assert await one.uptime.runs(NOON) == [run(0, 1)]
        assert await other.uptime.runs(NOON) == [run(0, 2)]
        assert await one.uptime.gateway_losses(NOON) == [loss(0)]
        assert await other.uptime.gateway_losses(NOON) == [loss(0, share=0.5)]


# -- changes of the verdict --------------------------------------------------------------------------------------------


async def check(storage, *verdicts: tuple[str, str | None]) -> list[HealthMoment]:
    """One check per hour from noon on, each with other numbers."""
    records = [
        HealthRecord(
            occurred_at=NOON + n * HOUR, status=status, reason=None if what is None else Reason.of(what, number=n)
        )
        for n, (status, what) in enumerate(verdicts)
    ]
    await storage.write(records[::-1])
    return [HealthMoment(occurred_at=r.occurred_at, status=r.status, reason=r.reason) for r in records]


async def test_changes_are_the_checks_that_found_something_else_than_the_one_before(engine):
    async with engine.storage() as storage, engine.storage("other") as other:
        await check(other, *[("unhealthy", str(n)) for n in range(9)])
        found = await check(
            storage,
            ("healthy", None),
            ("healthy", None),
            ("degraded", "memory"),
            ("degraded", "memory"),
            ("degraded", "the disk"),
            ("unhealthy", "the disk"),
            ("unhealthy", None),
            ("healthy", None),
            ("healthy", None),
        )
        changes = [found[n] for n in (0, 2, 4, 5, 6, 7)]
        assert await storage.health_changes(NOON - DAY) == changes
        assert await storage.health_changes(NOON) == changes
        assert await storage.health_changes(NOON + 2 * HOUR) == changes[1:]
        assert await storage.health_changes(NOON + 3 * HOUR) == changes[2:]
        assert await storage.health_changes(NOON + 8 * HOUR) == []
        assert await storage.health_changes(NOON + DAY) == []


async def test_the_first_check_ever_is_a_change(storage):
    assert await storage.health_changes(NOON) == []
    first, _ = await check(storage, ("healthy", None), ("healthy", None))
    assert await storage.health_changes(NOON) == [first]
