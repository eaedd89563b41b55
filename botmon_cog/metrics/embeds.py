"""The bot's own metrics, drawn: all of them at a glance, and one in depth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import discord

from botmon_cog.discord_ui.parts import (
    NEUTRAL,
    TABLE_COLUMNS,
    WEEKDAYS,
    clamp,
    code_block,
    more,
    sentence,
    short_day,
    span,
    table,
)
from botmon_cog.domain import text
from botmon_cog.domain.models import MetricKind
from botmon_cog.domain.reports import Period
from botmon_cog.metrics.figures import change, figure, words
from botmon_cog.metrics.values import MetricReport

MOST_SHOWN = 25
"""As many as a menu has choices."""

_WEEK_DAYS = 7
_DAYS_A_BAR = 3
"""Of a month: ten bars, each under the other or side by side, are what a phone has room for."""
_MOST_SERIES = 8
_LONGEST_UNIT = 10
_EMPTY = """Numbers of your bot's own appear here, with their history; alert rules and exporters take them as well.
```py
from botmon_cog import of

m = of(bot).metrics
songs = m.counter("songs")
songs.add()
```
Besides `counter` there are `gauge`, `histogram` and `timer`: docs/metrics.md"""
_KINDS = {
    MetricKind.COUNTER: "counter",
    MetricKind.GAUGE: "gauge",
    MetricKind.GAUGE_MAX: "gauge (the largest counts)",
    MetricKind.GAUGE_MEAN: "gauge (the mean counts)",
    MetricKind.HISTOGRAM: "histogram",
    MetricKind.TIMER: "timer",
}


def board_embed(period: Period, reports: Sequence[MetricReport]) -> discord.Embed:
    """All metrics."""
    if not reports:
        return clamp(discord.Embed(title="No metrics of your own yet", description=_EMPTY, colour=NEUTRAL))
    embed = discord.Embed(title=f"Your metrics, {_span_words(period)}", colour=NEUTRAL)
    shown = reports[:MOST_SHOWN]
    lines = code_block([line for report in shown for line in _lines(report)])
    embed.description = "\n".join([f"-# {_compared(period)}", lines, *more(reports, len(shown))])
    return clamp(embed)


def metric_heading(report: MetricReport) -> discord.Embed:
    """The title alone, above a chart."""
    return discord.Embed(title=text.plain(report.name), colour=NEUTRAL)


def metric_embed(report: MetricReport) -> discord.Embed:
    """One metric in depth."""
    embed = metric_heading(report)
    about = [sentence(text.plain(report.what))] if report.what else []
    unit = f" in {text.plain(report.unit, 20)}" if report.unit else ""
    kind = f"-# {_KINDS[report.kind]}{unit} · {_compared(report.period)}"
    embed.description = "\n".join([*about, kind, _headline(report)])
    if report.figure is not None:
        embed.add_field(name=_days_title(report), value=_by_day(report), inline=False)
        for name, value in (("Spread", _spread(report)), _by_label(report)):
            if value:
                embed.add_field(name=name, value=value, inline=False)
    return clamp(embed)


# -- at a glance -------------------------------------------------------------------------------------------------------


def _lines(report: MetricReport) -> tuple[str, str]:
    """The name and the number that stands for it; below, its bars, what else is known, and the change."""
    if report.figure is None:
        return _apart(report.name, _now(report)), "  nothing in this period"
    bars = text.sparkline([value for _, value in _bars(report)])
    beside = f"{bars} {_beside(report)}".rstrip()
    return _apart(report.name, _leading(report)), _apart(beside, change(report.figure, report.previous, is_cell=True))


def _apart(left: str, right: str) -> str:
    """At both ends of a line."""
    room = TABLE_COLUMNS - text.columns(right) - 1
    return f"{text.pad(text.block_text(left, room), room)} {right}"


def _now(report: MetricReport) -> str:
    return "" if report.now is None else f"{figure(report.now, report.unit)} now"


def _leading(report: MetricReport) -> str:
    """What a gauge is now, else what the period brought."""
    if report.now is not None:
        return _now(report)
    told = figure(report.figure, report.unit)
    if report.kind is not MetricKind.COUNTER:
        return f"{_mean_word(report)} {told}"
    unit = words(report.unit)
    return told + unit if len(unit) <= _LONGEST_UNIT else told


def _beside(report: MetricReport) -> str:
    if report.now is not None:
        return f"{_mean_word(report)} {figure(report.figure, report.unit)}"
    if report.percentiles is not None and report.percentiles.p95_s is not None:
        return f"p95 {figure(report.percentiles.p95_s, report.unit)}"
    return ""


def _mean_word(report: MetricReport) -> str:
    return "max" if report.kind is MetricKind.GAUGE_MAX else "avg"


def _bars(report: MetricReport) -> list[tuple[date, float | None]]:
    """The days of a week; of a month, three at a time, by the first."""
    if len(report.days) <= _WEEK_DAYS:
        return [*report.days]
    days = [report.days[at : at + _DAYS_A_BAR] for at in range(0, len(report.days), _DAYS_A_BAR)]
    return [(some[0][0], _together(report.kind, [value for _, value in some])) for some in days]


def _together(kind: MetricKind, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    if kind is MetricKind.GAUGE_MAX:
        return max(known)
    return sum(known) / (1 if kind is MetricKind.COUNTER else len(known))


# -- in depth ----------------------------------------------------------------------------------------------------------


def _headline(report: MetricReport) -> str:
    now = "" if report.now is None else f"**{figure(report.now, report.unit)}**{words(report.unit)} now"
    if report.figure is None:
        return now or "Nothing was recorded in this period."
    told = f"**{figure(report.figure, report.unit)}**{'' if now else words(report.unit)}"
    if report.kind is not MetricKind.COUNTER:
        told = f"{told} {'at most' if report.kind is MetricKind.GAUGE_MAX else 'on average'}"
    changed = change(report.figure, report.previous)
    return f"{', '.join(filter(None, (now, told)))}  {changed}".rstrip()


def _days_title(report: MetricReport) -> str:
    return "By day" if len(report.days) <= _WEEK_DAYS else f"By {_DAYS_A_BAR} days, from"


def _by_day(report: MetricReport) -> str:
    bars = _bars(report)
    is_week = len(report.days) <= _WEEK_DAYS
    days = [WEEKDAYS[day.weekday()][:3] if is_week else short_day(day) for day, _ in bars]
    cells = [figure(value, report.unit) for _, value in bars]
    day_width, width = max(map(len, days)), max(map(text.columns, cells))
    largest = max((value for _, value in bars if value is not None), default=0.0)
    lines: list[str] = []
    for day, (_, value), cell in zip(days, bars, cells, strict=True):
        bar = text.bar(value or 0.0, largest, TABLE_COLUMNS - day_width - width - 2)
        lines.append(f"{text.pad(day, day_width, right=True)} {text.pad(cell, width, right=True)} {bar}")
    return code_block(lines)


def _spread(report: MetricReport) -> str:
    """Percentiles, the lowest and the highest value."""
    unit, found = report.unit, report.percentiles
    rows: list[tuple[str, str]] = []
    if found is not None:
        named = (("median", found.p50_s), ("p95", found.p95_s), ("p99", found.p99_s))
        rows += [(name, figure(value, unit)) for name, value in named if value is not None]
    if report.lowest is not None and report.highest is not None:
        rows = [("lowest", figure(report.lowest, unit)), *rows, ("highest", figure(report.highest, unit))]
    return table(rows + ([("values", text.count(report.n))] if found is not None else [])) if rows else ""


def _by_label(report: MetricReport) -> tuple[str, str]:
    """(title, table) of its series; an empty table if it has no labels."""
    shown = report.series[:_MOST_SERIES]
    names = {each.labels.partition("=")[0] for each in shown}
    has_one = len(names) == 1 and not any("," in each.labels for each in shown)
    rows = [
        (each.labels.partition("=")[2] if has_one else each.labels, figure(each.figure, report.unit)) for each in shown
    ]
    title = f"By {names.pop()}" if has_one else "By label"
    return title, "\n".join([table(rows), *more(report.series, len(shown))]) if rows else ""


# -- the period --------------------------------------------------------------------------------------------------------


def _span_words(period: Period) -> str:
    return "last 7 days" if period.name == "weekly" else "last 30 days"


def _compared(period: Period) -> str:
    before = "week" if period.name == "weekly" else "30 days"
    return f"{span(period)}, and how that compares with the {before} before"
