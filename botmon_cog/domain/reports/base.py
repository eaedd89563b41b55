"""What all reports are made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from botmon_cog.timezones import find_zone


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A struct that also subscripts."""

    def __getitem__(self, key: str) -> Any:
        if key not in self.__struct_fields__:
            raise KeyError(key)
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.__struct_fields__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__struct_fields__)

    def keys(self) -> tuple[str, ...]:
        return self.__struct_fields__

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self, key) if key in self.__struct_fields__ else default


class Period(Report, frozen=True, kw_only=True):
    """A run of hours, from `start` up to, but not including, `end`. Both are aware UTC.

    They are whole hours of the zone: where its offset is +05:30, both lie at half past in UTC. Only where clocks change
    by half an hour, as those of Australia/Lord_Howe do, a period over that change holds half an hour more or less.
    """

    name: str
    """`today`, `weekly`, `monthly`, or `7 days`."""
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
