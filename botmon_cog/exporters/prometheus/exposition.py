"""Families as text, by prometheus_client. Only imported where that is installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from botmon_cog.domain.exposed import Distribution, Family, FamilyKind
from botmon_cog.exporters.buckets import cumulative


def registry_of(families: Sequence[Family]) -> CollectorRegistry:
    """A registry of these families alone: nothing is registered where a host or another bot would find it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return registry


def render(families: Sequence[Family], accept: str) -> tuple[bytes, str]:
    """The text, and its content type: what the `Accept` header of whoever asks likes best."""
    encode, content_type = choose_encoder(accept)
    return encode(registry_of(families)), content_type


class _Families(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return map(_metric, self._families)


def _metric(family: Family) -> Metric:
    match family.kind:
        case FamilyKind.HISTOGRAM:
            metric = HistogramMetricFamily(family.name, family.what, labels=family.label_names, unit=family.unit)
            for labels, value in family.series:
                assert isinstance(value, Distribution)
                metric.add_metric(labels, [*_buckets(value, family.unit)], value.total)
        case FamilyKind.COUNTER:
            metric = CounterMetricFamily(family.name, family.what, labels=family.label_names, unit=family.unit)
            _add(metric, family)
        case FamilyKind.GAUGE:
            metric = GaugeMetricFamily(family.name, family.what, labels=family.label_names, unit=family.unit)
            _add(metric, family)
    return metric


def _add(metric: CounterMetricFamily | GaugeMetricFamily, family: Family) -> None:
    for labels, value in family.series:
        assert not isinstance(value, Distribution)
        metric.add_metric(labels, float(value))


def _buckets(distribution: Distribution, unit: str) -> Iterable[tuple[str, float]]:
    for bound, n in cumulative(distribution, unit):
        yield str(bound), n
    yield "+Inf", distribution.n
