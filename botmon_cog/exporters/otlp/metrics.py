"""Families as OpenTelemetry's metrics. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

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
from botmon_cog.domain.histogram import GAMMA, LOG_GAMMA, LOWEST, value_of
from botmon_cog.exporters.otlp.resource import scope

_UCUM = {"seconds": "s", "bytes": "By"}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_OTHERS = tuple(digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5))
SCALE = 5
"""Of exponential histograms: buckets of 2.2 %, half as wide as ours."""
_SCALED = 2**SCALE
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = datetime.resolution
_CUMULATIVE = AggregationTemporality.CUMULATIVE


def metrics_data(
    families: Iterable[Family], resource: Resource, at: datetime, since: datetime | None, *, is_exponential: bool
) -> MetricsData:
    """All families as of `at`, counted since `since`: cumulative, and without minimum and maximum, which nobody keeps.

    Explicit buckets hold exactly what ours hold: their bounds are bounds of ours. Exponential ones are finer and
    have other bounds, so each of our buckets goes where its middle is.
    """
    metrics = [
        metric for family in families if (metric := _metric(family, nanoseconds(at), _start(since), is_exponential))
    ]
    scoped = ScopeMetrics(scope=scope(), metrics=metrics, schema_url="")
    return MetricsData([ResourceMetrics(resource=resource, scope_metrics=[scoped], schema_url=resource.schema_url)])


def nanoseconds(when: datetime) -> int:
    return (when - _EPOCH) // _MICROSECOND * 1_000


def _start(since: datetime | None) -> int:
    """0 says that it is not known."""
    return 0 if since is None else nanoseconds(since)


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


def _metric(family: Family, at: int, start: int, is_exponential: bool) -> Metric | None:
    """None without a series."""
    name, unit = named(family)
    if family.kind is FamilyKind.HISTOGRAM:
        data = _exponential(family, at, start) if is_exponential else _explicit(family, at, start)
    else:
        points = [
            NumberDataPoint(_attributes(family, series), start, at, series.value)
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


def _edges(wanted: Sequence[float]) -> tuple[int, ...]:
    """The buckets of ours that end nearest to these values."""
    return tuple(round(math.log(value) / LOG_GAMMA) for value in wanted)


_SECONDS_EDGES, _OTHERS_EDGES = _edges(_SECONDS), _edges(_OTHERS)


def _explicit(family: Family, at: int, start: int) -> Histogram:
    edges = _SECONDS_EDGES if family.unit == "seconds" else _OTHERS_EDGES
    bounds = [GAMMA**edge for edge in edges]
    points: list[HistogramDataPoint] = []
    for attributes, found in _distributions(family):
        counts = [0] * (len(edges) + 1)
        for bucket, n in found.buckets.items():
            counts[bisect_left(edges, bucket)] += n
        points.append(HistogramDataPoint(attributes, start, at, found.n, found.total, counts, bounds, *_NO_EXTREMES))
    return Histogram(points, _CUMULATIVE)


_NO_EXTREMES: tuple[float, float] = (None, None)  # pyright: ignore[reportAssignmentType] (optional in the protocol)
"""Minimum and maximum."""


# -- exponential buckets -----------------------------------------------------------------------------------------------


def _exponential(family: Family, at: int, start: int) -> ExponentialHistogram:
    points = [
        ExponentialHistogramDataPoint(
            attributes=attributes,
            start_time_unix_nano=start,
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
