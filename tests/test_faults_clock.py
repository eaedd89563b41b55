"""The time of day is set back an hour while the bot runs: what is counted by it stays consistent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from botmon_cog.domain.reports import Period
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.faults import event, ids, make_config, nothing_left, stored, until

HOUR_S = 3600
MINUTES = 40


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bot.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S, -25 * HOUR_S])
async def test_rows_roll_ups_and_rates_stay_consistent(url, tmp_path, jump_s):
    clock = ManualClock(datetime(2026, 1, 5, 12, 0, tzinfo=UTC))
    config = make_config(url, spool_folder=str(tmp_path / "spool"))
    made = 0
    async with nothing_left(tmp_path):
        system = MonitoringSystem(config, clock=clock)
        await system.start()
        for minute in range(2 * MINUTES):
            if minute == MINUTES:
                clock.jump_wall(jump_s)
            for _ in range(5):
                made += 1
                system.recorder.record(event(made, at=clock.now()))
            await clock.advance(60)
            await system.flush()
        total, errors = system.recent.totals()
        assert total in {60 * 5 - 5, 60 * 5}  # the last hour that passed, whatever the clock said
        assert 0 < errors < total
        report = await system.health.get_full_health_report()
        assert report.uptime_s >= 2 * MINUTES * 60
        assert report.error_rate.error_rate == pytest.approx(errors / total)
        system.health.record(report)
        await system.close()
        assert clock.pending == 0
        assert system.writer.dropped == 0

        # A process that starts now looks back over the hour that the rows tell of.
        again = MonitoringSystem(config, clock=clock)
        await again.start()
        seeded, seeded_errors = again.recent.totals()
        assert 0 <= seeded_errors <= seeded <= made
        since = min(clock.now(), datetime(2026, 1, 5, 12, tzinfo=UTC)) - timedelta(days=3)
        period = Period(name="all", start=since, end=since + timedelta(days=9))
        counts = await again.storage.command_counts(None, period)
        assert sum(count.n for count in counts) == made
        hours = await again.storage.hour_counts(None, period)
        assert all(hour.n >= hour.faults >= 0 for hour in hours)
        assert sum(hour.n for hour in hours) == made
        await again.close()
    assert await stored(url) == ids(range(1, made + 1))


async def test_a_spool_written_while_the_clock_is_set_back_is_replayed_in_the_order_of_events(url, tmp_path):
    clock = ManualClock(datetime(2026, 1, 5, 12, 0, tzinfo=UTC))
    config = make_config(url, spool_folder=str(tmp_path / "spool"), queue_max=60)
    async with nothing_left(tmp_path):
        system = MonitoringSystem(config, clock=clock)
        write, away = system.storage.write, True

        async def refuse(events):
            if away:
                raise OSError("the cable")
            await write(events)

        system.storage.write = refuse
        await system.start()
        made = 0
        for n in range(10):
            if n == 5:
                clock.jump_wall(-HOUR_S)
            for _ in range(40):
                made += 1
                system.recorder.record(event(made, at=clock.now()))
            await clock.advance(20)
            await until(lambda: system.writer._spiller._task is None)
        assert system.writer.queued + system.writer.spooled == made
        assert system.writer.spooled
        away = False
        async with asyncio.timeout(60):
            while system.writer.queued or system.writer.spooled:
                await clock.advance(31)
        await system.close()
        assert system.writer.dropped == 0
    assert await stored(url) == ids(range(1, made + 1))


async def test_a_minute_in_odd_steps_is_a_minute() -> None:
    clock = ManualClock()
    began = clock.now()
    for n in range(1, 1000):
        clock.call_later(n * 0.0600600601, lambda: None)
    await clock.advance(60)
    assert clock.now() - began == timedelta(minutes=1)
