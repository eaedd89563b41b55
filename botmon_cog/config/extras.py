"""What is configured and can't work without one of the optional dependencies."""

from __future__ import annotations

from importlib.util import find_spec

from botmon_cog.config.tables import Config
from botmon_cog.errors import MissingExtraError


def missing_extras(config: Config) -> tuple[str, ...]:
    """In words, with what to install. The store misses its driver by itself, when it is opened."""
    if config.alerts.notify and find_spec("apprise") is None:
        return (str(MissingExtraError("[alerts] notify", "notify")),)
    return ()
