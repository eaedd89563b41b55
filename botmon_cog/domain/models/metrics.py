"""What a host measures of its own."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from botmon_cog.domain.models.fields import Durations, Id, Label


class MetricSample(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One measured value of a named operation, such as a voice connect."""

    name: Label
    occurred_at: datetime
    value: float
    unit: Label = "s"
    success: bool = True
    guild_id: Id | None = None
    user_id: Id | None = None
    shard_id: int = 0


class MetricKind(StrEnum):
    """What a metric of the host's own is, and what becomes of it where several processes have one of that name."""

    COUNTER = "counter"
    """Only grows. What the processes counted adds up."""
    GAUGE = "gauge"
    """Goes up and down. What the processes have adds up: each has its share."""
    GAUGE_MAX = "gauge_max"
    """A gauge of which the largest counts."""
    GAUGE_MEAN = "gauge_mean"
    """A gauge of which the mean counts."""
    HISTOGRAM = "histogram"
    """Observed values, with their distribution."""
    TIMER = "timer"
    """A histogram of seconds."""

    @property
    def is_gauge(self) -> bool:
        return self in _GAUGES

    @property
    def has_values(self) -> bool:
        """Single values are observed, and their distribution is kept."""
        return self in _DISTRIBUTIONS


_GAUGES = frozenset({MetricKind.GAUGE, MetricKind.GAUGE_MAX, MetricKind.GAUGE_MEAN})


_DISTRIBUTIONS = frozenset({MetricKind.HISTOGRAM, MetricKind.TIMER})


class MetricPoint(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What happened to one series of a metric since its point before: within a minute, where anything did.

    Of a gauge: one for each minute in which it changed, and one for all the others of an hour.
    """

    name: Label
    """As the host named it."""
    labels: Label
    """`region=eu,state=on`; empty without any."""
    kind: MetricKind
    unit: Label
    """As the host wrote it; empty for plain numbers."""
    occurred_at: datetime
    """When it was taken down, in the hour in which it counts."""
    n: int
    """How often it was added to, or a value observed; of a gauge, how often it was looked at, once a minute."""
    total: float
    """The sum of what was added or observed; of a gauge, of what it was at each look."""
    last: float | None = None
    """None of a counter."""
    lowest: float | None = None
    """Of all values, those between two looks included. None of a counter."""
    highest: float | None = None
    """Likewise."""
    minutes: int = 0
    """Of a gauge: a bit for each minute of the hour in which it was looked at (bit 0: the first)."""
    buckets: Durations = ()
    """Of a histogram or timer: the observed values."""
