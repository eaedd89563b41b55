"""What the points of a metric add up to, by series and day. Pure, and additive: in whichever order, it is the same.

So totals are whole billionths: floats that are added in another order differ in their last digits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from botmon_cog.domain.models import Durations

BILLION = 1_000_000_000
_HOURS_PER_DAY, _MS_PER_HOUR = 24, 3_600_000

Row = tuple[int, int, int, int, int, int, float, float | None, float | None, int, Durations]
"""A point: (occurred_ms, name, labels, kind's code, unit, n, total, lowest, highest, minutes, buckets)."""


class MetricKey(NamedTuple):
    """One series on one day (since 1970, UTC). Name, labels and unit are ids of labels, the kind is its code."""

    day: int
    name: int
    labels: int
    kind: int
    unit: int


class MetricHour(NamedTuple):
    """What one series did in one hour, in all processes: see `MetricPoint`.

    Attributes:
        total: in billionths.
        minutes: those in which any process looked at it, as bits.
    """

    n: int
    total: int
    minutes: int
    lowest: float | None
    highest: float | None

    def with_(self, other: MetricHour) -> MetricHour:
        """Both together."""
        lowest = [each for each in (self.lowest, other.lowest) if each is not None]
        highest = [each for each in (self.highest, other.highest) if each is not None]
        return MetricHour(
            self.n + other.n,
            self.total + other.total,
            self.minutes | other.minutes,
            min(lowest, default=None),
            max(highest, default=None),
        )


class MetricDay:
    """What one series did on one day.

    Attributes:
        hours: by the hour of the day (UTC).
        buckets: of its values, as `histogram.bucket_of_any` has them.
    """

    __slots__ = ("buckets", "hours")

    def __init__(self) -> None:
        self.hours: dict[int, MetricHour] = {}
        self.buckets: Counter[int] = Counter()

    def add(self, hour: int, of: MetricHour, buckets: Durations = ()) -> None:
        known = self.hours.get(hour)
        self.hours[hour] = of if known is None else known.with_(of)
        for bucket, n in buckets:
            self.buckets[bucket] += n

    def add_day(self, other: MetricDay) -> None:
        for hour, of in other.hours.items():
            self.add(hour, of)
        self.buckets.update(other.buckets)


def add_points(days: dict[MetricKey, MetricDay], rows: Iterable[Row], first_day: int = 0) -> None:
    """Count points; what is older than `first_day` is not counted."""
    for ms, name, labels, kind, unit, n, total, lowest, highest, minutes, buckets in rows:
        day, hour = divmod(ms // _MS_PER_HOUR, _HOURS_PER_DAY)
        if day < first_day or not math.isfinite(total):
            continue
        key = MetricKey(day, name, labels, kind, unit)
        if key not in days:
            days[key] = MetricDay()
        days[key].add(hour, MetricHour(n, round(total * BILLION), minutes, lowest, highest), buckets)
