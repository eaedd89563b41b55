"""Classic histograms, as Prometheus counts them, from our own buckets."""

from __future__ import annotations

import math

from botmon_cog.domain.exposed import Distribution
from botmon_cog.domain.histogram import LOG_GAMMA

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Upper bounds of classic histograms, Discord's deadline and our thresholds for what is slow among them."""


def _last_bucket(bound_s: float) -> int:
    """The bucket whose upper bound is next to that one."""
    return round(math.log(bound_s) / LOG_GAMMA)


_LAST_BUCKETS = tuple(map(_last_bucket, BOUNDS_S))


def cumulative(distribution: Distribution) -> list[tuple[float, int]]:
    """How many values are at or below each of `BOUNDS_S`, exact to the next bucket's bound: within 2 %."""
    counts: list[tuple[float, int]] = []
    buckets = sorted(distribution.buckets.items())
    n = at = 0
    for bound_s, last in zip(BOUNDS_S, _LAST_BUCKETS, strict=True):
        while at < len(buckets) and buckets[at][0] <= last:
            n += buckets[at][1]
            at += 1
        counts.append((bound_s, n))
    return counts
