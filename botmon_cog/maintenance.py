"""When `[alerts] maintenance` keeps the owners from being told: windows by day, by weekday, or once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from botmon_cog.errors import ConfigError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
_CLOCK = r"(\d\d?):(\d\d)"
_REPEATED = re.compile(rf"(daily|[a-z]{{3}}(?:\s*,\s*[a-z]{{3}})*)\s+{_CLOCK}\s*-\s*{_CLOCK}", re.IGNORECASE)
_ONCE = re.compile(rf"(20\d\d-\d\d-\d\d)\s+{_CLOCK}\s*(?:-\s*|to\s+(20\d\d-\d\d-\d\d)\s+){_CLOCK}", re.IGNORECASE)
_ALLOWED = (
    "'daily 04:00-04:30', 'Sun 03:00-05:00', 'Mon,Wed 22:00-02:00', '2026-12-01 22:00-23:30' or "
    "'2026-12-01 22:00 to 2026-12-02 02:00'"
)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A window as clocks on the wall show it; which moments that are depends on the zone."""

    weekdays: frozenset[int] = frozenset()
    """On which it opens, Monday 0. Empty: it opens once, on `day`."""
    day: date | None = None
    start: timedelta
    """Since midnight."""
    length: timedelta

    def covers(self, moment: datetime, zone: tzinfo) -> bool:
        return self.end(moment, zone) is not None

    def end(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """When it closes (UTC), if it is open at that aware moment; None where it is not."""
        for day in self._days(moment.astimezone(zone).date()):
            opens = datetime.combine(day, time()) + self.start
            opened_at, closed_at = _span(opens, opens + self.length, zone)
            if opened_at <= moment < closed_at:
                return closed_at
        return None

    def _days(self, today: date) -> Iterable[date]:
        """On which it may have opened to be open now."""
        if self.day is not None:
            return (self.day,)
        return (day for day in (today, today - _DAY) if day.weekday() in self.weekdays)


def parse_window(text: str, source: str = "the configuration", key: str = "alerts.maintenance") -> Window:
    """Read a window.

    Raises:
        ConfigError: it is none; the message shows what is.
    """
    try:
        if found := _REPEATED.fullmatch(text.strip()):
            days, *clocks = found.groups()
            start, end = _clock(*clocks[:2]), _clock(*clocks[2:])
            return Window(weekdays=_weekdays(days), start=start, length=_length(start, end))
        if found := _ONCE.fullmatch(text.strip()):
            first, hour, minute, last, *clocks = found.groups()
            day, start, end = date.fromisoformat(first), _clock(hour, minute), _clock(*clocks)
            if last is None:
                return Window(day=day, start=start, length=_length(start, end))
            length = date.fromisoformat(last) - day + end - start
            if length > timedelta(0):
                return Window(day=day, start=start, length=length)
    except ValueError:
        pass  # a 13th month, a 25th hour: said below as what matches no form at all
    raise ConfigError(source, key, f"{text!r} can't be used. Allowed: {_ALLOWED}")


def maintenance_until(windows: Iterable[Window], moment: datetime, zone: tzinfo) -> datetime | None:
    """When the last of the windows closes (UTC) that are open at an aware moment; None where none is."""
    return max((end for window in windows if (end := window.end(moment, zone)) is not None), default=None)


def _weekdays(text: str) -> frozenset[int]:
    if text.lower() == "daily":
        return frozenset(range(len(_DAYS)))
    return frozenset(_DAYS.index(day.strip()) for day in text.lower().split(","))


def _clock(hour: str, minute: str) -> timedelta:
    """Since midnight. 24:00 is the end of a day."""
    at = timedelta(hours=int(hour), minutes=int(minute))
    if int(minute) >= 60 or at > _DAY:  # noqa: PLR2004 (minutes of an hour)
        raise ValueError
    return at


def _length(start: timedelta, end: timedelta) -> timedelta:
    """An end before the start is on the next day."""
    if start in {end, _DAY}:
        raise ValueError
    return end - start if end > start else end - start + _DAY


def _span(opens: datetime, closes: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The moments of two readings of the clock on the wall.

    An hour that clocks show twice belongs to the window both times. One that they skip: a window that would open within
    it opens as much later, and is as long as ever.
    """
    opened_at = opens.replace(tzinfo=zone).astimezone(UTC)
    closed_at = max(closes.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if opened_at.astimezone(zone).replace(tzinfo=None) != opens:
        closed_at = max(closed_at, opened_at + (closes - opens))
    return opened_at, closed_at
