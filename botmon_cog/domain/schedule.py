"""When reports are due: at an hour of the clock, on a day of the week or on the first of a month, in a time zone.

An hour that clocks skip is due when they jump; one that comes twice, the first time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo

from botmon_cog.config.tables import Weekday
from botmon_cog.domain.periods import first_moment_at
from botmon_cog.domain.settings import WEEKDAYS

_DAY = timedelta(days=1)
_WEEK = 7


def last_weekly(weekday: Weekday, hour: int, zone: tzinfo, now: datetime) -> datetime:
    """The last moment up to now, aware UTC, at which a weekly report was due."""
    return max(due for due in _weekly(weekday, hour, zone, now) if due <= now)


def next_weekly(weekday: Weekday, hour: int, zone: tzinfo, now: datetime) -> datetime:
    """The first moment after now at which one is due."""
    return min(due for due in _weekly(weekday, hour, zone, now) if due > now)


def last_monthly(hour: int, zone: tzinfo, now: datetime) -> datetime:
    """The last moment up to now, aware UTC, at which a report on the month before was due."""
    return max(due for due in _monthly(hour, zone, now) if due <= now)


def next_monthly(hour: int, zone: tzinfo, now: datetime) -> datetime:
    """The first moment after now at which one is due."""
    return min(due for due in _monthly(hour, zone, now) if due > now)


def _weekly(weekday: Weekday, hour: int, zone: tzinfo, now: datetime) -> Iterable[datetime]:
    """One of this week, of the week before, and of the week after."""
    today = now.astimezone(zone).date()
    near = today + (WEEKDAYS.index(weekday) - today.weekday()) * _DAY
    return [_at(near + weeks * _WEEK * _DAY, hour, zone) for weeks in (-1, 0, 1)]


def _monthly(hour: int, zone: tzinfo, now: datetime) -> Iterable[datetime]:
    first = now.astimezone(zone).date().replace(day=1)
    before, after = (first - _DAY).replace(day=1), (first + 31 * _DAY).replace(day=1)
    return [_at(day, hour, zone) for day in (before, first, after)]


def _at(day: date, hour: int, zone: tzinfo) -> datetime:
    return first_moment_at(datetime.combine(day, time(hour)), zone)
