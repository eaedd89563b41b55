"""Counters: how often something happened, or how much of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime

from botmon_cog.domain.models import MetricKind, MetricPoint
from botmon_cog.monitors.metrics.metric import LARGEST, Metric, Series, Shape
from botmon_cog.monitors.metrics.names import MetricError
from botmon_cog.monitors.metrics.problems import Problems

_MINUTES = 60


class CounterSeries(Series):
    """One combination of labels.

    Attributes:
        n, total: how often, and how much, since it was last taken.
        before: the total until then, since the start of the process.
    """

    __slots__ = ("before", "n", "total")

    def __init__(self, labels: tuple[str, ...], text: str) -> None:
        super().__init__(labels, text)
        self.n = 0
        self.total = self.before = 0.0

    def take(self, now: datetime) -> Iterator[MetricPoint]:
        if self.n:
            yield MetricPoint(
                name="", labels=self.text, kind=MetricKind.COUNTER, unit="", occurred_at=now, n=self.n, total=self.total
            )
            self.before += self.total
            self.n, self.total = 0, 0.0

    def exposed(self) -> float:
        return self.before + self.total


class Counter(Metric[CounterSeries]):
    """Only grows."""

    def __init__(self, shape: Shape, what: str, problems: Problems) -> None:
        super().__init__(shape, what, problems)
        self._minutes = deque([0.0], maxlen=_MINUTES + 1)
        """What was counted in all at the end of each of the last minutes, and before them."""

    def add(self, n: float = 1, *labels: str | int) -> None:
        """Count `n` more, which is not negative. `labels`: their values, in the order of the names."""
        try:
            series = self._series.get(labels)
            if series is None:
                series = self._found(labels)
            if not 0 <= n <= LARGEST:
                self._refuse(MetricError(f"{n!r:.60} can't be added: a counter only grows, by up to {LARGEST:.0e}"))
                return
            with self._lock:
                series.total += n
                series.n += 1
        except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's command)
            self._refuse(error)

    @property
    def total(self) -> float:
        """What was counted since the start of the process, with all labels."""
        return sum(series.before + series.total for series in self.series())

    def minute_passed(self) -> None:
        self._minutes.append(self.total)

    def recent(self) -> Mapping[str, float]:
        """Of the last hour, to the minute."""
        return {"": self.total - self._minutes[0]}

    def _new_series(self, labels: tuple[str, ...], text: str) -> CounterSeries:
        return CounterSeries(labels, text)
