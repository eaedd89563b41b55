"""Uptime as a calendar: a cell for each day, with what it was down."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# matplotlib's own types leave its keywords open.

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from botmon_cog.charts.values import CalendarChart
from botmon_cog.charts.worker.style import (
    BLUE,
    GHOST,
    INK,
    ORANGE,
    PANEL,
    QUIET,
    YELLOW,
    axes,
    frame,
    label,
    points,
    say_nothing,
)

_DAYS = 7
_LITTLE = 0.99
"""A day that was up for less is orange: 14 minutes."""


def draw_calendar(figure: Figure, chart: CalendarChart) -> None:
    legend = [
        (BLUE, "■ "),
        (QUIET, "up  "),
        (YELLOW, "■ "),
        (QUIET, "down a little  "),
        (ORANGE, "■ "),
        (QUIET, "over 14 min"),
    ]
    frame(figure, chart.title, [(QUIET, f"{chart.about}   "), *legend])
    if not chart.days:
        say_nothing(figure, "Nothing known yet")
        return
    weeks = max(day.week for day in chart.days) + 1
    on = axes(figure, 24, 132, 24, 14)
    on.set_xlim(0, _DAYS)
    on.set_ylim(weeks, 0)
    on.set_yticks([])
    on.xaxis.tick_top()
    on.set_xticks([n + 0.5 for n in range(_DAYS)], list(chart.weekdays))
    for day in chart.days:
        colour, ink = _look(day.up_share)
        place = (day.weekday + 0.025, day.week + 0.05)
        is_unknown = day.up_share is None
        on.add_patch(
            Rectangle(
                place,
                0.95,
                0.9,
                facecolor=colour,
                edgecolor=GHOST if is_unknown else "none",
                hatch="///" if is_unknown else "",
                linewidth=0,
            )
        )
        label(on, day.weekday, day.week + 0.5, day.label, dx=8, ha="left", color=ink, fontsize=points(22))
        if day.down:
            label(
                on,
                day.weekday + 1,
                day.week + 0.5,
                day.down,
                dx=-6,
                ha="right",
                color=ink,
                weight="bold",
                fontsize=points(21),
            )


def _look(up_share: float | None) -> tuple[str, str]:
    """The colour of a day, and of the words in it."""
    if up_share is None:
        return PANEL, QUIET
    if up_share >= 1:
        return BLUE, INK
    return (YELLOW, INK) if up_share >= _LITTLE else (ORANGE, INK)
