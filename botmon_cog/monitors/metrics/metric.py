"""What counters, gauges, histograms and timers have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from msgspec.structs import replace

from botmon_cog.domain.exposed import Distribution
from botmon_cog.domain.models import MetricKind, MetricPoint
from botmon_cog.monitors.metrics.names import OTHER, MetricError, label_value, labels_text
from botmon_cog.monitors.metrics.problems import Problems

MOST_SERIES = 50
"""Of one metric, without the one for all others."""
LARGEST = 1e15
"""No value is larger, nor any less than minus that."""

_MOST_KNOWN = 4 * MOST_SERIES
"""Ways in which hosts write the labels of those series: `1` and `"1"` are the same."""


class Shape(NamedTuple):
    """What a metric is: two of one name must agree in it."""

    name: str
    kind: MetricKind
    unit: str
    labels: tuple[str, ...]


class Series(ABC):
    """One combination of labels.

    Attributes:
        labels: their values, in the order of the names.
        text: the same as they are stored.
    """

    __slots__ = ("labels", "text")

    def __init__(self, labels: tuple[str, ...], text: str) -> None:
        self.labels = labels
        self.text = text

    @abstractmethod
    def take(self, now: datetime) -> Iterator[MetricPoint]:
        """What is to be recorded, which then is taken; the metric fills in its name, kind and unit."""

    def take_rest(self) -> Iterator[MetricPoint]:
        """What else would wait for more."""
        yield from ()

    @abstractmethod
    def exposed(self) -> float | Distribution | None:
        """As exporters show it; None if there is nothing to show."""


S = TypeVar("S", bound=Series)


class Metric(ABC, Generic[S]):
    """One metric with its series. Nothing that hosts call raises, and any thread may call it.

    Attributes:
        what: in one sentence, for people.
    """

    def __init__(self, shape: Shape, what: str, problems: Problems) -> None:
        self.shape = shape
        self.what = what
        self.problems = problems
        self._lock = Lock()
        self._series: dict[tuple[object, ...], S] = {}
        """By the labels as hosts write them."""
        self._by_values: dict[tuple[str, ...], S] = {}
        if not shape.labels:
            self._found(())

    @property
    def name(self) -> str:
        return self.shape.name

    def series(self) -> list[S]:
        """In the order in which they were first seen."""
        with self._lock:
            return list(self._by_values.values())

    def look(self) -> None:
        """Find out what it is now, where it is not told."""

    def minute_passed(self) -> None:
        """Called once a minute."""

    @abstractmethod
    def recent(self) -> Mapping[str, float]:
        """What alert rules look at, by what follows the metric's name; the empty text is the metric itself.

        What came since this was last asked, where single values count.
        """

    def points(self, now: datetime, *, is_last: bool = False) -> list[MetricPoint]:
        """What is to be recorded now, and then is taken."""
        with self._lock:
            found = [point for series in self._by_values.values() for point in series.take(now)]
            if is_last:
                found += [point for series in self._by_values.values() for point in series.take_rest()]
        shape = self.shape
        return [replace(point, name=shape.name, unit=shape.unit, kind=shape.kind) for point in found]

    def exposed(self) -> list[tuple[tuple[str, ...], float | Distribution]]:
        """(labels, what exporters show) of each series."""
        with self._lock:
            found = [(series.labels, series.exposed()) for series in self._by_values.values()]
        return [(labels, value) for labels, value in found if value is not None]

    @abstractmethod
    def _new_series(self, labels: tuple[str, ...], text: str) -> S: ...

    def _found(self, labels: tuple[object, ...]) -> S:
        """The series of these labels, made if there is room; else the one for all others.

        Raises:
            MetricError: there are too few or too many, or one can't be a label.
        """
        if len(labels) != len(self.shape.labels):
            names = ", ".join(self.shape.labels) or "none"
            raise MetricError(f"it was given {len(labels)} labels, and has these: {names}")
        values = tuple(map(label_value, labels))
        with self._lock:
            if values not in self._by_values and len(self._by_values) >= MOST_SERIES:
                self.problems.overflowed(self.name, MOST_SERIES)
                values = (OTHER,) * len(values)
            series = self._by_values.get(values)
            if series is None:
                series = self._by_values[values] = self._new_series(values, labels_text(self.shape.labels, values))
            # What is another value each time must not fill this up.
            if len(self._series) < _MOST_KNOWN and OTHER not in values:
                self._series[labels] = series
            return series

    def _refuse(self, error: Exception) -> None:
        self.problems.refused(self.name, error)


def no_number(value: object) -> MetricError:
    return MetricError(f"{value!r:.60} is no number between -{LARGEST:.0e} and {LARGEST:.0e}")
