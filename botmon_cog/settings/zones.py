"""Time zones as people look for them: by a city, by what the clock shows there, or by their name."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

import msgspec

from botmon_cog.errors import ConfigError
from botmon_cog.timezones import find_zone

MOST = 25
"""What Discord takes of suggestions and of options in a menu."""
COMMON = (
    *("UTC", "America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York", "America/Sao_Paulo"),
    *("Europe/London", "Europe/Paris", "Europe/Berlin", "Europe/Warsaw", "Europe/Athens", "Europe/Istanbul"),
    *("Europe/Moscow", "Africa/Lagos", "Africa/Johannesburg", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata"),
    *("Asia/Bangkok", "Asia/Shanghai", "Asia/Manila", "Asia/Seoul", "Asia/Tokyo", "Australia/Sydney"),
    "Pacific/Auckland",
)
"""One for most people, from west to east."""
_LEFT_OUT = re.compile(r"(Etc|SystemV|posix|right|US|Canada|Brazil|Mexico|Chile)/|\A(?!UTC\Z)[^/]*\Z")
"""Names that stand for others, and offsets with their sign the wrong way round."""
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?")


class ZoneChoice(msgspec.Struct, frozen=True):
    """`label`: the city, and what its clocks show."""

    name: str
    label: str


def choice(name: str, now: datetime) -> ZoneChoice:
    """Raises ConfigError where there is no such zone."""
    local = now.astimezone(find_zone(name))
    return ZoneChoice(name, f"{city(name)} · {local:%a %H:%M}")


def city(name: str) -> str:
    """`New York` for America/New_York."""
    return name.rpartition("/")[2].replace("_", " ")


@cache
def known() -> tuple[str, ...]:
    """The zones that are offered, the common ones first. Reads the time zone database, once."""
    others = (name for name in available_timezones() if name not in COMMON and not _LEFT_OUT.match(name))
    there = available_timezones() | {"UTC"}
    return (*(name for name in COMMON if name in there), *sorted(others))


def matching(typed: str, now: datetime) -> list[ZoneChoice]:
    """At most 25 zones, the best first. Reads zones' files where they are searched by their clock."""
    typed = typed.strip().lower()
    clock = _CLOCK.fullmatch(typed)
    names = _by_clock(int(clock[1]), clock[2], now) if clock else _by_name(typed.replace(" ", "_"))
    return [choice(name, now) for name in names[:MOST]]


def find(typed: str, now: datetime) -> str | None:
    """The zone that somebody typed without choosing one; None: there is none, or more than one."""
    try:
        return str(find_zone(typed.strip()))
    except ConfigError:
        pass  # no name of a zone; perhaps a city
    found = [] if _CLOCK.fullmatch(typed.strip()) else matching(typed, now)
    exact = [one.name for one in found if city(one.name).lower() == typed.strip().lower()]
    names = exact or [one.name for one in found]
    return names[0] if len(names) == 1 else None


def _by_name(typed: str) -> list[str]:
    fits = [name for name in known() if typed in name.lower()]
    if not typed:
        return fits
    return sorted(fits, key=lambda name: not name.lower().rpartition("/")[2].startswith(typed))


def _by_clock(hour: int, minute: str | None, now: datetime) -> list[str]:
    """Those where it is that hour now; with minutes, those whose clocks show that within five of them."""
    found: list[str] = []
    for name in known():
        local = now.astimezone(find_zone(name))
        if local.hour == hour and (minute is None or abs(local.minute - int(minute)) <= 5):  # noqa: PLR2004
            found.append(name)
    return found
