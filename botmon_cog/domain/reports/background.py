"""What happened besides commands."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.domain.models import BackgroundKind, MembershipChange
from botmon_cog.domain.report import Report


class BackgroundFailure(Report, frozen=True, kw_only=True):
    """How often one listener, loop or task raised."""

    kind: BackgroundKind
    place: str
    """What raised: `Music.on_message`, `Music.refresh`, a task's coroutine."""
    n: int
    first_at: datetime
    """To the minute, as `last_at`."""
    last_at: datetime
    error_type: str | None
    """Of the last."""
    error_message: str | None
    """Likewise."""


class MembershipEntry(Report, frozen=True, kw_only=True):
    """The bot joined a server, or left it."""

    change: MembershipChange
    occurred_at: datetime
    guild_id: str
    guild_name: str | None
    """The last that is known."""
    member_count: int | None
    locale: str | None
