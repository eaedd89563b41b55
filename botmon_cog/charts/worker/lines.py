"""One number or a few over time, each line named at its end: percentiles, a custom metric."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# matplotlib's own types leave its keywords open.

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from botmon_cog.charts.values import LinesChart, Mark, Unit
from botmon_cog.charts.worker.style import (
    BLUE,
    GREEN,
    GRID,
    ORANGE,
    QUIET,
    SMALL,
    WORDS,
    YELLOW,
    axes,
    frame,
    label,
    points,
    say_nothing,
    sparse,
)
from botmon_cog.domain import text

_LOOKS = ((ORANGE, "^", "-"), (BLUE, "o", "-"), (GREEN, "s", "-"), (YELLOW, "D", "-"))
"""Colour, marker, line."""
_WIDE = 12.0
"""Numbers that differ by more are told by their ratio: on a linear axis the small ones would lie on the ground."""
_LINE_PIXELS = 30.0
"""Between two labels, one above the other."""
_MOST_LABELS = 5
_MOST_MARKS = 12
_MOST_TICKS = 5
_LONGEST_MARK = 10
_BESIDE, _APART = 100, 32
"""Pixels of the picture: what a name may take beside the axes, and what is free between two."""
_MANY = 35
"""More points than this have no marker each."""
_TOP, _BOTTOM, _LEFT, _HEAD = 134.0, 46.0, 110.0, 102.0


def draw_lines(figure: Figure, chart: LinesChart) -> None:
    frame(figure, chart.title, [(QUIET, chart.about)])
    known = [value for line in chart.lines for value in line.values if value is not None]
    if not known:
        say_nothing(figure, "Nothing measured in this time")
        return
    ends = [
        f"{line.name} {number(last, chart.unit)}".strip()
        for line in chart.lines
        if (last := _last(line.values)[1]) is not None
    ]
    right = 40.0 + max(map(len, ends)) * 13.6
    on = axes(figure, _LEFT, _TOP if chart.marks else _HEAD + 8, right, _BOTTOM)
    on.set_xlim(-0.4 if len(chart.labels) == 1 else -0.15, max(len(chart.labels) - 1, 0.4) + 0.02)
    _scale(on, known if chart.limit is None else [*known, chart.limit], chart.unit, is_several=len(ends) > 1)
    for line, (colour, marker, style) in zip(chart.lines, _LOOKS, strict=False):
        if all(value is None for value in line.values):
            continue
        on.plot(
            range(len(line.values)),
            [math.nan if value is None else value for value in line.values],
            color=colour,
            marker=marker if len(line.values) <= _MANY or _is_lonely(line.values) else "",
            linestyle=style,
            markersize=points(11),
            linewidth=points(4),
            clip_on=False,
            zorder=3,
        )
    if chart.limit is not None:
        on.axhline(chart.limit, color=WORDS, linewidth=points(2), linestyle=(0, (6, 4)))
        label(on, 0, chart.limit, chart.limit_name, dx=4, dy=14, ha="left", color=WORDS)
    _name_lines(on, chart)
    _mark(on, chart.marks)
    shown = sparse(chart.labels, _MOST_LABELS)
    on.set_xticks(shown, [chart.labels[n] for n in shown])


def number(value: float, unit: Unit) -> str:
    """As people read it."""
    match unit:
        case "seconds":
            return text.duration(value)
        case "bytes":
            return text.bytes_(value)
        case "share":
            return text.percent(value)
        case _:
            return text.compact(round(value)) if value == round(value) or abs(value) >= 10 else f"{value:.1f}"  # noqa: PLR2004


def _last(values: Sequence[float | None]) -> tuple[int, float | None]:
    return next(((n, value) for n, value in reversed([*enumerate(values)]) if value is not None), (0, None))


def _is_lonely(values: Sequence[float | None]) -> bool:
    """Whether a point has no neighbour, so that no line would show it."""
    padded = [None, *values, None]
    return any(
        value is not None and before is None and after is None
        for before, value, after in zip(padded, padded[1:], padded[2:], strict=False)
    )


def _scale(on: Axes, known: Sequence[float], unit: Unit, *, is_several: bool) -> None:
    lowest, highest = min(known), max(known)
    if is_several and lowest > 0 and highest / lowest > _WIDE:
        on.set_yscale("log")
        on.set_ylim(lowest / 1.25, highest * 1.25)
        ticks = _round_numbers(lowest / 1.25, highest * 1.25)
        on.yaxis.set_minor_formatter(NullFormatter())
        on.tick_params(axis="y", which="minor", length=0)
    else:
        floor = min(lowest, 0.0)
        span = (highest - floor) or 1.0
        on.set_ylim(floor, highest + span * 0.08 if highest > floor else floor + 1)
        ticks = _even_numbers(floor, on.get_ylim()[1], unit)
    floor = on.get_ylim()[0]
    on.set_yticks(ticks, [number(t, unit) if t > floor else "" for t in ticks])  # that would touch the first day
    on.grid(axis="y", color=GRID, linewidth=points(1.5))
    on.set_axisbelow(True)


def _round_numbers(lowest: float, highest: float) -> list[float]:
    """1, 2 and 5 times powers of ten; where those are many, powers alone, or each second or third of them."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    found = [m * 10.0**p for p in powers for m in (1, 2, 5) if lowest <= m * 10.0**p <= highest]
    if len(found) <= _MOST_TICKS:
        return found
    tens = [10.0**p for p in powers if lowest <= 10.0**p <= highest]
    return tens[:: -(-len(tens) // _MOST_TICKS)]


def _even_numbers(lowest: float, highest: float, unit: Unit) -> list[float]:
    """Three or four, evenly, and round ones of their unit."""
    base = 1024.0 if unit == "bytes" else 10.0
    power = base ** math.floor(math.log((highest - lowest) / 3, base))
    steps = [m * power for m in ((1, 2, 5, 10, 20, 50, 100, 200, 500, 1024) if unit == "bytes" else (1, 2, 5, 10))]
    step = next(s for s in steps if (highest - lowest) / s <= 4)  # noqa: PLR2004
    first = math.ceil(lowest / step - 1e-9)
    return [n * step for n in range(first, math.floor(highest / step + 1e-9) + 1)]


def _name_lines(on: Axes, chart: LinesChart) -> None:
    """Name and last value at the end of each line, moved apart where they would lie on each other."""
    height = on.get_window_extent().height / 2
    places: list[tuple[float, float, str, str]] = []
    for line, (colour, _, _) in zip(chart.lines, _LOOKS, strict=False):
        place, value = _last(line.values)
        if value is not None:
            y = on.transAxes.inverted().transform(on.transData.transform((place, value)))[1] * height
            places.append((float(y), value, f"{line.name} {number(value, chart.unit)}".strip(), colour))
    places.sort()
    ys = spread([y for y, *_ in places], _LINE_PIXELS, height)
    end = on.get_xlim()[1]
    for y, (_, _, words, colour) in zip(ys, places, strict=True):
        made = label(on, end, on.get_ylim()[0], words, dx=16, dy=y, ha="left", color=colour, weight="bold")
        made.set_fontsize(points(SMALL))


def spread(ys: Sequence[float], apart: float, top: float) -> list[float]:
    """Ascending positions, moved up and then down until they are so far apart and none is above `top`."""
    moved = list(ys)
    for n in range(1, len(moved)):
        moved[n] = max(moved[n], moved[n - 1] + apart)
    over = moved[-1] - top if moved else 0.0
    for n in range(len(moved) - 1, -1, -1):
        if over <= 0:
            break
        moved[n] -= over
        over = moved[n - 1] + apart - moved[n] if n else 0.0
    return moved


def _mark(on: Axes, marks: Sequence[Mark]) -> None:
    """Dashed lines, with their names above where there is room: the newest first, to the right or else to the left."""
    shown = sorted(marks, key=lambda mark: mark.position)[-_MOST_MARKS:]
    free = on.get_window_extent().x1 + 2 * _BESIDE
    for n in range(len(shown) - 1, -1, -1):
        position = shown[n].position
        on.axvline(position, color=QUIET, linewidth=points(2.5), linestyle=(0, (3, 3)), zorder=2)
        older = on.transData.transform((shown[n - 1].position, 1))[0] if n else -math.inf
        name = text.fit_middle(shown[n].name, _LONGEST_MARK)
        top = on.get_ylim()[1]
        for words, side in ((f"▾ {name}", "left"), (f"{name} ▾", "right"), ("▾", "center")):
            made = label(on, position, top, words, dy=14, ha=side, color=WORDS)
            box = made.get_window_extent()
            if side == "center" or (box.x1 <= free and box.x0 >= older + _APART * (side == "right")):
                free = box.x0 - _APART
                break
            made.remove()
