"""Periods as hours and days of UTC, which is what the roll-ups count by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botmon_cog.domain.reports import Period
from botmon_cog.domain.rollup import HOURS_PER_DAY, day_of, hour_of, start_of_hour

_NOON = HOURS_PER_DAY // 2


def is_whole(moment: datetime) -> bool:
    return start_of_hour(hour_of(moment)) == moment


def next_hour(moment: datetime) -> int:
    """The first hour (UTC) that begins no earlier."""
    return hour_of(moment) + (not is_whole(moment))


def whole_hours(period: Period) -> tuple[int, int]:
    """(first, end) of the hours (UTC) that are wholly in a period."""
    first = next_hour(period.start)
    return first, max(hour_of(period.end), first)


def edges_of(period: Period) -> Sequence[tuple[datetime, datetime]]:
    """The parts of hours at both ends, for periods of zones whose hours are not UTC's."""
    first, end = (start_of_hour(hour) for hour in whole_hours(period))
    if first > period.end:
        return [(period.start, period.end)]
    return [(since, until) for since, until in ((period.start, first), (end, period.end)) if since < until]


def days_of(first_hour: int, end_hour: int) -> dict[str, Any]:
    """The days (UTC) that a run of hours touches."""
    return {"first_day": first_hour // HOURS_PER_DAY, "last_day": (end_hour - 1) // HOURS_PER_DAY}


def days_by_noon(period: Period, now: datetime | None) -> tuple[int, int]:
    """(first, end) of the days (UTC) whose noon, or `now` if that is earlier, lies in a period."""
    first, end = (-((_NOON - next_hour(moment)) // HOURS_PER_DAY) for moment in (period.start, period.end))
    if now is not None and period.start <= now < period.end:
        end = max(end, day_of(now) + 1)
    return first, end
