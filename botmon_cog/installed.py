"""Which version of this package is installed."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTION = "botmon-cog"


def installed_version() -> str | None:
    """None where it was not installed, but lies in the host's folder."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
