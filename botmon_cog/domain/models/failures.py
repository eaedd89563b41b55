"""What failed: in the background, and the groups of failures of one cause."""

from __future__ import annotations

from datetime import datetime

import msgspec

from botmon_cog.domain.models.fields import Label
from botmon_cog.domain.models.kinds import BackgroundKind, ErrorSource
from botmon_cog.domain.outcome import Outcome


class BackgroundFailures(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """How often one thing raised that runs without being invoked, within a minute."""

    kind: BackgroundKind
    place: Label
    """What raised: `Music.on_message`, `Music.refresh`, a task's coroutine."""
    started_at: datetime
    """The minute."""
    n: int = 1
    error_type: Label | None = None
    """Of the last."""
    error_message: str | None = None
    """Likewise, without tokens and URLs."""
    fingerprint: int | None = None
    """Of the error group that all of them belong to."""


class ErrorGroup(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What all failures of one cause have in common. Stored once, with the first of them.

    Its failures are the invocations and the `BackgroundFailures` with its fingerprint.
    """

    fingerprint: int
    """Positive, 40 bits: of the exception's type, the line it came from, and what failed."""
    first_at: datetime
    source: ErrorSource
    what: str
    """What failed: a command's or component's name, the place of a listener, a loop or a task."""
    outcome: Outcome
    error_type: str | None = None
    """The exception's class name. None where there was none: it was answered too late, or never, or the bot died."""
    error_message: str | None = None
    """Of the first, without what people typed, and without secrets."""
    file: str | None = None
    """Where it was raised, of the host's own files the innermost: `cogs/lyrics.py`."""
    line: int | None = None
    function: str | None = None
    """`Lyrics.fetch`."""
    traceback: str | None = None
    """Of the first: the host's lines whole, those of libraries in short, and no values."""
    version: str | None = None
    """The host's version in which it was first seen."""


class ErrorMark(msgspec.Struct, frozen=True, kw_only=True):
    """What the owners said of an error group."""

    fingerprint: int
    resolved_at: datetime | None = None
    """What comes later has returned."""
    muted_until: datetime | None = None
    """Until then it counts in no verdict, and so raises no alert."""
    by: str = ""
    """The id of the owner who said it last."""
