"""Classic histograms, as Prometheus counts them, from our own buckets."""

from __future__ import annotations

import math
from collections.abc import Sequence

from botmon_cog.domain.exposed import Distribution
from botmon_cog.domain.histogram import LOG_GAMMA

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Upper bounds of classic histograms, Discord's deadline and our thresholds for what is slow among them."""


BOUNDS = tuple(digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5))
"""Those of what is not measured in seconds: players, songs, bytes in a message."""


def _last_buckets(bounds: Sequence[float]) -> dict[float, int]:
    """For each bound, the bucket whose own is next to it."""
    return {bound: round(math.log(bound) / LOG_GAMMA) for bound in bounds}


_OF_SECONDS, _OF_OTHERS = _last_buckets(BOUNDS_S), _last_buckets(BOUNDS)


def cumulative(distribution: Distribution, unit: str) -> list[tuple[float, int]]:
    """How many values are at or below each bound, exact to the next bucket's bound: within 2 %."""
    counts: list[tuple[float, int]] = []
    buckets = sorted(distribution.buckets.items())
    n = at = 0
    for bound, last in (_OF_SECONDS if unit == "seconds" else _OF_OTHERS).items():
        while at < len(buckets) and buckets[at][0] <= last:
            n += buckets[at][1]
            at += 1
        counts.append((bound, n))
    return counts
