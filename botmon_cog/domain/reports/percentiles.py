"""Quantiles, shown only where there are enough samples for them."""

from __future__ import annotations

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.report import Report

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
        p50_s, p90_s, p95_s, p99_s, max_s = histogram.quantiles((0.50, 0.90, 0.95, 0.99, 1.0))
        if n < MIN_FOR_PERCENTILES:
            return cls(n=n, max_s=max_s)
        return cls(n=n, p50_s=p50_s, p90_s=p90_s, p95_s=p95_s, p99_s=p99_s if n >= MIN_FOR_P99 else None, max_s=max_s)
