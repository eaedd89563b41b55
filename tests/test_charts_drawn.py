"""What the worker process draws: the colours, sizes and words of every chart, of nothing, and of strange values."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec
import pytest

from botmon_cog.charts.process import DrawingError, DrawingProcess
from botmon_cog.charts.values import Line
from tests.chart_helpers import (
    ALL,
    BLUE,
    GHOST,
    GREEN,
    ORANGE,
    PANEL,
    YELLOW,
    at,
    calendar,
    commands,
    decoded,
    growth,
    heat,
    lines,
    share,
)


@pytest.fixture(scope="module")
def worker() -> Iterator[DrawingProcess]:
    """One for all: to start it takes most of the time."""
    process = DrawingProcess()
    yield process
    process.end()


def drawn(worker: DrawingProcess, chart: object):
    return decoded(worker.ask(msgspec.msgpack.encode(chart)))


# -- what is drawn -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "colours"),
    [
        ("commands", (BLUE, GHOST)),
        ("lines", (ORANGE, BLUE, GREEN)),
        ("growth", (BLUE, ORANGE, GREEN)),
        ("calendar", (BLUE, YELLOW, ORANGE)),
        ("heat map", ("#FFEA46",)),
    ],
)
def test_chart_is_opaque_on_discords_panel_and_has_what_its_legend_names(
    worker: DrawingProcess, name: str, colours: tuple[str, ...]
) -> None:
    image = drawn(worker, ALL[name])
    assert at(image, 0, 0) == at(image, 1599, 799) == PANEL
    assert image.getextrema()[3] == (255, 255), "what lets the theme shine through can't be read on both"
    assert [colour for colour in colours if share(image, colour) < 0.0008] == []


def test_bars_are_as_high_as_the_numbers(worker: DrawingProcess) -> None:
    """Twice the commands are twice the blue, but for the number that stands in each bar."""
    one = share(drawn(worker, commands(now=(50, 0, 0, 0, 0, 0, 100), before=(), running=None)), BLUE)
    both = share(drawn(worker, commands(now=(100, 0, 0, 0, 0, 0, 100), before=(), running=None)), BLUE)
    growing = share(drawn(worker, commands(now=(100, 0, 0, 0, 0, 0, 100), before=(), running=6)), BLUE)
    assert both / one == pytest.approx(2 / 1.5, rel=0.05)
    assert growing < both * 0.8, "the bar of today is hatched"


EMPTY = {
    "commands": commands(now=(0,) * 7, before=(), running=None),
    "heat map": heat(((None,) * 24,) * 7),
    "lines": lines(lines=(Line(name="max", values=(None,) * 14),), marks=()),
    "growth": growth(came=(0,) * 4, left=(0,) * 4, totals=(None,) * 4),
    "calendar": calendar(()),
}
ONE = {
    "commands": commands(labels=("today",), now=(1,), before=(0,), running=0),
    "heat map": heat((((1.0,) + (None,) * 23), *(((None,) * 24,) * 6))),
    "lines": lines(labels=("27 Nov",), lines=(Line(name="p95", values=(0.42,)),), marks=()),
    "lines at zero": lines(labels=("27 Nov",), lines=(Line(name="", values=(0.0,)),), marks=(), unit="count"),
    "negative": lines(labels=("26 Nov", "27 Nov"), lines=(Line(name="", values=(-5.0, -2.5)),), marks=(), unit="count"),
    "bytes": lines(lines=(Line(name="", values=(3e9, *(None,) * 13)),), unit="bytes"),
    "growth": growth(labels=("23 Nov",), came=(1,), left=(0,), totals=(1,)),
    "calendar": calendar(calendar().days[:1]),
    "long words": commands(title="W" * 300, about="Asia/" + "Kolkata" * 20, before_name="w" * 90),
    "many commands": commands(labels=tuple(f"{n} Nov" for n in range(35)), now=(10**9,) * 35, before=(), running=34),
    "strange words": lines(title="再生: $p_95$ {rose} \x00", lines=(Line(name="$x^2$ 再生", values=(1.0,) * 14),)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_chart_of_nothing_says_so(worker: DrawingProcess, name: str) -> None:
    image = drawn(worker, EMPTY[name])
    assert share(image.crop((400, 380, 1200, 520)).resize(image.size, 0), PANEL) < 0.99, "words in the middle"
    assert max(share(image, colour) for colour in (ORANGE, YELLOW)) < 0.002


@pytest.mark.parametrize("name", ONE)
def test_chart_of_one_point_or_of_strange_values_is_drawn(worker: DrawingProcess, name: str) -> None:
    assert share(drawn(worker, ONE[name]), PANEL) < 0.99


def test_words_stay_within_the_picture(worker: DrawingProcess) -> None:
    image = drawn(worker, ONE["long words"])
    assert {at(image, 1595, y) for y in range(20, 160)} == {PANEL}


def contrast(one: str, other: str) -> float:
    """As WCAG 2 has it: 4.5 for words, 3 for shapes."""

    def light(colour: str) -> float:
        parts = [value / 255 for value in bytes.fromhex(colour[1:])]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_words_and_shapes_have_the_contrast_that_wcag_asks_for() -> None:
    words, quiet, ink = "#F2F3F5", "#B5BAC1", "#111214"
    assert min(contrast(colour, PANEL) for colour in (words, quiet, BLUE, ORANGE, GREEN, YELLOW)) >= 4.5
    assert min(contrast(ink, colour) for colour in (BLUE, ORANGE, YELLOW)) >= 4.5, "the numbers within"
    assert contrast(GHOST, PANEL) >= 3


def test_what_is_no_chart_is_refused_and_the_next_is_drawn(worker: DrawingProcess) -> None:
    with pytest.raises(DrawingError, match="ValidationError"):
        worker.ask(msgspec.msgpack.encode({"type": "pie"}))
    drawn(worker, commands())
    assert not {"matplotlib", "numpy"} & sys.modules.keys(), "the bot's own process never imports them"
