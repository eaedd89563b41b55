"""Failures by their cause, as error groups."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from botmon_cog.domain.models import ErrorSource
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.report import Report

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: without letters that look like others."""
_ID_DIGITS = 8


def error_id(fingerprint: int) -> str:
    """A fingerprint as people read and type it: `7kq2m9xa`."""
    digits = [_DIGITS[fingerprint >> 5 * place & 31] for place in reversed(range(_ID_DIGITS))]
    return "".join(digits)


def fingerprint_of(error_id: str) -> int | None:
    """The fingerprint that somebody typed; None for what is no id."""
    typed = error_id.strip().lower().replace("o", "0").replace("i", "1").replace("l", "1")
    if len(typed) != _ID_DIGITS or not set(typed) <= set(_DIGITS):
        return None
    found = 0
    for digit in typed:
        found = found << 5 | _DIGITS.index(digit)
    return found


class ErrorState(StrEnum):
    """How a group stands, the most urgent first."""

    RETURNED = "returned"
    """It was resolved, and came again."""
    NEW = "new"
    """First seen within the last 24 hours, or since the last deploy of the last 7 days."""
    OPEN = "open"
    MUTED = "muted"
    RESOLVED = "resolved"


class ErrorCounts(Report, frozen=True, kw_only=True):
    """One error group, and how often it failed within a period."""

    fingerprint: int
    id: str
    """As people type it."""
    state: ErrorState
    source: ErrorSource
    what: str
    """What failed: `lyrics`, `PlayerView.skip`, `Music.on_message`."""
    outcome: Outcome
    error_type: str | None
    error_message: str | None
    file: str | None
    line: int | None
    function: str | None
    n: int
    people: int
    """How many different ones it hit; 0 where nobody invoked it."""
    guilds: int
    """Likewise."""
    first_at: datetime
    """The first of all, not only of the period."""
    last_at: datetime
    first_version: str | None
    """The host's version in which it was first seen."""
    resolved_at: datetime | None
    muted_until: datetime | None


class ErrorRelative(Report, frozen=True, kw_only=True):
    """Another group that comes from the same line."""

    id: str
    source: ErrorSource
    what: str
    n: int


class ErrorDetails(Report, frozen=True, kw_only=True):
    """All that is known of one group."""

    counts: ErrorCounts
    traceback: str | None
    by_hour: tuple[tuple[datetime, int], ...]
    """The hours of the period (aware UTC) in which it failed, oldest first."""
    versions: tuple[tuple[str | None, int], ...]
    """How often it failed in each version of the host within the period, the newest first."""
    relatives: tuple[ErrorRelative, ...]


class RecentError(Report, frozen=True, kw_only=True):
    """One group, for whoever is to choose one."""

    id: str
    source: ErrorSource
    what: str
    outcome: Outcome
    error_type: str | None
    last_at: datetime


class Deploy(Report, frozen=True, kw_only=True):
    """Starts of one version of the host, one after the other, of all processes."""

    version: str | None
    started_at: datetime
    """The first of them."""
    starts: int
    python_version: str | None
    discord_version: str | None
    botmon_version: str | None


class Refusal(Report, frozen=True, kw_only=True):
    """A command that Discord refused in one server."""

    command: str
    lacks: str | None
    """The permissions that are missing there, `Manage Messages`; None where that is not known."""
    error_message: str | None
    n: int
    last_at: datetime
