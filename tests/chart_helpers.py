"""Charts for the tests, and what is asked of the pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping

import psutil
from PIL import Image

from botmon_cog.charts.values import (
    CalendarChart,
    CalendarDay,
    Chart,
    CommandsChart,
    GrowthChart,
    HeatMapChart,
    Line,
    LinesChart,
    Mark,
)
from botmon_cog.config import ChartsConfig
from tests.harness import make_bot, make_config

WEEK = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
DAYS = tuple(f"{day} Nov" for day in range(14, 28))
PANEL, BLUE, ORANGE, YELLOW, GREEN, GHOST = "#2B2D31", "#56B4E9", "#E69F00", "#F0E442", "#2FC79A", "#737985"
WIDTH, HEIGHT = 1600, 800


def decoded(png: bytes | None) -> Image.Image:
    """What Discord gets: eight bits each of red, green, blue and opacity."""
    assert png is not None, "there is no picture"
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (WIDTH, HEIGHT))
    return image


def share(image: Image.Image, colour: str) -> float:
    """How much of it, 0..1, has exactly this colour and is opaque."""
    wanted = (*bytes.fromhex(colour[1:]), 255)
    found = image.getcolors(WIDTH * HEIGHT) or []
    return sum(n for n, pixel in found if pixel == wanted) / (WIDTH * HEIGHT)


def at(image: Image.Image, x: int, y: int) -> str:
    """The colour of one pixel: `#2B2D31`."""
    return "#" + bytes(image.getpixel((x, y))[:3]).hex().upper()


def commands(**fields: object) -> CommandsChart:
    given = {
        "title": "1,204 commands, ▲ 13 % on the week before",
        "about": "21 to 27 November, Europe/Berlin",
        "labels": ("Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "today"),
        "now": (240, 310, 88, 120, 131, 205, 110),
        "before": (190, 260, 102, 133, 120, 160, 100),
        "before_name": "the week before",
        "running": 6,
    }
    return CommandsChart(**given | fields)


def lines(**fields: object) -> LinesChart:
    given = {
        "title": "p95 rose from 0.31 s to 1.2 s",
        "about": "Duration of commands by day, UTC",
        "labels": DAYS,
        "unit": "seconds",
        "lines": (
            Line(name="p99", values=(*(0.8,) * 5, None, *(0.9,) * 4, *(2.4,) * 4)),
            Line(name="p95", values=(*(0.31,) * 5, None, *(0.34,) * 4, *(1.2,) * 4)),
            Line(name="p50", values=(*(0.09,) * 5, None, *(0.1,) * 4, *(0.12,) * 4)),
        ),
        "marks": (Mark(position=3.4, name="8f21ab3"), Mark(position=9.6, name="9c1d002")),
    }
    return LinesChart(**given | fields)


def heat(cells: object = None) -> HeatMapChart:
    found = cells or tuple(tuple(float(day * 3 + hour // 6) for hour in range(24)) for day in range(7))
    return HeatMapChart(title="Busiest on Sundays", about="21 to 27 November, UTC", rows=WEEK, cells=found)


def growth(**fields: object) -> GrowthChart:
    given = {
        "title": "5,012 servers, ▲ 38 in 4 weeks",
        "about": "By week, Berlin",
        "labels": ("2 Nov", "9 Nov", "16 Nov", "23 Nov"),
        "came": (16, 19, 4, 12),
        "left": (3, 2, 4, 4),
        "totals": (4987, 5004, 5004, 5012),
    }
    return GrowthChart(**given | fields)


def calendar(days: tuple[CalendarDay, ...] | None = None) -> CalendarChart:
    found = [
        CalendarDay(week=n // 7, weekday=n % 7, label=str(n + 1), up_share=1.0 if n > 2 else None) for n in range(28)
    ]
    found[9] = CalendarDay(week=1, weekday=2, label="10", up_share=0.9986, down="2 m")
    found[17] = CalendarDay(week=2, weekday=3, label="18", up_share=0.86, down="3 h")
    return CalendarChart(title="Up 99.5 %", about="UTC", weekdays=WEEK, days=tuple(found) if days is None else days)


ALL: Mapping[str, Chart] = {
    "commands": commands(),
    "heat map": heat(),
    "lines": lines(),
    "growth": growth(),
    "calendar": calendar(),
}


def drawing_bot():
    """A bot that draws charts."""
    bot = make_bot()
    bot.botmon_config = make_config(charts=ChartsConfig())
    return bot


def worker_processes() -> list[psutil.Process]:
    """Those of this process that draw."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if any("charts/worker/main.py" in word for word in child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found
