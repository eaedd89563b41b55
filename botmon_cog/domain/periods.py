"""The periods that reports are about: runs of hours in a time zone, up to the end of the current hour.

A `zone` is `datetime.UTC` or a `ZoneInfo`. Days are days of its calendar: where clocks change, one has 23 or 25 hours.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from botmon_cog.domain.reports import Period

DAYS = {"today": 1, "weekly": 7, "monthly": 30}
"""How many days a report covers, today included."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


def report_period(name: str, now: datetime, zone: tzinfo = UTC) -> Period:
    """The last days of the named report, from midnight on.

    Raises:
        ValueError: there is no report of that name.
    """
    if name not in DAYS:
        raise ValueError(f"there is no {name!r} report; there are: {', '.join(DAYS)}")
    first = now.astimezone(zone).date() - timedelta(days=DAYS[name] - 1)
    return Period(name=name, start=start_of_day(first, zone), end=_next_hour(now, zone), timezone=str(zone))


def day_period(day: date, zone: tzinfo = UTC) -> Period:
    """A whole day."""
    start, end = start_of_day(day, zone), start_of_day(day + _DAY, zone)
    return Period(name="day", start=start, end=end, timezone=str(zone))


def week_before(moment: datetime, zone: tzinfo = UTC) -> Period:
    """The seven whole days before the day of that moment."""
    day = moment.astimezone(zone).date()
    start, end = start_of_day(day - 7 * _DAY, zone), start_of_day(day, zone)
    return Period(name="week", start=start, end=end, timezone=str(zone))


def month_before(moment: datetime, zone: tzinfo = UTC) -> Period:
    """The whole month of the calendar before the month of that moment."""
    first = moment.astimezone(zone).date().replace(day=1)
    start, end = start_of_day((first - _DAY).replace(day=1), zone), start_of_day(first, zone)
    return Period(name="month", start=start, end=end, timezone=str(zone))


def last_days(days: int, now: datetime) -> Period:
    """The last `days` times 24 hours, wherever midnight is."""
    days = max(days, 1)
    end = _next_hour(now, UTC)
    return Period(name=f"{days} days" if days > 1 else "24 hours", start=end - timedelta(days=days), end=end)


def last_utc_days(days: int, now: datetime) -> tuple[date, date]:
    """The first and the last of that many days of UTC, the last being today."""
    today = now.astimezone(UTC).date()
    return today - (max(days, 1) - 1) * _DAY, today


def before(period: Period) -> Period:
    """The period of as many days before, up to the same hour on the clock, so that the two compare.

    Where clocks change it may be an hour longer or shorter, but it holds the same hours of the same number of days.
    """
    zone = period.zone
    first, last = _wall(period.start, zone), _wall(period.end - _INSTANT, zone)
    is_from_midnight = period.start == start_of_day(first.date(), zone)
    if is_from_midnight:  # also where that day began at 01:00
        first = datetime.combine(first.date(), time())
    shift = max(-((first - last - _INSTANT) // _DAY), 1) * _DAY
    start = start_of_day((first - shift).date(), zone) if is_from_midnight else _moment(first - shift, zone, fold=0)
    # The last moment is shifted, not the end: an hour that came twice or not at all then ends where that hour ended.
    end = _moment(last - shift, zone, fold=1) + _INSTANT
    return Period(name=period.name, start=start, end=end, timezone=period.timezone)


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """The day's first moment, aware UTC: midnight, or where clocks jump over midnight, the moment of that jump."""
    return first_moment_at(datetime.combine(day, time()), zone)


def first_moment_at(wall: datetime, zone: tzinfo) -> datetime:
    """When clocks show that first, aware UTC; where they jump over it, the moment of that jump."""
    moment = _moment(wall, zone, fold=0)
    if _wall(moment, zone) == wall:
        return moment
    earlier = _moment(wall, zone, fold=1)  # in a gap, `fold` tells on which side of it the moment comes out
    seconds = range(int((moment - earlier).total_seconds()) + 1)
    return earlier + timedelta(
        seconds=bisect_left(seconds, wall, key=lambda s: _wall(earlier + timedelta(seconds=s), zone))
    )


def _next_hour(now: datetime, zone: tzinfo) -> datetime:
    """The end of the hour on the zone's clock, aware UTC."""
    local = now.astimezone(zone)
    passed = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return now.astimezone(UTC) - passed + _HOUR


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    """What calendar and clock show, without a zone, so that differences are those of the clock."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _moment(wall: datetime, zone: tzinfo, *, fold: int) -> datetime:
    """When clocks show that, aware UTC; the first (0) or the second (1) time where they do so twice."""
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
