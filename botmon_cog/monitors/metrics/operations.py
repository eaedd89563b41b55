"""What hosts time with `performance.track`: for alert rules, histograms like those that they make themselves.

It is stored otherwise: each time by itself, with its server and whether it succeeded. So `/perf` tells the operations
of one server from those of another, and a person can have theirs erased; a metric knows neither.
"""

from __future__ import annotations

import math

from botmon_cog.domain.models import MetricKind
from botmon_cog.monitors.metrics.histogram import Histogram
from botmon_cog.monitors.metrics.metric import Shape
from botmon_cog.monitors.metrics.problems import Problems

MOST_OPERATIONS = 1000
"""Names come from hosts; of more than these nothing is kept in memory (they are stored all the same)."""


class Operations:
    """By name."""

    def __init__(self) -> None:
        self._histograms: dict[str, Histogram] = {}

    def add(self, name: str, value: float) -> None:
        """What is no number is left out."""
        histogram = self._histograms.get(name)
        if histogram is None:
            if len(self._histograms) >= MOST_OPERATIONS:
                return
            histogram = Histogram(Shape(name, MetricKind.TIMER, "s", ()), "", Problems(None))
            self._histograms[name] = histogram
        if math.isfinite(value):
            histogram.observe(value)

    def recent(self) -> dict[str, float]:
        """As `Metrics.recent`."""
        return {f"{name}{of}": value for name, each in self._histograms.items() for of, value in each.recent().items()}
