"""What a metric of the bot's own was over a period: what is told of it."""

from __future__ import annotations

from datetime import date

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.metric_days import BILLION, MetricHour
from botmon_cog.domain.models import MetricKind
from botmon_cog.domain.report import Report
from botmon_cog.domain.reports import Percentiles, Period


class Sums:
    """What hours of one metric add up to, in all processes."""

    __slots__ = ("_looks", "_n", "_total", "highest", "lowest")

    def __init__(self) -> None:
        self._n = self._total = self._looks = 0
        self.lowest: float | None = None
        self.highest: float | None = None

    def add(self, hour: MetricHour) -> None:
        self._n += hour.n
        self._total += hour.total
        self._looks += hour.minutes.bit_count()
        if hour.lowest is not None:
            self.lowest = hour.lowest if self.lowest is None else min(self.lowest, hour.lowest)
        if hour.highest is not None:
            self.highest = hour.highest if self.highest is None else max(self.highest, hour.highest)

    @property
    def n(self) -> int:
        """How often anything was added or observed."""
        return self._n

    @property
    def is_shared(self) -> bool:
        """Several series of a gauge, or several processes, were looked at in the same minutes."""
        return self._n > self._looks

    def figure(self, kind: MetricKind) -> float | None:
        """The one number of it: a counter's total, a gauge's mean (or largest value), the mean of what was observed."""
        if kind is MetricKind.COUNTER:
            return self._total / BILLION
        if kind is MetricKind.GAUGE_MAX:
            return self.highest
        n = self._looks if kind is MetricKind.GAUGE else self._n
        return self._total / BILLION / n if n else None


class SeriesFigure(Report, frozen=True, kw_only=True):
    """One combination of labels."""

    labels: str
    figure: float


class MetricReport(Report, frozen=True, kw_only=True):
    """One metric over a period."""

    name: str
    kind: MetricKind
    unit: str
    what: str = ""
    """Empty if this process does not know it."""
    period: Period
    now: float | None = None
    """Of a gauge: in all processes that run. None if it is not known."""
    figure: float | None = None
    """See `Sums.figure`. None if there was nothing."""
    previous: float | None = None
    """The same of the period before. None if there was nothing."""
    n: int = 0
    lowest: float | None = None
    highest: float | None = None
    """None where several processes or series each had a part."""
    days: tuple[tuple[date, float | None], ...] = ()
    """Each day's figure, None if nothing was recorded."""
    percentiles: Percentiles | None = None
    """Of what was observed on the days of the period, in the metric's unit."""
    series: tuple[SeriesFigure, ...] = ()
    """Those of the period, the largest first."""


def percentiles_of(buckets: dict[int, int], lowest: float | None, highest: float | None) -> Percentiles:
    """Within what really came: the bounds of the lowest bucket say nothing of 0 and of negative values."""
    found = Percentiles.of(Histogram(buckets))
    bounds = (0.0 if lowest is None else lowest, 0.0 if highest is None else highest)

    def within(value: float | None) -> float | None:
        return None if value is None else min(max(value, bounds[0]), bounds[1])

    return Percentiles(
        n=found.n,
        p50_s=within(found.p50_s),
        p90_s=within(found.p90_s),
        p95_s=within(found.p95_s),
        p99_s=within(found.p99_s),
        max_s=highest,
    )
