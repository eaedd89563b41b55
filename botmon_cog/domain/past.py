"""A moment of the past as people type it: `2 h`, `3 days`, `yesterday`, `2026-11-20`, `14:30`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from botmon_cog.domain.periods import start_of_day
from botmon_cog.domain.settings import WEEKDAYS

_UNITS = {
    "s": timedelta(seconds=1),
    "sec": timedelta(seconds=1),
    "second": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "minute": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "hr": timedelta(hours=1),
    "hour": timedelta(hours=1),
    "d": timedelta(days=1),
    "day": timedelta(days=1),
    "w": timedelta(weeks=1),
    "wk": timedelta(weeks=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SPAN = re.compile(r"(\d{1,6}) ?([a-z]+)(?: |$)")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:\.|st|nd|rd|th)? ?([a-z]{3,9}|\d{1,2}\.)\.? ?(\d{4})?")
_MONTH_DAY = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?")
_FEW_LETTERS = 3


def past_moment(words: str, now: datetime, zone: tzinfo) -> datetime | None:
    """When that was, aware UTC; None if it can't be read so, or lies ahead.

    Days begin at midnight in `zone`. A weekday is the last one, today's if it is today; a time without a day is
    today's or, where that lies ahead, yesterday's; a day without a year is the last one.
    """
    words = " ".join(words.lower().replace(",", " ").split())
    words = words.removeprefix("since ").removeprefix("last ").removesuffix(" ago").strip()
    try:
        found = _span(words, now) or _moment(words, now.astimezone(zone), zone)
    except (ValueError, OverflowError):  # no such day or time
        return None
    return found if found is not None and found <= now else None


def _span(words: str, now: datetime) -> datetime | None:
    """`2 h`, `1 h 30 min`, `week`."""
    if not words:
        return None
    if words in _UNITS:
        return now - _UNITS[words]
    back, position = timedelta(0), 0
    while position < len(words):
        found = _SPAN.match(words, position)
        unit = None if found is None else _UNITS.get(found[2]) or _UNITS.get(found[2].removesuffix("s"))
        if found is None or unit is None:
            return None
        back += int(found[1]) * unit
        position = found.end()
    return (now - back).astimezone(UTC)


def _moment(words: str, local: datetime, zone: tzinfo) -> datetime | None:
    today = local.date()
    if words == "now":
        return local.astimezone(UTC)
    if words in {"today", "yesterday"}:
        return start_of_day(today - timedelta(days=words == "yesterday"), zone)
    for n, name in enumerate(WEEKDAYS):
        if len(words) >= _FEW_LETTERS and name.startswith(words):
            return start_of_day(today - timedelta(days=(today.weekday() - n) % 7), zone)
    if clock := _CLOCK.fullmatch(words):
        at = datetime.combine(today, time(int(clock[1]), int(clock[2])), zone)
        return (at if at <= local else at - timedelta(days=1)).astimezone(UTC)
    if (day := _day(words, today)) is not None:
        return start_of_day(day, zone)
    return _iso(words, zone)


def _day(words: str, today: date) -> date | None:
    """`20 nov`, `20.11.`, `nov 20 2025`."""
    if found := _DAY_MONTH.fullmatch(words):
        day, month, year = found[1], found[2], found[3]
    elif found := _MONTH_DAY.fullmatch(words):
        month, day, year = found[1], found[2], found[3]
    else:
        return None
    number = int(month[:-1]) if month.endswith(".") else _month(month)
    if number is None:
        return None
    if year is not None:
        return date(int(year), number, int(day))
    this_year = date(today.year, number, int(day))
    return this_year if this_year <= today else date(today.year - 1, number, int(day))


def _month(name: str) -> int | None:
    return _MONTHS.index(name[:3]) + 1 if name[:3] in _MONTHS else None


def _iso(words: str, zone: tzinfo) -> datetime | None:
    """`2026-11-20`, `2026-11-20 14:30`."""
    if not re.match(r"\d{4}-\d{2}-\d{2}", words):
        return None
    if len(words) == len("2026-11-20"):
        return start_of_day(date.fromisoformat(words), zone)
    moment = datetime.fromisoformat(words.upper())
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
