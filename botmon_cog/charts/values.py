"""What a chart shows: the words and numbers that the worker process gets. Labels are ready to be printed."""

from __future__ import annotations

from typing import Literal

import msgspec

Unit = Literal["count", "seconds", "bytes", "share"]
"""What a number is, and so how it is written: `1,204`, `42 ms`, `1.2 GiB`, `4.1 %`."""


class _Chart(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    """The answer in one line: `1,204 commands, ▲ 13 % on the week before`."""
    about: str
    """What is shown, of which time, in which zone: `Commands by day, 16 to 22 November, UTC`."""

    @property
    def description(self) -> str:
        """The same for people who can't see the picture."""
        return f"{self.title}. {self.about}"


class CommandsChart(_Chart, frozen=True, kw_only=True, tag="commands"):
    """Commands by day or hour, against as many days or hours before."""

    labels: tuple[str, ...]
    """One for each bar; empty for those without."""
    now: tuple[int | None, ...]
    """None: still to come."""
    before: tuple[int | None, ...] = ()
    """Empty: nothing to compare with. As long as `now` otherwise, with None where it is not known."""
    before_name: str = ""
    """`the week before`."""
    running: int | None = None
    """The position of the bar that still grows."""


class HeatMapChart(_Chart, frozen=True, kw_only=True, tag="heat"):
    """Commands by weekday and hour."""

    rows: tuple[str, ...]
    """Weekdays."""
    cells: tuple[tuple[float | None, ...], ...]
    """For each row 24 numbers an hour, means where there were several; None: that hour has not come yet."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of several."""

    name: str
    values: tuple[float | None, ...]
    """One for each label; None where it is not known."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A moment that something changed at."""

    position: float
    """On the axis of labels: 1.5 is between the second and the third."""
    name: str


class LinesChart(_Chart, frozen=True, kw_only=True, tag="lines"):
    """One number, or a few of one kind, over time: percentiles, a custom metric."""

    labels: tuple[str, ...]
    lines: tuple[Line, ...]
    """At most four, those that lie highest first. One without a value takes its colour and shape, and is not drawn."""
    unit: Unit = "count"
    marks: tuple[Mark, ...] = ()
    """Deploys, in order."""
    limit: float | None = None
    """What counts as too much."""
    limit_name: str = ""


class GrowthChart(_Chart, frozen=True, kw_only=True, tag="growth"):
    """Servers that came and left, and how many there were."""

    labels: tuple[str, ...]
    came: tuple[int, ...]
    left: tuple[int, ...]
    totals: tuple[int | None, ...]
    """At the end of each; None where it is not known."""


class CalendarDay(msgspec.Struct, frozen=True, kw_only=True):
    """One day."""

    week: int
    """Its row, from 0."""
    weekday: int
    """0 is Monday."""
    label: str
    """Its number, with the month where that begins: `1 Nov`."""
    up_share: float | None
    """0..1 of the time that was watched; None where none was."""
    down: str = ""
    """How long it was down, short: `12 min`; empty if it was not."""


class CalendarChart(_Chart, frozen=True, kw_only=True, tag="calendar"):
    """Uptime by day."""

    weekdays: tuple[str, ...]
    days: tuple[CalendarDay, ...]


Chart = CommandsChart | HeatMapChart | LinesChart | GrowthChart | CalendarChart
