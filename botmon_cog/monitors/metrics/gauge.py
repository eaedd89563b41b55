"""Gauges: how much there is of something now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from botmon_cog.domain.models import MetricKind, MetricPoint
from botmon_cog.monitors.metrics.metric import LARGEST, Metric, Series, Shape, no_number
from botmon_cog.monitors.metrics.problems import Problems


class _Looks:
    """What was seen of a gauge, once a minute, in a stretch of an hour."""

    __slots__ = ("at", "highest", "last", "lowest", "minutes", "n", "total")

    def __init__(self, at: datetime, value: float) -> None:
        self.at = at
        self.n = self.minutes = 0
        self.total = 0.0
        self.last: float = value
        self.lowest: float = value
        self.highest: float = value

    def add(self, at: datetime, value: float, lowest: float, highest: float) -> None:
        self.at = at
        self.n += 1
        self.total += value
        self.minutes |= 1 << at.minute
        self.last = value
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)


class GaugeSeries(Series):
    """One combination of labels.

    Attributes:
        value: None: not known.
        lowest, highest: since it was last looked at.
    """

    __slots__ = ("_looked_at", "_looks", "_told", "highest", "lowest", "value")

    def __init__(self, labels: tuple[str, ...], text: str) -> None:
        super().__init__(labels, text)
        self.value: float | None = None
        self.lowest: float = 0.0
        self.highest: float = 0.0
        self._looks: _Looks | None = None
        """Those that are not recorded yet."""
        self._looked_at: datetime | None = None
        """The minute."""
        self._told: float | None = None
        """The last value that was recorded."""

    def set(self, value: float) -> None:
        if self.value is None:
            self.lowest = self.highest = value
        elif value < self.lowest:
            self.lowest = value
        elif value > self.highest:
            self.highest = value
        self.value = value

    def take(self, now: datetime) -> Iterator[MetricPoint]:
        """While it stays the same, one point an hour is enough."""
        looks, minute = self._looks, now.replace(second=0, microsecond=0)
        if looks is not None and looks.at.replace(minute=0) != minute.replace(minute=0):
            yield self._taken(looks)
            looks = None
        if self.value is None or minute == self._looked_at:
            return
        self._looked_at = minute
        has_changed = not self._told == self.lowest == self.highest
        looks = self._looks = looks or _Looks(minute, self.value)
        looks.add(minute, self.value, self.lowest, self.highest)
        self.lowest = self.highest = self.value
        if has_changed:
            yield self._taken(looks)

    def take_rest(self) -> Iterator[MetricPoint]:
        """What changed since the last look, too: without counting as one, for its minute had its own."""
        looks = self._looks
        if self.value is not None and self._looked_at is not None and not self._told == self.lowest == self.highest:
            looks = looks or _Looks(self._looked_at, self.value)
            looks.last = self.value
            looks.lowest, looks.highest = min(looks.lowest, self.lowest), max(looks.highest, self.highest)
            self.lowest = self.highest = self.value
        if looks is not None:
            yield self._taken(looks)

    def _taken(self, looks: _Looks) -> MetricPoint:
        self._looks, self._told = None, looks.last
        return MetricPoint(
            name="",
            labels=self.text,
            kind=MetricKind.GAUGE,
            unit="",
            occurred_at=looks.at,
            n=looks.n,
            total=looks.total,
            last=looks.last,
            lowest=looks.lowest,
            highest=looks.highest,
            minutes=looks.minutes,
        )

    def exposed(self) -> float | None:
        return self.value


class Gauge(Metric[GaugeSeries]):
    """Goes up and down.

    Attributes:
        callback: asked for the value once a minute, and whenever somebody looks; None as its answer: not known now.
    """

    def __init__(self, shape: Shape, what: str, problems: Problems) -> None:
        super().__init__(shape, what, problems)
        self.callback: Callable[[], float | None] | None = None

    def set(self, value: float, *labels: str | int) -> None:
        """It is that from now on. `labels`: their values, in the order of the names."""
        try:
            series = self._series.get(labels)
            if series is None:
                series = self._found(labels)
            if not -LARGEST <= value <= LARGEST:
                self._refuse(no_number(value))
                return
            with self._lock:
                series.set(float(value))
        except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's command)
            self._refuse(error)

    def add(self, n: float = 1, *labels: str | int) -> None:
        """It is so much more from now on, or less; one that was never set begins at 0."""
        try:
            series = self._series.get(labels)
            if series is None:
                series = self._found(labels)
            with self._lock:
                value = (series.value or 0.0) + n
                if -LARGEST <= value <= LARGEST:
                    series.set(value)
                    return
            self._refuse(no_number(n))
        except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's command)
            self._refuse(error)

    def look(self) -> None:
        """Ask the callback, if it has one."""
        if self.callback is None:
            return
        try:
            value = self.callback()
        except Exception as error:  # noqa: BLE001 (the host's own code)
            self.problems.callback_failed(self.name, error)
            return
        self.problems.callback_worked(self.name)
        if value is not None:
            self.set(value)
        elif (series := self._series.get(())) is not None:
            series.value = None

    @property
    def value(self) -> float | None:
        """What all series have together, as the kind says; None while nothing is known."""
        values = [series.value for series in self.series() if series.value is not None]
        if not values:
            return None
        if self.shape.kind is MetricKind.GAUGE_MAX:
            return max(values)
        return sum(values) / (len(values) if self.shape.kind is MetricKind.GAUGE_MEAN else 1)

    def recent(self) -> Mapping[str, float]:
        """Its value, where that is known."""
        value = self.value
        return {} if value is None else {"": value}

    def _new_series(self, labels: tuple[str, ...], text: str) -> GaugeSeries:
        return GaugeSeries(labels, text)
