"""Which reports are due. Pure: settings, the time and what was posted go in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo

from botmon_cog.config.tables import Weekday
from botmon_cog.domain.periods import month_before, week_before
from botmon_cog.domain.reports import Period
from botmon_cog.domain.schedule import last_monthly, last_weekly
from botmon_cog.domain.settings import BOT, Settings
from botmon_cog.monitors.settings import SettingsBook
from botmon_cog.store.posts import Post, PostKey, PostKind

MADE_UP_FOR = timedelta(hours=24)
"""What was due longer ago, while no process ran, is left out."""


class Planner:
    """Plans one look. Of servers with the same schedule, when that was due is computed once."""

    def __init__(self, book: SettingsBook, settings: Mapping[int, Settings], now: datetime) -> None:
        self._book = book
        self._settings = settings
        self._own = settings.get(BOT, Settings())
        self._now = now
        self._known: dict[tuple[str, Weekday, int], datetime] = {}

    def zone(self, scope: int) -> tzinfo:
        """In which the report of that scope is made."""
        return self._book.zone_of(self._settings.get(scope, Settings()), self._own)

    def period(self, key: PostKey) -> Period:
        """What a report is about: whole days up to the last midnight before it is due."""
        before = month_before if key.kind == "own_monthly" else week_before
        return before(key.due_at, self.zone(key.scope))

    def last(self) -> Iterator[PostKey]:
        """When each report was due last; whether that is too long ago, `is_recent` tells."""
        own = self._own
        if own.weekly_summary:
            yield PostKey(self._last_weekly(BOT, own), "own_weekly", BOT)
        if own.monthly_summary:
            _, hour = self._book.day_and_hour(own)
            yield PostKey(last_monthly(hour, self.zone(BOT), self._now), "own_monthly", BOT)
        for scope, settings in self._settings.items():
            if scope != BOT and settings.report_channel_id is not None:
                yield PostKey(self._last_weekly(scope, settings), "weekly", scope)

    def _last_weekly(self, scope: int, settings: Settings) -> datetime:
        zone, (weekday, hour) = self.zone(scope), self._book.day_and_hour(settings)
        schedule = (str(zone), weekday, hour)
        if schedule not in self._known:
            self._known[schedule] = last_weekly(weekday, hour, zone, self._now)
        return self._known[schedule]

    def is_recent(self, key: PostKey) -> bool:
        """Whether it was due within the last 24 hours, and since it was set up."""
        since = self._settings.get(key.scope, Settings()).report_since
        return self._now - key.due_at < MADE_UP_FOR and (since is None or key.due_at > since)


def to_try(due: list[PostKey], known: Mapping[PostKey, Post], now: datetime) -> list[PostKey]:
    """Those that nobody has posted or posts now. After a change of the hour a day has no second report."""
    sent: dict[tuple[PostKind, int], list[datetime]] = {}
    for post in known.values():
        if post.state == "sent":
            sent.setdefault((post.key.kind, post.key.scope), []).append(post.key.due_at)
    return [
        key
        for key in due
        if (key not in known or known[key].may_be_claimed(now))
        and not any(abs(key.due_at - at) < MADE_UP_FOR for at in sent.get((key.kind, key.scope), ()))
    ]
