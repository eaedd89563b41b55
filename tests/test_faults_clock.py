"""A clock that is wrong: what is counted by it stays consistent, and nothing is removed for it."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.config import RetentionConfig
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import Period
from botmon_cog.health.components.commands import CommandsSample
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.janitor import Janitor
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.ages import Ages
from botmon_cog.testing import ManualClock
from tests.engines import Storage
from tests.harness import make_config
from tests.retention_helpers import (
    DAY,
    MIDNIGHT,
    QuickClock,
    check,
    day_of_use,
    fill,
    marks,
    moments,
    proved_days,
    since,
)
from tests.storage_helpers import NOON, invocation

HOUR_S = 3600
YEARS_S = 2 * 365 * 86_400
MINUTES = 40
HOUR_MS = HOUR_S * 1000
DAY_MS = 24 * HOUR_MS
HISTORY = [NOON - n * DAY for n in reversed(range(33))]
KEPT = [when for when in HISTORY if when >= MIDNIGHT - 30 * DAY]


# -- cleaning up -------------------------------------------------------------------------------------------------------


def janitor(storage: Storage, clock: ManualClock) -> Janitor:
    return Janitor(storage, clock, RetentionConfig(raw_days=30, disk_cap_mb=0), Failures(clock))


async def days(n: float, storage: Storage, clock: QuickClock, *others: QuickClock) -> None:
    """As bots do, each by its clock, but only every four hours: a health check, and a clean-up if one is due."""
    clocks = (clock, *others)
    janitors = [janitor(storage, clock) for clock in clocks]
    for _ in range(math.ceil(n * 6)):
        for own, keeper in zip(clocks, janitors, strict=True):
            await storage.append([check(own.now())])
            await keeper.clean_if_due()
            await own.sleep(4 * HOUR_S)


@pytest.fixture
async def past(storage):
    """Commands of 33 days, the oldest of which went with the last clean-up. The clock is right."""
    await fill(storage, *HISTORY)
    clock = QuickClock(NOON)
    await days(1 / 6, storage, clock)
    assert await moments(storage) == KEPT
    return clock


async def test_a_clock_that_is_years_ahead_for_one_clean_up_costs_nothing(storage, past):
    before = await marks(storage)
    past.jump_wall(YEARS_S)
    await janitor(storage, past).clean_if_due()
    assert (await marks(storage))["cleaned_at"] > before["cleaned_at"]  # it was due, by that clock
    assert await moments(storage) == KEPT
    assert await since(storage) == KEPT[0].replace(hour=0)
    past.jump_wall(-YEARS_S)
    await days(1 / 6, storage, past)
    after = await marks(storage)
    assert after.keys() == before.keys()  # the doubt is gone
    assert int(after["cleaned_at"]) - int(before["cleaned_at"]) < 5 * HOUR_MS  # it was due, by this clock
    await days(1, storage, past)
    assert await moments(storage) == KEPT[1:]  # a day later, a day went


async def test_a_clock_that_is_years_ahead_for_a_day_costs_nothing(storage, past):
    past.jump_wall(YEARS_S)
    for _ in range(7):
        await storage.append(day_of_use(past.now()))
        await days(1 / 6, storage, past)
    there = await moments(storage)
    assert there[: len(KEPT)] == KEPT
    assert await since(storage) == KEPT[0].replace(hour=0)
    past.jump_wall(-YEARS_S)
    await days(2, storage, past)
    assert await moments(storage) == there[3:]  # three days later, three days went; what is of the future stays
    assert len(await proved_days(storage)) == len(KEPT) - 3 + 2


async def test_a_clock_that_is_behind_costs_nothing_and_cleaning_goes_on(storage, past):
    past.jump_wall(-YEARS_S)
    await days(0.5, storage, past)
    assert await moments(storage) == KEPT
    past.jump_wall(YEARS_S)
    await days(2, storage, past)
    assert await moments(storage) == KEPT[3:]


async def test_of_two_processes_the_one_whose_clock_is_ahead_removes_nothing(storage, past):
    ahead = QuickClock(past.now())
    ahead.jump_wall(YEARS_S)
    await days(3, storage, past, ahead)
    assert await moments(storage) == KEPT[3:]


async def test_after_three_weeks_without_a_bot_it_cleans_a_day_late(storage, past, caplog):
    caplog.set_level("INFO", "botmon_cog.store.cleaner")
    past.jump_wall(21 * 86_400)
    await days(0.5, storage, past)
    assert await moments(storage) == KEPT
    (said,) = caplog.messages
    assert "was last cleaned up 21 d 4 h ago, says the clock" in said
    await days(1.5, storage, past)
    assert await moments(storage) == KEPT[23:]


async def test_the_first_clean_up_of_a_store_is_as_careful(storage):
    await storage.write([invocation(started_at=when) for when in HISTORY])
    clock = QuickClock(NOON + timedelta(seconds=YEARS_S))
    await days(1, storage, clock)
    clock.jump_wall(-YEARS_S)
    assert await moments(storage) == HISTORY
    assert await since(storage) is None
    await days(1.25, storage, clock)
    assert await moments(storage) == HISTORY
    await days(0.5, storage, clock)
    assert await moments(storage) == [when for when in HISTORY if when >= MIDNIGHT - 27 * DAY]


async def test_no_row_is_older_than_the_newest_one_allows(storage, past):
    """A store that nobody writes to any more."""
    for _ in range(20):
        await past.sleep(10 * 86_400)
        await janitor(storage, past).clean_if_due()
    assert await moments(storage) == KEPT


episodes = st.lists(st.tuples(st.integers(1, 1500), st.integers(1, 24), st.integers(1, 60)), max_size=4)


@given(episodes, st.booleans())
@settings(deadline=None, max_examples=200)
def test_ages_are_never_taken_at_a_moment_that_has_not_come(wrong, is_first):
    """The clock is days ahead for at most a day, again and again, and rows are written by it."""
    true_ms = 20_000 * DAY_MS
    rows = [true_ms]
    ages = Ages(None if is_first else true_ms)
    for days, hours_wrong, hours_right in wrong:
        for ahead_ms in [days * DAY_MS] * hours_wrong + [0] * hours_right:
            true_ms += HOUR_MS
            now_ms = true_ms + ahead_ms
            rows.append(now_ms)
            ages = ages.next(now_ms, max((row for row in rows if row <= now_ms), default=None))
            assert ages.as_of_ms is None or ages.as_of_ms <= true_ms + 2 * DAY_MS
    for _ in range(48):
        true_ms += HOUR_MS
        rows.append(true_ms)
        ages = ages.next(true_ms, true_ms)
    assert ages == Ages(true_ms)


# -- counting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S, -25 * HOUR_S])
async def test_rows_roll_ups_and_rates_stay_consistent(engine, jump_s):
    clock = ManualClock(NOON)
    made = 0
    system = MonitoringSystem(make_config(engine.url), clock=clock)
    await system.start()
    for minute in range(2 * MINUTES):
        if minute == MINUTES:
            clock.jump_wall(jump_s)
        for _ in range(5):
            made += 1
            outcome = Outcome.ERROR if made % 3 == 0 else Outcome.OK
            system.recorder.record(invocation(started_at=clock.now(), outcome=outcome, duration_s=0.1))
        await clock.advance(60)
        await system.flush()
    total, errors = system.recent.totals()
    assert total in {60 * 5 - 5, 60 * 5}  # the last hour that passed, whatever the clock said
    assert 0 < errors < total
    report = await system.health.report()
    assert report.uptime_s >= 2 * MINUTES * 60
    commands = report.sample("commands", CommandsSample)
    assert (commands.total, commands.errors) == (total, errors)
    await system.health.check()
    await system.close()
    assert clock.pending == 0
    assert system.writer.dropped == 0

    # A process that starts now looks back over the hour that the rows tell of.
    again = MonitoringSystem(make_config(engine.url), clock=clock)
    await again.start()
    seeded, seeded_errors = again.recent.totals()
    assert 0 <= seeded_errors <= seeded <= made
    begin = min(clock.now(), NOON) - 3 * DAY
    await again.recorder.catch_up()  # as every report does
    counted = await again.store.reports.counted(None, Period(name="all", start=begin, end=begin + 9 * DAY))
    assert sum(count.n for count in counted.command_counts()) == made
    hours = counted.hour_counts()
    assert all(hour.n >= hour.faults >= 0 for hour in hours)
    assert sum(hour.n for hour in hours) == made
    await again.close()


async def test_a_minute_in_odd_steps_is_a_minute() -> None:
    clock = ManualClock()
    began = clock.now()
    for n in range(1, 1000):
        clock.call_later(n * 0.0600600601, lambda: None)
    await clock.advance(60)
    assert clock.now() - began == timedelta(minutes=1)
