"""Families as OpenTelemetry's metrics. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Buckets as ExponentialBuckets
from opentelemetry.sdk.resources import Resource

from botmon_cog.domain.exposed import Distribution, Family, FamilyKind, Series
from botmon_cog.domain.histogram import LOWEST, value_of
from botmon_cog.exporters.buckets import cumulative
from botmon_cog.exporters.otlp.resource import scope

_UCUM = {"seconds": "s", "bytes": "By"}
SCALE = 5
"""Of exponential histograms: buckets of 2.2 %, half as wide as ours."""
_SCALED = 2**SCALE
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = datetime.resolution
_UNKNOWN = 0
"""When counting began, in nanoseconds."""
_CUMULATIVE = AggregationTemporality.CUMULATIVE


def metrics_data(families: Iterable[Family], resource: Resource, at: datetime, *, is_exponential: bool) -> MetricsData:
    """All families as of `at`: cumulative, and without minimum and maximum, which nobody keeps.

    Since when is left open: most counters go on over restarts, and began when the bot was first watched.

    Explicit buckets are those that Prometheus gets. Exponential ones are finer than ours and have other bounds, so
    each of ours goes where its middle is.
    """
    metrics = [metric for family in families if (metric := _metric(family, nanoseconds(at), is_exponential))]
    scoped = ScopeMetrics(scope=scope(), metrics=metrics, schema_url="")
    return MetricsData([ResourceMetrics(resource=resource, scope_metrics=[scoped], schema_url=resource.schema_url)])


def nanoseconds(when: datetime) -> int:
    return (when - _EPOCH) // _MICROSECOND * 1_000


def named(family: Family) -> tuple[str, str]:
    """The metric's name and its unit by UCUM.

    A unit is no part of a name in OpenTelemetry. What makes Prometheus's metrics of OTLP adds it again, and `_total`,
    so that both ways lead to the same names. A unit that UCUM does not know stays in the name, and stands in braces.
    """
    name, unit = family.name.replace("_", ".", 1), family.unit
    if unit == "ratio" and family.kind is FamilyKind.GAUGE:
        return name.removesuffix("_ratio"), "1"
    if unit in _UCUM:
        return name.removesuffix(f"_{unit}"), _UCUM[unit]
    return name, f"{{{unit}}}" if unit else ""


def _metric(family: Family, at: int, is_exponential: bool) -> Metric | None:
    """None without a series."""
    name, unit = named(family)
    if family.kind is FamilyKind.HISTOGRAM:
        data = _exponential(family, at) if is_exponential else _explicit(family, at)
    else:
        points = [
            NumberDataPoint(_attributes(family, series), _UNKNOWN, at, series.value)
            for series in family.series
            if not isinstance(series.value, Distribution) and math.isfinite(series.value)
        ]
        data = Sum(points, _CUMULATIVE, is_monotonic=True) if family.kind is FamilyKind.COUNTER else Gauge(points)
    return Metric(name=name, description=family.what, unit=unit, data=data) if data.data_points else None


def _attributes(family: Family, series: Series) -> dict[str, str]:
    return dict(zip(family.label_names, series.labels, strict=True))


def _distributions(family: Family) -> list[tuple[dict[str, str], Distribution]]:
    return [
        (_attributes(family, series), series.value)
        for series in family.series
        if isinstance(series.value, Distribution)
    ]


# -- explicit buckets --------------------------------------------------------------------------------------------------


def _explicit(family: Family, at: int) -> Histogram:
    points: list[HistogramDataPoint] = []
    for attributes, found in _distributions(family):
        bounds, below = zip(*cumulative(found, family.unit), strict=True)
        counts = [n - before for before, n in pairwise([0, *below, found.n])]
        points.append(HistogramDataPoint(attributes, _UNKNOWN, at, found.n, found.total, counts, bounds, *_NO_EXTREMES))
    return Histogram(points, _CUMULATIVE)


_NO_EXTREMES: tuple[float, float] = (None, None)  # pyright: ignore[reportAssignmentType] (optional in the protocol)
"""Minimum and maximum."""


# -- exponential buckets -----------------------------------------------------------------------------------------------


def _exponential(family: Family, at: int) -> ExponentialHistogram:
    points = [
        ExponentialHistogramDataPoint(
            attributes=attributes,
            start_time_unix_nano=_UNKNOWN,
            time_unix_nano=at,
            count=found.n,
            sum=found.total,
            scale=SCALE,
            zero_count=found.buckets.get(LOWEST, 0),
            positive=_scaled(found.buckets),
            negative=ExponentialBuckets(0, []),
            flags=0,
            min=_NO_EXTREMES[0],
            max=_NO_EXTREMES[1],
        )
        for attributes, found in _distributions(family)
    ]
    return ExponentialHistogram(points, _CUMULATIVE)


def _scaled(buckets: Mapping[int, int]) -> ExponentialBuckets:
    """Without the lowest one, where zero is."""
    counts: dict[int, int] = {}
    for bucket, n in buckets.items():
        if bucket > LOWEST:
            index = math.ceil(math.log2(value_of(bucket)) * _SCALED) - 1
            counts[index] = counts.get(index, 0) + n
    if not counts:
        return ExponentialBuckets(0, [])
    first, last = min(counts), max(counts)
    return ExponentialBuckets(first, [counts.get(index, 0) for index in range(first, last + 1)])
