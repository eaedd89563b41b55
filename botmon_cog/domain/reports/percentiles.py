"""Quantiles, shown only where there are enough samples for them."""

from __future__ import annotations

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.reports.base import Report

MIN_FOR_PERCENTILES = 20
"""Fewer samples than this have no percentile worth showing."""


MIN_FOR_P99 = 100


class Percentiles(Report, frozen=True, kw_only=True):
    """Quantiles in seconds, within 2 % of the truth. None where there are too few samples to say."""

    n: int = 0
    p50_s: float | None = None
    p90_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    """Needs 100 samples, the others 20."""
    max_s: float | None = None

    @classmethod
    def of(cls, histogram: Histogram) -> Percentiles:
        n = histogram.n
        enough = n >= MIN_FOR_PERCENTILES
        return cls(
            n=n,
            p50_s=histogram.quantile(0.50) if enough else None,
            p90_s=histogram.quantile(0.90) if enough else None,
            p95_s=histogram.quantile(0.95) if enough else None,
            p99_s=histogram.quantile(0.99) if n >= MIN_FOR_P99 else None,
            max_s=histogram.quantile(1.0),
        )
