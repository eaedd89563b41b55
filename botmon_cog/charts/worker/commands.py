"""Commands by day or hour as bars; those before stand behind them, wider and grey."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# matplotlib's own types leave its keywords open.

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from botmon_cog.charts.values import CommandsChart
from botmon_cog.charts.worker.style import (
    BLUE,
    GHOST,
    GRID,
    INK,
    PANEL,
    QUIET,
    SMALL,
    axes,
    frame,
    label,
    points,
    say_nothing,
    sparse,
)
from botmon_cog.domain import text

_FEW = 8
"""Up to so many bars each have their number."""
_ROOMY = 0.17
"""Of the axes' height: from there on a number fits into its bar."""
_MOST_LABELS = 6


def draw_commands(figure: Figure, chart: CommandsChart) -> None:
    about = [(BLUE, "■ "), (QUIET, chart.about)]
    if chart.before:
        about += [(GHOST, "  ■ "), (QUIET, chart.before_name)]
    frame(figure, chart.title, about)
    largest = max([0, *filter(None, chart.now), *filter(None, chart.before)])
    if not largest:
        say_nothing(figure, "No commands in this time")
        return
    is_few = len(chart.labels) <= _FEW
    on = axes(figure, 24 if is_few else 92, 108, 24 if is_few else 44, 46)
    on.set_xlim(-0.55, len(chart.labels) - 0.45)
    on.set_ylim(0, largest * 1.12)
    places = range(len(chart.labels))
    if is_few:
        on.set_yticks([])
    else:
        _scale(on)
    if chart.before:
        on.bar(places, [n or 0 for n in chart.before], width=0.9, color=GHOST, zorder=2)
    bars = on.bar(places, [n or 0 for n in chart.now], width=0.58, color=BLUE, zorder=3)
    if chart.running is not None:
        growing = bars[chart.running]
        growing.set_hatch("////")
        growing.set_facecolor(PANEL)
        growing.set_edgecolor(BLUE)
        growing.set_linewidth(points(3))
    if is_few:
        _numbers(on, chart, largest)
    else:
        _highest(on, chart)
    shown = [n for n in places if chart.labels[n]] if is_few else sparse(chart.labels, _MOST_LABELS)
    on.set_xticks(shown, [chart.labels[n] for n in shown])


def _scale(on: Axes) -> None:
    on.set_yticks(whole_ticks(on.get_ylim()[1]))
    on.yaxis.set_major_formatter(lambda value, _: text.compact(round(value)))
    on.grid(axis="y", color=GRID, linewidth=points(1.5))
    on.set_axisbelow(True)


def whole_ticks(top: float) -> list[int]:
    """About three round numbers above 0."""
    step = 1
    while top / step > 3.5:  # noqa: PLR2004 (more would be crowded on a phone)
        digits = str(step)
        step = step * 2 if digits[0] in "15" else step // 2 * 5
    return list(range(step, int(top) + 1, step))


def _numbers(on: Axes, chart: CommandsChart, largest: int) -> None:
    """In each bar, or above it where it is too low."""
    for place, n in enumerate(chart.now):
        if n is None:
            continue
        behind = (chart.before[place] or 0) if chart.before else 0
        if n >= largest * _ROOMY and place != chart.running:
            label(on, place, n, text.compact(n), dy=-17, color=INK, weight="bold")
        else:
            label(on, place, max(n, behind), text.compact(n), dy=14, weight="bold")


def _highest(on: Axes, chart: CommandsChart) -> None:
    n, place = max((n or 0, -place) for place, n in enumerate(chart.now))
    if n:
        behind = (chart.before[-place] or 0) if chart.before else 0
        last = len(chart.now) - 1
        side = "left" if -place < last * 0.06 else "right" if -place > last * 0.94 else "center"
        label(on, -place, max(n, behind), text.compact(n), dy=13, ha=side, weight="bold", fontsize=points(SMALL))
