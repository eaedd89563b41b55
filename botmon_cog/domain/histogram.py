"""A log-bucketed histogram of durations: mergeable by addition, with a bounded relative error.

The mapping is that of DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
Relative-Error Guarantees", PVLDB 12(12), 2019, section 2): a value x falls into bucket ceil(log_gamma(x)), and a
bucket answers with 2 * gamma^i / (gamma + 1), which is within ALPHA of every value in it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

ALPHA = 0.02
"""The relative error of every quantile, at the most."""
GAMMA = (1 + ALPHA) / (1 - ALPHA)
LOG_GAMMA = math.log(GAMMA)
SMALLEST_S = 1e-4
"""Shorter durations count as this: nobody acts on less than 0.1 ms, and it bounds the number of buckets."""
LARGEST_S = 24 * 3600.0
"""Longer ones count as this."""
LOWEST, HIGHEST = (math.ceil(math.log(value_s) / LOG_GAMMA) for value_s in (SMALLEST_S, LARGEST_S))
"""The first and the last bucket."""


def bucket_of(value_s: float) -> int:
    """The bucket of a duration in seconds. NaN and negative values count as the smallest."""
    if SMALLEST_S < value_s < LARGEST_S:
        return math.ceil(math.log(value_s) / LOG_GAMMA)
    return HIGHEST if value_s >= LARGEST_S else LOWEST


_SMALLEST, _LARGEST = 1e-9, 1e15
_LOWEST, _HIGHEST = (math.ceil(math.log(value) / LOG_GAMMA) for value in (_SMALLEST, _LARGEST))


def bucket_of_any(value: float) -> int:
    """The bucket of a value in whichever unit. From 1e-9 down, all count as that; from 1e15 up, likewise.

    So 0 and negative values share the lowest bucket: whoever knows the extremes says more of them.
    """
    if _SMALLEST < value < _LARGEST:
        return math.ceil(math.log(value) / LOG_GAMMA)
    return _HIGHEST if value >= _LARGEST else _LOWEST


def _longest_us(bucket: int) -> int:
    """The longest duration in whole microseconds that falls into a bucket, as `bucket_of` has it in floats."""
    longest_us = round(GAMMA**bucket * 1e6)
    while bucket_of(longest_us / 1e6) > bucket:
        longest_us -= 1
    while bucket_of((longest_us + 1) / 1e6) <= bucket:
        longest_us += 1
    return longest_us


position_of_us: Callable[[int], int] = partial(bisect_left, [_longest_us(bucket) for bucket in range(LOWEST, HIGHEST)])
"""The bucket of a duration in whole microseconds, less the lowest one there is. Without a step in Python: the roll-ups
ask for three of each row."""


def value_of(bucket: int) -> float:
    """The duration in seconds that stands for a bucket."""
    return 2 * GAMMA**bucket / (GAMMA + 1)


class Histogram:
    """Counts per bucket. Adding two gives the histogram of both."""

    __slots__ = ("_counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts: Counter[int] = Counter(counts or {})

    @classmethod
    def of(cls, values_s: Iterable[float]) -> Histogram:
        return cls(Counter(map(bucket_of, values_s)))

    @property
    def counts(self) -> Mapping[int, int]:
        return self._counts

    @property
    def n(self) -> int:
        return self._counts.total()

    def add(self, bucket: int, n: int) -> None:
        self._counts[bucket] += n

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """The histogram of all of them."""
        counts: dict[int, int] = {}
        for histogram in histograms:
            for bucket, n in histogram._counts.items():  # noqa: SLF001 (our own class)
                counts[bucket] = counts.get(bucket, 0) + n
        return cls(counts)

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram.merged((self, other))

    def quantile(self, q: float) -> float | None:
        """The q-quantile (0..1) in seconds, None where nothing was counted."""
        return self.quantiles((q,))[0]

    def quantiles(self, qs: Sequence[float]) -> list[float | None]:
        """Several quantiles (0..1, ascending) in seconds, each None where nothing was counted.

        The rank is that of the paper, floor(q * (n - 1)), counted from the smallest.
        """
        n = self.n
        if not n:
            return [None] * len(qs)
        found: list[float | None] = []
        buckets = iter(sorted(self._counts))
        seen = bucket = 0
        for q in qs:
            rank = math.floor(q * (n - 1))
            while seen <= rank:
                bucket = next(buckets)
                seen += self._counts[bucket]
            found.append(value_of(bucket))
        return found

    def share_over(self, threshold_s: float) -> float:
        """The share (0..1) of values in buckets above the threshold's own."""
        if not self.n:
            return 0.0
        limit = bucket_of(threshold_s)
        return sum(n for bucket, n in self._counts.items() if bucket > limit) / self.n
