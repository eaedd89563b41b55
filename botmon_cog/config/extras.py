"""What is configured and can't work without one of the optional dependencies."""

from __future__ import annotations

from importlib.util import find_spec

from botmon_cog.config.tables import Config
from botmon_cog.errors import MissingExtraError


def missing_extras(config: Config) -> tuple[str, ...]:
    """In words, with what to install. The store misses its driver by itself, when it is opened."""
    wanted = (
        (bool(config.alerts.notify), "[alerts] notify", "notify", ("apprise",)),
        (config.otel.metrics or config.otel.spans, "[otel]", "otel", OTEL),
    )
    return tuple(
        str(MissingExtraError(feature, extra))
        for is_wanted, feature, extra, modules in wanted
        if is_wanted and not has(*modules)
    )


OTEL = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.common")
"""What the extra `otel` brings."""


def has(*modules: str) -> bool:
    """Whether all of them can be imported. Those of a dotted name that are above it are imported for that."""
    try:
        return all(find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:
        return False
