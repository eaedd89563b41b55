"""How a bot of several processes is, on both engines."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from botmon_cog.domain.models import HealthRecord
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports.fleet import FleetHealth, ProcessHealth
from botmon_cog.domain.uptime import Run
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.fleet import Fleet
from botmon_cog.testing import ManualClock
from tests.engines import Storage
from tests.storage_helpers import NOON

MINUTE = timedelta(minutes=1)
AWAY = Reason.of("database.away", error="disk I/O error")


async def lives(storage: Storage, seen_at: datetime, *statuses: tuple[str, Reason | None], ended: bool = False) -> None:
    """A process that began at noon, was seen last at a moment, and checked once a minute."""
    ends = {"ended_at": seen_at, "ending": "stopped"} if ended else {}
    await storage.uptime.put_run(Run(started_at=NOON, seen_at=seen_at, **ends))
    await storage.append(
        [
            HealthRecord(occurred_at=NOON + n * MINUTE, status=status, reason=reason)
            for n, (status, reason) in enumerate(statuses)
        ]
    )


async def test_each_process_that_lives_is_as_its_last_check_found_it(engine):
    async with engine.storage("eu-1") as eu, engine.storage("us-1") as us, engine.storage("ap-1") as ap:
        await lives(eu, NOON + 9 * MINUTE, ("healthy", None), ("unhealthy", AWAY), ("degraded", AWAY))
        await lives(us, NOON + 8 * MINUTE, ("unhealthy", AWAY), ("healthy", None))
        await lives(ap, NOON + 9 * MINUTE)
        found = await eu.fleet.processes(NOON + 5 * MINUTE)
    assert [(each.instance, each.status, each.reason, each.checked_at) for each in found] == [
        ("ap-1", "unknown", None, None),
        ("eu-1", "degraded", AWAY, NOON + 2 * MINUTE),
        ("us-1", "healthy", None, NOON + MINUTE),
    ]


async def test_what_has_ended_or_gone_silent_is_no_process_any_more(engine):
    async with engine.storage("old") as old, engine.storage("silent") as silent, engine.storage("new") as new:
        await lives(old, NOON + 9 * MINUTE, ("unhealthy", AWAY), ended=True)
        await lives(silent, NOON + 4 * MINUTE, ("unhealthy", AWAY))
        await lives(new, NOON + 9 * MINUTE, ("healthy", None))
        found = await new.fleet.processes(NOON + 5 * MINUTE)
    assert [each.instance for each in found] == ["new"]


def process(instance: str, status: str) -> ProcessHealth:
    return ProcessHealth(instance=instance, started_at=NOON, seen_at=NOON, status=status)


@pytest.mark.parametrize(
    ("statuses", "status", "worst", "well"),
    [
        ("", "unknown", None, 0),
        ("healthy", "healthy", None, 1),
        ("unknown", "unknown", None, 0),
        ("healthy unknown", "healthy", None, 1),
        ("healthy degraded healthy", "degraded", "p1", 2),
        ("degraded unhealthy unhealthy healthy", "unhealthy", "p1", 1),
    ],
)
def test_the_verdict_is_that_of_the_worst(statuses, status, worst, well):
    fleet = FleetHealth.of([process(f"p{n}", each) for n, each in enumerate(statuses.split())])
    assert (fleet.status, fleet.worst and fleet.worst.instance, fleet.well) == (status, worst, well)


class Away:
    async def processes(self, since):
        raise StorageError("no answer")


async def test_without_the_database_there_is_no_verdict_and_no_error():
    clock = ManualClock()
    failures = Failures(clock)
    fleet = await Fleet(Away(), clock, failures, 60.0, 5.0).report()
    assert fleet.processes == ()
    assert fleet.status == "unknown"
