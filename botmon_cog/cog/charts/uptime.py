"""The chart of `/health`: uptime by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta, tzinfo

from botmon_cog.charts.values import CalendarChart, CalendarDay
from botmon_cog.discord_ui.parts import MONTHS, WEEKDAYS
from botmon_cog.domain import text
from botmon_cog.domain.uptime import Uptime

_DAY = timedelta(days=1)
_MINUTE_S, _HOUR_S = 60.0, 3600.0


def calendar(days: Sequence[tuple[date, Uptime]], month: Uptime, zone: tzinfo) -> CalendarChart:
    """`days`: in order, each of the zone. `month`: all of them, and what they were in sum."""
    monday = days[0][0] - days[0][0].weekday() * _DAY if days else date.min
    return CalendarChart(
        title=_title(month),
        about=text.clean(str(zone)),
        weekdays=tuple(weekday[:2] for weekday in WEEKDAYS),
        days=tuple(
            CalendarDay(
                week=(day - monday).days // 7,
                weekday=day.weekday(),
                label=f"{day.day} {MONTHS[day.month - 1][:3]}" if day.day == 1 or n == 0 else str(day.day),
                up_share=uptime.up_share,
                down=_short(sum(gap.down_s for gap in uptime.gaps)),
            )
            for n, (day, uptime) in enumerate(days)
        ),
    )


def _title(month: Uptime) -> str:
    if month.up_share is None:
        return "Uptime is not known yet"
    down_s = sum(gap.down_s for gap in month.gaps)
    days = round(month.hours / 24)
    if not down_s:
        return f"Never down in {days} days" if month.watched_s >= month.hours * _HOUR_S else "Never down so far"
    return f"Up {text.percent(month.up_share)}, down {text.duration(down_s)} in {days} days"


def _short(down_s: float) -> str:
    """`40 s`, `12 m`, `3 h`: there is room for no more."""
    if down_s <= 0:
        return ""
    if down_s < _MINUTE_S:
        return f"{max(down_s, 1):.0f} s"
    return f"{down_s // _MINUTE_S:.0f} m" if down_s < _HOUR_S else f"{down_s / _HOUR_S:.0f} h"
