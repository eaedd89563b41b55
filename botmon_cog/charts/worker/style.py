"""What all charts look alike in: colours, sizes, the frame with its title, direct labels.

Sizes are in pixels of a chart of 800 by 400, which is drawn twice as fine. A phone shows it about 280 wide, a third of
that: what is to be read there has 24 of these pixels. The panel is that of an embed in Discord's dark theme, and a
dark card in its light one. The colours are Okabe and Ito's, which people tell apart however they see colours; what
differs in colour differs in shape, too.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# matplotlib's own types leave its keywords open.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

WIDTH, HEIGHT = 800, 400
_PER_INCH = 100
FINENESS = 2

PANEL = "#2B2D31"
WORDS = "#F2F3F5"
QUIET = "#B5BAC1"
GRID = "#4A4D55"
GHOST = "#737985"
"""The period before."""
BLUE, ORANGE, YELLOW, GREEN = "#56B4E9", "#E69F00", "#F0E442", "#2FC79A"
INK = "#111214"
"""On a coloured bar."""

TITLE, SMALL = 32.0, 24.0
_SMALLEST_TITLE, _SMALLEST = 25.0, 19.0
_ROUNDING = 0.98
"""Letters are set on whole pixels: of another size, they are not exactly as much narrower."""
_LEFT, _RIGHT = 24, 24
_POINTS_PER_PIXEL = 72 / _PER_INCH


def points(pixels: float) -> float:
    """As matplotlib wants sizes."""
    return pixels * _POINTS_PER_PIXEL


def new_figure() -> Figure:
    return Figure(figsize=(WIDTH / _PER_INCH, HEIGHT / _PER_INCH), dpi=_PER_INCH * FINENESS, facecolor=PANEL)


def frame(figure: Figure, title: str, about: Sequence[tuple[str, str]]) -> None:
    """The title, and below it what is shown: (colour, words), one after the other."""
    head = write(figure, _LEFT, 16, title, size=TITLE, weight="bold")
    width = WIDTH - _LEFT - _RIGHT
    if (wide := width_of(head)) > width:
        head.set_fontsize(points(max(TITLE * width / wide * _ROUNDING, _SMALLEST_TITLE)))
        _shorten(head, width)
    parts = [write(figure, 0, 60, words, colour=colour) for colour, words in about]
    if (wide := sum(map(width_of, parts))) > width:
        for part in parts:
            part.set_fontsize(points(max(SMALL * width / wide * _ROUNDING, _SMALLEST)))
        longest = max(parts, key=width_of)
        _shorten(longest, width - sum(width_of(part) for part in parts if part is not longest))
    x = float(_LEFT)
    for part in parts:
        part.set_x(x / WIDTH)
        x += width_of(part)


def axes(figure: Figure, left: float, top: float, right: float, bottom: float) -> Axes:
    """Bare axes, with so many pixels free on each side."""
    box = (left / WIDTH, bottom / HEIGHT, (WIDTH - left - right) / WIDTH, (HEIGHT - top - bottom) / HEIGHT)
    made: Axes = figure.add_axes(box)
    made.set_facecolor("none")
    for spine in made.spines.values():
        spine.set_visible(False)
    made.tick_params(length=0, labelsize=points(SMALL), colors=QUIET, pad=points(8))
    return made


def write(
    figure: Figure, x: float, y: float, words: str, *, size: float = SMALL, colour: str = WORDS, **more: Any
) -> Text:
    """Words at so many pixels from the left and from the top."""
    place: dict[str, Any] = {"ha": "left", "va": "top"} | more
    return figure.text(
        x / WIDTH, 1 - y / HEIGHT, printable(words), fontsize=points(size), color=colour, parse_math=False, **place
    )


def label(on: Axes, x: float, y: float, words: str, *, dx: float = 0, dy: float = 0, **more: Any) -> Text:
    """Words beside a point of the axes, moved by so many pixels to the right and up."""
    look: dict[str, Any] = {"color": WORDS, "fontsize": points(SMALL), "ha": "center", "va": "center"} | more
    made: Text = on.annotate(
        printable(words),
        (x, y),
        xytext=(points(dx), points(dy)),
        textcoords="offset points",
        annotation_clip=False,
        parse_math=False,
        **look,
    )
    return made


def say_nothing(figure: Figure, words: str) -> None:
    """In place of a chart of which there is nothing yet."""
    write(figure, WIDTH / 2, 225, words, size=SMALL, colour=QUIET, ha="center", va="center")


def width_of(words: Text) -> float:
    """In pixels."""
    return words.get_window_extent().width / FINENESS


def sparse(labels: Sequence[str], most: int) -> list[int]:
    """The positions of at most so many labels, evenly, the last among them; empty ones count as none."""
    shown = [n for n, words in enumerate(labels) if words]
    step = -(-len(shown) // most) if shown else 1
    return shown[::-1][::step][::-1]


def printable(words: str) -> str:
    """Without characters that the font lacks: they would be drawn as boxes."""
    return "".join(c for c in words if ord(c) in _known() or c in "\n ")


def _known() -> set[int]:
    if not _glyphs:
        _glyphs.update(FT2Font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap())
    return _glyphs


_glyphs: set[int] = set()


def _shorten(head: Text, width: float) -> None:
    words = head.get_text()
    while width_of(head) > width and len(words) > 1:
        words = words[:-1]
        head.set_text(words.rstrip() + "…")
