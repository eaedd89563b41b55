"""Charts of `/stats`: commands by day or hour against those before, and by weekday and hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from botmon_cog.charts.values import CommandsChart, HeatMapChart
from botmon_cog.discord_ui.parts import WEEKDAYS, days_of, short_day, zone_city
from botmon_cog.domain import text
from botmon_cog.domain.reports import HourCount, Period, StatisticsReport

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_HOURS, _WEEK = 24, 7
_LABELLED_EVERY_H = 6


def commands_chart(report: StatisticsReport, now: datetime) -> CommandsChart:
    """By day, or of a single day by hour."""
    days = days_of(report.period)
    has_past = report.previous_commands > 0
    is_running = report.period.start <= now < report.period.end
    if len(days) == 1:
        found = _by_clock(report.hours, report.period)
        before = _by_clock(report.previous_hours, report.previous)
        hour = report.period.local(now).hour if is_running else _HOURS - 1
        labels = [f"{h}:00" if h % _LABELLED_EVERY_H == 0 else "" for h in range(_HOURS)]
        counts = [found[h] if h <= hour else None for h in range(_HOURS)]
        earlier: list[int | None] = [before[h] for h in range(_HOURS)]
        running = hour
    else:
        per_day = _by_day(report.hours, report.period)
        is_week = len(days) <= _WEEK
        labels = [WEEKDAYS[day.weekday()][:3] if is_week else short_day(day) for day in days]
        if is_running and is_week:
            labels[-1] = "today"
        counts = [per_day[day] for day in days]
        earlier = _weeks_before(report, days, now if is_running else None)
        running = len(days) - 1
    return CommandsChart(
        title=_title(report, _before(len(days))),
        about=_about(report.period),
        labels=tuple(labels),
        now=tuple(counts),
        before=tuple(earlier) if has_past else (),
        before_name=_behind(len(days)) if has_past else "",
        running=running if is_running else None,
    )


def heat_map(report: StatisticsReport, now: datetime) -> HeatMapChart:
    """By weekday and hour on the clock of the period's zone; where one came several times, its mean."""
    period = report.period
    came: Counter[tuple[int, int]] = Counter()
    moment = period.start
    while moment < min(period.end, max(now, period.start)):
        local = period.local(moment)
        came[local.weekday(), local.hour] += 1
        moment += _HOUR
    used: Counter[tuple[int, int]] = Counter()
    for hour in report.hours:
        local = period.local(hour.start)
        used[local.weekday(), local.hour] += hour.n
    cells = [
        [used[day, hour] / came[day, hour] if came[day, hour] else None for hour in range(_HOURS)]
        for day in range(_WEEK)
    ]
    return HeatMapChart(
        title=_busiest(cells, is_mean=len(days_of(period)) > _WEEK),
        about=_about(period),
        rows=tuple(weekday[:2] for weekday in WEEKDAYS),
        cells=tuple(map(tuple, cells)),
    )


def _about(period: Period) -> str:
    """`21 to 27 Nov, Berlin`: on a phone, a picture has not the room for `span`."""
    days = days_of(period)
    first = str(days[0].day) if days[0].month == days[-1].month else short_day(days[0])
    dates = short_day(days[-1]) if len(days) == 1 else f"{first} to {short_day(days[-1])}"
    return f"{dates}, {zone_city(period)}"


def _title(report: StatisticsReport, before: str) -> str:
    n = report.total_commands
    told = f"{text.count(n)} {text.plural(n, 'command', 'commands')}" if n else "No commands"
    if not report.previous_commands or not n:
        return told
    change = text.change(n, report.previous_commands)
    return f"{told}, as many as {before}" if change == "=" else f"{told}, {change} on {before}"


def _before(days: int) -> str:
    if days == 1:
        return "the day before"
    return "the week before" if days == _WEEK else f"the {days} days before"


def _weeks_before(report: StatisticsReport, days: Sequence[date], now: datetime | None) -> list[int | None]:
    """Each weekday's like of as many weeks before, for thirty days before there was another weekday.

    The day that is under way is compared up to the same hour. The period before ends at that hour, too: of its last
    day, the rest is not known.
    """
    period, previous = report.period, report.previous
    shift = _WEEK * max(len(days) // _WEEK, 1) * _DAY
    found: Counter[date] = Counter()
    until_now: Counter[date] = Counter()
    for hour in (*report.previous_hours, *report.hours):
        local = period.local(hour.start)
        found[local.date()] += hour.n
        if now is not None and local.hour <= period.local(now).hour:
            until_now[local.date()] += hour.n
    end = previous.local(previous.end)
    cut = end.date() if end.hour or end.minute else None
    counts: list[int | None] = [None if day - shift == cut else found[day - shift] for day in days]
    if now is not None:
        counts[-1] = until_now[days[-1] - shift]
    return counts


def _behind(days: int) -> str:
    """What stands behind each bar."""
    return _before(days) if days <= _WEEK else f"{days // _WEEK} weeks before"


def _busiest(cells: Sequence[Sequence[float | None]], *, is_mean: bool) -> str:
    known = [(n, -day, -hour) for day, hours in enumerate(cells) for hour, n in enumerate(hours) if n]
    if not known:
        return "No commands"
    _, day, hour = max(known)
    weekday = WEEKDAYS[-day] + ("s" if is_mean else "")
    return f"Busiest on {weekday}, {-hour}:00 to {-hour + 1}:00"


def _by_clock(hours: Iterable[HourCount], period: Period) -> Counter[int]:
    found: Counter[int] = Counter()
    for hour in hours:
        found[period.local(hour.start).hour] += hour.n
    return found


def _by_day(hours: Iterable[HourCount], period: Period) -> Counter[date]:
    found: Counter[date] = Counter()
    for hour in hours:
        found[period.local(hour.start).date()] += hour.n
    return found
