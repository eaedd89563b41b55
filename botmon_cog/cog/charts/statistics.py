"""Charts of `/stats`: commands by day or hour against those before, and by weekday and hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from botmon_cog.charts.values import CommandsChart, HeatMapChart
from botmon_cog.discord_ui.parts import WEEKDAYS, days_of, short_day, span
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
        earlier, running = [before[h] for h in range(_HOURS)], hour
    else:
        per_day = _by_day(report.hours, report.period)
        before_days = _by_day(report.previous_hours, report.previous)
        is_week = len(days) <= _WEEK
        labels = [WEEKDAYS[day.weekday()][:3] if is_week else short_day(day) for day in days]
        if is_running and is_week:
            labels[-1] = "today"
        counts = [per_day[day] for day in days]
        earlier = [before_days[day] for day in _as_many_before(report.previous, len(days))]
        running = len(days) - 1
    return CommandsChart(
        title=_title(report, _before(len(days))),
        about=span(report.period),
        labels=tuple(labels),
        now=tuple(counts),
        before=tuple(earlier) if has_past else (),
        before_name=_before(len(days)) if has_past else "",
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
        about=span(period),
        rows=tuple(weekday[:2] for weekday in WEEKDAYS),
        cells=tuple(map(tuple, cells)),
    )


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


def _busiest(cells: Sequence[Sequence[float | None]], *, is_mean: bool) -> str:
    known = [(n, -day, -hour) for day, hours in enumerate(cells) for hour, n in enumerate(hours) if n]
    if not known:
        return "No commands"
    _, day, hour = max(known)
    weekday = WEEKDAYS[-day] + ("s" if is_mean else "")
    return f"Busiest on {weekday} from {-hour}:00 to {-hour + 1}:00"


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


def _as_many_before(previous: Period, days: int) -> list[date]:
    """The days that stand behind those of the chart."""
    first = previous.local(previous.start).date()
    return [first + n * _DAY for n in range(days)]
