"""When owners are told: a verdict must last before it counts, and only changes are news."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from botmon_cog.domain.health import HEALTHY, UNHEALTHY


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """News for the owners."""

    kind: Literal["alert", "recovery"]
    since: datetime
    """When the bot became unhealthy."""
    reason: str | None
    """Why it was, or is, unhealthy."""


class HealthWatch:
    """Turns a series of verdicts into news: unhealthy once it lasts, and over once that lasts.

    Attributes:
        alerting: the news that was told and is not over, None while there is none.
    """

    def __init__(self, checks_to_change: int, alerting: Change | None = None) -> None:
        self._needed = checks_to_change
        self._in_a_row = 0
        self._first_at: datetime | None = None
        self.alerting = alerting

    def step(self, status: str, reason: str | None, now: datetime) -> Change | None:
        """Take one verdict; returns what is to be told because of it."""
        is_news = (status == UNHEALTHY) != (self.alerting is not None)
        if not is_news or status not in {HEALTHY, UNHEALTHY, "degraded"}:
            self._in_a_row = 0
            return None
        if not self._in_a_row:
            self._first_at = now
        self._in_a_row += 1
        if self._in_a_row < self._needed:
            return None
        self._in_a_row = 0
        if self.alerting is None:
            self.alerting = Change(kind="alert", since=self._first_at or now, reason=reason)
            return self.alerting
        over = Change(kind="recovery", since=self.alerting.since, reason=self.alerting.reason)
        self.alerting = None
        return over
