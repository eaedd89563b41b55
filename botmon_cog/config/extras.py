"""What is configured and can't work without one of the optional dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from botmon_cog.config.tables import Config
from botmon_cog.errors import MissingExtraError

_PROMETHEUS = ("prometheus_client",)
_OTEL = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.common")


def missing_extras(config: Config) -> tuple[str, ...]:
    """In words, with what to install. The store misses its driver by itself, when it is opened."""
    wanted = (
        (bool(config.alerts.notify), "[alerts] notify", "notify", ("apprise",)),
        (config.http.metrics, "[http] metrics", "prometheus", _PROMETHEUS),
        (bool(config.pushgateway.url), "[pushgateway] url", "prometheus", _PROMETHEUS),
        (config.otel.metrics or config.otel.spans, "[otel]", "otel", _OTEL),
    )
    return tuple(
        str(MissingExtraError(feature, extra))
        for is_wanted, feature, extra, modules in wanted
        if is_wanted and not _has(modules)
    )


def is_for_prometheus(config: Config) -> bool:
    """Whether metrics are served or pushed for Prometheus, and can be."""
    return bool(config.http.metrics or config.pushgateway.url) and _has(_PROMETHEUS)


def is_for_otlp(config: Config) -> bool:
    """Whether metrics or spans are sent over OTLP, and can be."""
    return (config.otel.metrics or config.otel.spans) and _has(_OTEL)


def is_exported(config: Config) -> bool:
    """Whether metrics are asked for, and can be had."""
    return is_for_prometheus(config) or (config.otel.metrics and is_for_otlp(config))


def _has(modules: Sequence[str]) -> bool:
    """Whether all of them can be imported. What is above one with a dotted name is imported for that."""
    try:
        return all(find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:
        return False
