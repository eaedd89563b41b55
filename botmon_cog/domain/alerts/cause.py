"""What is behind trouble with commands, as it was known when the owners were told of it."""

from __future__ import annotations

from datetime import datetime

import msgspec


class CommonError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The error group that most of a command's failures belong to."""

    error_id: str
    """As people type it: `7kq2m9xa`."""
    ended: str
    """How they ended, in words: `the command raised an exception`."""
    error_type: str | None = None
    """None if nothing was raised."""
    message: str | None = None
    file: str | None = None
    line: int | None = None
    function: str | None = None
    n: int
    """Within the last hour, as the next two."""
    people: int
    servers: int
    others: int = 0
    """Failures of the same command that belong to other groups."""
    is_new: bool = False
    """Whether it had never come before this trouble."""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed before the trouble, and how it was until then."""

    restarted_at: datetime | None = None
    """None if the process did not begin within the hour before."""
    version: str | None = None
    """The host's, if it was deployed within the hour before; else None, as if nobody knows it."""
    version_before: str | None = None
    faults_before: int = 0
    """Of the calls of the week before, or the latest of them."""
    calls_before: int = 0


class Times(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the time of a slow command goes: 95th percentiles of its latest calls, in seconds."""

    response_s: float
    """Until the first response."""
    duration_s: float
    """In all."""


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known; each is None where that could not be found out."""

    command: str | None = None
    """None: it is about all of them."""
    error: CommonError | None = None
    change: Change | None = None
    times: Times | None = None
