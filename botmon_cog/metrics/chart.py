"""One metric of the bot's own as a chart. Pure: values go in, values come out."""

from __future__ import annotations

from botmon_cog.charts.values import Line, LinesChart, Unit
from botmon_cog.discord_ui.parts import short_day, zone_city
from botmon_cog.domain import text
from botmon_cog.domain.models import MetricKind
from botmon_cog.metrics.figures import change, figure, is_bytes, is_percent, is_seconds, words
from botmon_cog.metrics.values import MetricReport

_LONGEST_NAME = 24


def metric_chart(report: MetricReport) -> LinesChart:
    """By day: a counter's sum, the mean of anything else, or the largest value where that counts."""
    by_percent = 100 if is_percent(report.unit) else 1
    values = tuple(None if value is None else value / by_percent for _, value in report.days)
    return LinesChart(
        title=_title(report),
        about=f"{_what(report)} by day, {zone_city(report.period)}",
        labels=tuple(short_day(day) for day, _ in report.days),
        lines=(Line(name="", values=values),),
        unit=_unit(report.unit),
    )


def _title(report: MetricReport) -> str:
    name = text.fit_middle(report.name, _LONGEST_NAME)
    if report.figure is None:
        return f"{name}: nothing recorded"
    told = f"{name}: {figure(report.figure, report.unit)}{words(report.unit)}"
    if report.kind is not MetricKind.COUNTER:
        told += " at most" if report.kind is MetricKind.GAUGE_MAX else " on average"
    return ", ".join(filter(None, (told, change(report.figure, report.previous))))


def _what(report: MetricReport) -> str:
    if report.kind is MetricKind.COUNTER:
        return "Sum"
    return "Largest value" if report.kind is MetricKind.GAUGE_MAX else "Mean"


def _unit(unit: str) -> Unit:
    if is_percent(unit):
        return "share"
    return "seconds" if is_seconds(unit) else "bytes" if is_bytes(unit) else "count"
