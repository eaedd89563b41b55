"""What is told of the process itself."""

from __future__ import annotations

from typing import NamedTuple


class About(NamedTuple):
    """Who exports.

    Attributes:
        service_name: the bot's; all its processes have the same.
        instance: this process's own, as `instance` in the configuration.
        version: the host's; None if unknown.
    """

    service_name: str
    instance: str
    version: str | None = None
