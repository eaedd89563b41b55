"""The chart of `/perf`: percentiles by day, with the deploys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from botmon_cog.charts.values import Line, LinesChart, Mark
from botmon_cog.discord_ui.parts import days_of, short_day
from botmon_cog.domain import text
from botmon_cog.domain.reports import Percentiles, Period
from botmon_cog.domain.reports.errors import Deploy

_DAY = timedelta(days=1)
_NOON = 0.5
_STEADY = 0.1
"""What changed by less of itself did not change."""
_LONGEST_NAME = 24


def percentiles_chart(
    by_day: Mapping[str, Percentiles],
    period: Period,
    deploys: Sequence[Deploy],
    *,
    command: str | None,
    threshold_s: float,
    names_versions: bool,
) -> LinesChart:
    """The durations of one command, or of all, by days of UTC, for so they are kept.

    Args:
        by_day: by ISO date.
        period: whole days, or the part of a first and a last one.
        deploys: those of the period, and the one before it.
        command: None for all.
        threshold_s: what counts as slow.
        names_versions: whether the reader may know the versions.
    """
    days = days_of(period)
    found = [by_day.get(day.isoformat(), Percentiles()) for day in days]
    lines = [
        Line(name=name, values=values)
        for name, values in (
            ("p99", tuple(each.p99_s for each in found)),
            ("p95", tuple(each.p95_s for each in found)),
            ("p50", tuple(each.p50_s for each in found)),
        )
    ]
    if not any(value is not None for line in lines for value in line.values):
        lines = [Line(name="max", values=tuple(each.max_s for each in found))]
    known = [value for line in lines for value in line.values if value is not None]
    is_over = max(known, default=0.0) >= threshold_s
    return LinesChart(
        title=_title(found, command),
        about="Duration of commands by day, UTC" if command is None else "Duration by day, UTC",
        labels=tuple(map(short_day, days)),
        lines=tuple(lines),
        unit="seconds",
        marks=tuple(_marks(days, deploys, names_versions=names_versions)),
        limit=threshold_s if is_over else None,
        limit_name=f"slow: {text.duration(threshold_s)}" if is_over else "",
    )


def _title(found: Sequence[Percentiles], command: str | None) -> str:
    of = "" if command is None else f"{text.fit_middle(text.clean(command), _LONGEST_NAME)}: "
    p95 = [each.p95_s for each in found if each.p95_s is not None]
    if not p95:
        longest_s = max((each.max_s for each in found if each.max_s is not None), default=None)
        return of + ("no times yet" if longest_s is None else f"at most {text.duration(longest_s)}")
    first, last = text.duration(p95[0]), text.duration(p95[-1])
    if len(p95) == 1:
        return f"{of}p95 is {last}"
    if abs(p95[-1] - p95[0]) <= _STEADY * p95[0] or first == last:
        return f"{of}p95 stays at {last}"
    return f"{of}p95 {'rose' if p95[-1] > p95[0] else 'fell'} from {first} to {last}"


def _marks(days: Sequence[date], deploys: Sequence[Deploy], *, names_versions: bool) -> list[Mark]:
    """A day's point stands for its noon."""
    start = datetime.combine(days[0], time(), UTC)
    return [
        Mark(
            position=(deploy.started_at - start) / _DAY - _NOON,
            name=text.clean(deploy.version) if names_versions and deploy.version else "update",
        )
        for deploy in deploys[1:]
        if deploy.started_at >= start
    ]
