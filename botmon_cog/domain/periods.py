"""The periods that reports are about: runs of whole hours in UTC, up to the end of the current hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from botmon_cog.domain.reports import Period

DAYS = {"today": 1, "weekly": 7, "monthly": 30}
"""How many days a report covers, today included."""

_HOUR = timedelta(hours=1)


def report_period(name: str, now: datetime) -> Period:
    """The last days of the named report, from midnight on.

    Raises:
        ValueError: there is no report of that name.
    """
    if name not in DAYS:
        raise ValueError(f"there is no {name!r} report; there are: {', '.join(DAYS)}")
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(name=name, start=midnight - timedelta(days=DAYS[name] - 1), end=_next_hour(now))


def day_period(day: datetime) -> Period:
    """The whole UTC day that holds a moment."""
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(name="day", start=midnight, end=midnight + timedelta(days=1))


def last_days(days: int, now: datetime) -> Period:
    """The last `days` times 24 hours."""
    days = max(days, 1)
    end = _next_hour(now)
    return Period(name=f"{days} days" if days > 1 else "24 hours", start=end - timedelta(days=days), end=end)


def before(period: Period) -> Period:
    """The period of as many days before, up to the same hour, so that the two compare."""
    days = -((period.start - period.end) // timedelta(days=1))
    shift = timedelta(days=days)
    return Period(name=period.name, start=period.start - shift, end=period.end - shift)


def _next_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) + _HOUR
