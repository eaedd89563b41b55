"""What `[reports] timezone` may name: UTC, which needs no time zone database, or any zone that one knows."""

from __future__ import annotations

import difflib
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from botmon_cog.errors import ConfigError


def find_zone(name: str, *, source: str = "the configuration", key: str = "reports.timezone") -> tzinfo:
    """The zone of that IANA name. `str` of what comes back is the name again.

    Args:
        name: as it was given; upper and lower case matter, as they do to most databases.
        source: where it stands, for the message.
        key: likewise.

    Raises:
        ConfigError: there is no such zone, or no time zone database to look it up in.
    """
    if name == str(UTC):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # the latter two: what is no name, or another file
        raise ConfigError(source, key, _problem(name)) from error


def _problem(name: str) -> str:
    known = sorted(available_timezones())
    if not known:
        return f"{name!r} can't be looked up: no time zone database is installed. Allowed: 'UTC', or pip install tzdata"
    return f"{name!r} can't be used. Allowed: the name of a time zone such as 'Europe/Berlin'{_hint(name, known)}"


def _hint(name: str, known: list[str]) -> str:
    """The nearest name, or the one whose city is nearest: who writes `Munich/Berlin` or `berlin` is not far off."""
    cities = {zone.rpartition("/")[2].lower(): zone for zone in known}
    candidates = cities | {zone.lower(): zone for zone in known}
    near = difflib.get_close_matches(name.strip().replace(" ", "_").lower(), list(candidates), n=1)
    return f" (did you mean {candidates[near[0]]!r}?)" if near else ""
