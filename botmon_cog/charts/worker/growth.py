"""How many servers there are, above; how many came and left, below."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# matplotlib's own types leave its keywords open.

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from botmon_cog.charts.values import GrowthChart
from botmon_cog.charts.worker.style import (
    BLUE,
    GREEN,
    GRID,
    ORANGE,
    PANEL,
    QUIET,
    WORDS,
    axes,
    frame,
    label,
    points,
    say_nothing,
    sparse,
)
from botmon_cog.domain import text

_MOST_LABELS = 4
_LEFT, _RIGHT = 24.0, 24.0


def draw_growth(figure: Figure, chart: GrowthChart) -> None:
    moved = any(chart.came) or any(chart.left)
    has_totals = any(n is not None for n in chart.totals)
    about = [(QUIET, f"{chart.about}   ")]
    if moved:
        about += [(BLUE, "▲ came "), (ORANGE, " ▼ left")]
    frame(figure, chart.title, about)
    if not moved and not has_totals:
        say_nothing(figure, "Nothing known yet")
        return
    if has_totals:
        _totals(axes(figure, _LEFT + 36, 130, _RIGHT + 36, 222 if moved else 60), chart)
    if moved:
        _moves(axes(figure, _LEFT, 212 if has_totals else 112, _RIGHT, 46), chart)


def _totals(on: Axes, chart: GrowthChart) -> None:
    known = [n for n in chart.totals if n is not None]
    low, high = min(known), max(known)
    on.set_ylim(low - (high - low) * 0.1 - 0.5, high + (high - low) * 0.1 + 0.5)
    on.set_xlim(-0.5, len(chart.labels) - 0.5)
    on.set_xticks([])
    on.set_yticks([])
    on.plot(
        range(len(chart.totals)),
        [math.nan if n is None else n for n in chart.totals],
        color=GREEN,
        marker="o",
        markersize=points(11),
        linewidth=points(4),
        clip_on=False,
    )
    ends = sorted({next(n for n, total in enumerate(chart.totals) if total is not None), len(chart.totals) - 1})
    for place in ends:
        total = chart.totals[place]
        if total is not None:
            label(on, place, total, text.compact(total), dy=22, color=GREEN, weight="bold")


def _moves(on: Axes, chart: GrowthChart) -> None:
    top, bottom = max([*chart.came, 1]), max([*chart.left, 1])
    largest = max(top, bottom)
    on.set_ylim(-max(bottom, largest * 0.2) - largest * 0.42, max(top, largest * 0.2) + largest * 0.42)
    on.set_xlim(-0.55, len(chart.labels) - 0.45)
    places = range(len(chart.labels))
    on.bar(places, chart.came, width=0.6, color=BLUE, zorder=3)
    on.bar(
        places, [-n for n in chart.left], width=0.6, color=ORANGE, hatch="////", edgecolor=PANEL, linewidth=0, zorder=3
    )
    on.axhline(0, color=GRID, linewidth=points(2))
    for place in places:
        if chart.came[place]:
            label(on, place, chart.came[place], text.compact(chart.came[place]), dy=13, color=WORDS)
        if chart.left[place]:
            label(on, place, -chart.left[place], text.compact(chart.left[place]), dy=-14, color=WORDS)
    on.set_yticks([])
    shown = sparse(chart.labels, _MOST_LABELS)
    on.set_xticks(shown, [chart.labels[n] for n in shown])
