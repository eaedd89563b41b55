"""What all reports are made of."""

from __future__ import annotations

from datetime import datetime, tzinfo

from botmon_cog.domain.report import Report
from botmon_cog.timezones import find_zone


class Period(Report, frozen=True, kw_only=True):
    """A run of hours, from `start` up to, but not including, `end`. Both are aware UTC.

    They are whole hours of the zone: where its offset is +05:30, both lie at half past in UTC. Only where clocks change
    by half an hour, as those of Australia/Lord_Howe do, a period over that change holds half an hour more or less.
    """

    name: str
    """`today`, `weekly`, `monthly`, `week`, `month`, or `7 days`."""
    start: datetime
    end: datetime
    timezone: str = "UTC"
    """The zone whose days and hours it is made of, and in which they are shown: its IANA name."""

    @property
    def zone(self) -> tzinfo:
        return find_zone(self.timezone)

    def local(self, moment: datetime) -> datetime:
        """A moment by the calendar and clock of the period's zone."""
        return moment.astimezone(self.zone)
