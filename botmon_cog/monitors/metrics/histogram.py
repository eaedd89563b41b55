"""Histograms: single values, of which the distribution counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from botmon_cog.domain.exposed import Distribution
from botmon_cog.domain.histogram import Histogram as Buckets
from botmon_cog.domain.histogram import bucket_of_any
from botmon_cog.domain.models import MetricKind, MetricPoint
from botmon_cog.domain.reports import Percentiles
from botmon_cog.monitors.metrics.metric import LARGEST, Metric, Series, Shape, no_number
from botmon_cog.monitors.metrics.problems import Problems


class Values(NamedTuple):
    """What was observed: how many values, their sum, and how many by bucket."""

    n: int
    total: float
    buckets: Mapping[int, int]


class ValueSeries(Series):
    """One combination of labels: what was observed since it was last taken, and what before."""

    __slots__ = ("_buckets", "_n", "_total", "before", "highest", "last", "lowest")

    def __init__(self, labels: tuple[str, ...], text: str) -> None:
        super().__init__(labels, text)
        self.before = Values(0, 0.0, {})
        self._begin()

    def _begin(self) -> None:
        self._n = 0
        self._total = self.last = self.lowest = self.highest = 0.0
        self._buckets: dict[int, int] = {}

    def observe(self, value: float) -> None:
        bucket = bucket_of_any(value)
        buckets = self._buckets
        buckets[bucket] = buckets.get(bucket, 0) + 1
        if not self._n:
            self.lowest = self.highest = value
        elif value < self.lowest:
            self.lowest = value
        elif value > self.highest:
            self.highest = value
        self._n += 1
        self._total += value
        self.last = value

    def take(self, now: datetime) -> Iterator[MetricPoint]:
        if self._n:
            yield MetricPoint(
                name="",
                labels=self.text,
                kind=MetricKind.HISTOGRAM,
                unit="",
                occurred_at=now,
                n=self._n,
                total=self._total,
                last=self.last,
                lowest=self.lowest,
                highest=self.highest,
                buckets=tuple(sorted(self._buckets.items())),
            )
            self.before = self.observed()
            self._begin()

    def observed(self) -> Values:
        """All since the start of the process."""
        buckets = Counter(self.before.buckets)
        buckets.update(self._buckets)
        return Values(self.before.n + self._n, self.before.total + self._total, buckets)

    def exposed(self) -> Distribution:
        return Distribution(*self.observed())


class Histogram(Metric[ValueSeries]):
    """Observes values."""

    def __init__(self, shape: Shape, what: str, problems: Problems) -> None:
        super().__init__(shape, what, problems)
        self._asked = Values(0, 0.0, {})
        """All that had been observed when `recent` was last asked."""

    def observe(self, value: float, *labels: str | int) -> None:
        """Count a value. `labels`: their values, in the order of the names."""
        try:
            series = self._series.get(labels)
            if series is None:
                series = self._found(labels)
            if not -LARGEST <= value <= LARGEST:
                self._refuse(no_number(value))
                return
            with self._lock:
                series.observe(float(value))
        except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's command)
            self._refuse(error)

    def observed(self) -> Values:
        """All since the start of the process, with all labels."""
        n, total, buckets = 0, 0.0, Counter[int]()
        with self._lock:
            for series in self._by_values.values():
                found = series.observed()
                n, total = n + found.n, total + found.total
                buckets.update(found.buckets)
        return Values(n, total, buckets)

    def recent(self) -> Mapping[str, float]:
        """The mean, and with 20 values and more the 95th percentile."""
        before, now = self._asked, self.observed()
        self._asked = now
        n = now.n - before.n
        if not n:
            return {}
        buckets = Counter(now.buckets)
        buckets.subtract(before.buckets)
        p95 = Percentiles.of(Buckets(+buckets)).p95_s
        mean = {"": (now.total - before.total) / n}
        return mean if p95 is None else {**mean, ".p95": p95}

    def _new_series(self, labels: tuple[str, ...], text: str) -> ValueSeries:
        return ValueSeries(labels, text)
