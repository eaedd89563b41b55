"""When in the week commands are used: a row for each day, a column for each hour."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# matplotlib's own types leave its keywords open.

from __future__ import annotations

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from botmon_cog.charts.values import HeatMapChart
from botmon_cog.charts.worker.style import GRID, PANEL, QUIET, WORDS, axes, frame, label, points, say_nothing
from botmon_cog.domain import text

_COLOURS = LinearSegmentedColormap.from_list("botmon", ["#3F5573", "#5C82A8", "#8FA79A", "#D1BE62", "#FFEA46"])
"""From a blue to a yellow, ever lighter: it reads without colours as well."""
_HOURS = 24
_LABELLED = (0, 6, 12, 18)
_SCALE = "■"


def draw_heat_map(figure: Figure, chart: HeatMapChart) -> None:
    found = [
        (n, row, hour)
        for row, hours in enumerate(chart.cells)
        for hour, n in enumerate(hours)
        if n is not None and n > 0
    ]
    if not found:
        frame(figure, chart.title, [(QUIET, chart.about)])
        say_nothing(figure, "No commands in this time")
        return
    most, top_row, top_hour = max(found, key=lambda cell: (cell[0], -cell[1], -cell[2]))
    steps = [(_hex(share), _SCALE) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    frame(figure, chart.title, [(QUIET, f"{chart.about}   0 "), *steps, (QUIET, f" {_number(most)} an hour")])
    on = axes(figure, 70, 104, 24, 42)
    on.set_xlim(0, _HOURS)
    on.set_ylim(len(chart.rows), 0)
    for row, hours in enumerate(chart.cells):
        for hour, n in enumerate(hours):
            if n is None:
                continue
            colour = _hex(n / most) if n > 0 else PANEL
            on.add_patch(Rectangle((hour + 0.05, row + 0.05), 0.9, 0.9, facecolor=colour, edgecolor="none"))
            if n <= 0:
                label(on, hour + 0.5, row + 0.5, "·", color=GRID)
    on.add_patch(
        Rectangle((top_hour, top_row), 1, 1, facecolor="none", edgecolor=WORDS, linewidth=points(3), clip_on=False)
    )
    on.set_yticks([row + 0.5 for row in range(len(chart.rows))], list(chart.rows))
    on.set_xticks([hour + 0.5 for hour in _LABELLED], [f"{hour}:00" for hour in _LABELLED])


def _hex(share: float) -> str:
    red, green, blue, _ = _COLOURS(share)
    return f"#{round(red * 255):02X}{round(green * 255):02X}{round(blue * 255):02X}"


def _number(n: float) -> str:
    return text.compact(round(n)) if n >= 10 or n == round(n) else f"{n:.1f}"  # noqa: PLR2004 (two digits)
