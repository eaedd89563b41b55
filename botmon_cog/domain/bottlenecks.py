"""What is too slow, and how much that matters."""

from __future__ import annotations

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.reports import MIN_FOR_PERCENTILES, Bottleneck

SEVERITIES = ("critical", "high", "medium", "low")
"""Worst first."""

_RARE = 0.05
_OFTEN = 0.25
_FAR = 2.0


def bottleneck(name: str, metric: str, histogram: Histogram, threshold_s: float) -> Bottleneck | None:
    """Judge one metric's durations; None where it is quick enough or has too few samples to say.

    It is one as soon as 5 % of the samples are over the threshold. How bad: by how far (p95 at least twice the
    threshold) and how often (a quarter of the samples): both critical, how often alone high, how far alone medium,
    neither low.
    """
    slow_share = histogram.share_over(threshold_s)
    p95_s = histogram.quantile(0.95)
    if histogram.n < MIN_FOR_PERCENTILES or p95_s is None or slow_share < _RARE:
        return None
    far = p95_s >= _FAR * threshold_s
    often = slow_share >= _OFTEN
    severity = SEVERITIES[0 if far and often else 1 if often else 2 if far else 3]
    return Bottleneck(
        name=name,
        metric=metric,
        severity=severity,
        threshold_s=threshold_s,
        p95_s=p95_s,
        slow_share=slow_share,
        n=histogram.n,
    )


def worst_first(found: list[Bottleneck]) -> tuple[Bottleneck, ...]:
    return tuple(sorted(found, key=lambda b: (SEVERITIES.index(b.severity), -b.slow_share * b.n, b.name)))
