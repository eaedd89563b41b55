"""What is configured and can't work without one of the optional dependencies."""

from __future__ import annotations

from importlib.util import find_spec

from botmon_cog.config.tables import Config
from botmon_cog.errors import MissingExtraError


def missing_extras(config: Config) -> tuple[str, ...]:
    """In words, with what to install. The store misses its driver by itself, when it is opened."""
    wanted = (
        (bool(config.alerts.notify), "[alerts] notify", "notify", "apprise"),
        (config.http.metrics, "[http] metrics", "prometheus", "prometheus_client"),
        (bool(config.pushgateway.url), "[pushgateway] url", "prometheus", "prometheus_client"),
    )
    return tuple(
        str(MissingExtraError(feature, extra))
        for is_wanted, feature, extra, module in wanted
        if is_wanted and find_spec(module) is None
    )


def is_exported(config: Config) -> bool:
    """Whether metrics are asked for, and can be had."""
    return bool(config.http.metrics or config.pushgateway.url) and find_spec("prometheus_client") is not None
