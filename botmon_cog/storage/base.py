"""What every engine can do: verbs over domain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import Event
from botmon_cog.domain.reports import CommandCounts, HealthMoment, HistoryEntry, HourCount, MusicTotals, Period
from botmon_cog.errors import StorageError


class RejectedError(StorageError):
    """The database works, but these very rows can't be stored, however often one tries."""


class HistoryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of the audit log are asked for; None leaves a field open."""

    guild_id: str | None = None
    user_id: str | None = None
    command: str | None = None
    success: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    offset: int = 0


class AlertState(msgspec.Struct, frozen=True, kw_only=True):
    """What the owners were told last."""

    state: str
    since: datetime
    reason: str | None


class Storage(Protocol):
    """One database. Every verb opens it on first use and raises `StorageError` where it fails.

    `guild_id` None means all guilds.
    """

    @property
    def description(self) -> str:
        """Where the data is, for people; never a password."""
        ...

    @property
    def trouble(self) -> str | None:
        """What befell the database since the start and is over, for people; None where nothing did."""
        ...

    async def open(self) -> None:
        """Connect and upgrade the schema; does nothing where that was done."""
        ...

    async def close(self) -> None:
        """Let go of everything; does nothing where that was done. A verb called later opens the database again."""
        ...

    async def write(self, events: Sequence[Event]) -> None:
        """Store events and roll them up, in one transaction. An event id that is there already changes nothing.

        Raises:
            RejectedError: at least one of these events can never be stored; none of them was.
            StorageError: none of them was stored this time.
        """
        ...

    async def history(self, wanted: HistoryFilter) -> list[HistoryEntry]:
        """Newest first."""
        ...

    async def command_counts(self, guild_id: str | None, period: Period) -> list[CommandCounts]:
        """Most used first."""
        ...

    async def hour_counts(self, guild_id: str | None, period: Period) -> list[HourCount]: ...

    async def unique_users(self, guild_id: str | None, period: Period) -> int: ...

    async def music_totals(self, guild_id: str | None, period: Period) -> MusicTotals:
        """Of all days (UTC) that the period touches."""
        ...

    async def latencies(
        self, guild_id: str | None, period: Period, metric: str | None = None
    ) -> Mapping[tuple[str, str], Histogram]:
        """By (command or operation, metric), see `domain.rollup.METRICS`. One guild's are kept by day (UTC)."""
        ...

    async def latency_by_day(
        self, guild_id: str | None, period: Period, command: str, metric: str
    ) -> Mapping[str, Histogram]:
        """By ISO date (UTC)."""
        ...

    async def outcomes_by_minute(self, since: datetime, guild_id: str | None = None) -> list[tuple[int, int, int]]:
        """(minutes since 1970, commands, faults of the bot) of all processes, oldest first."""
        ...

    async def last_used(self, guild_id: str | None) -> Mapping[str, datetime]:
        """The hour in which each command was used last."""
        ...

    async def first_seen(self, guild_id: str | None) -> datetime | None: ...

    async def guild_name(self, guild_id: str) -> str | None: ...

    async def guilds(self, limit: int) -> list[tuple[str, int]]:
        """(guild id, commands ever), busiest first."""
        ...

    async def health_history(self, since: datetime) -> list[HealthMoment]:
        """What this process found, oldest first."""
        ...

    async def last_trouble(self) -> datetime | None:
        """When a health check of this instance last found it not healthy."""
        ...

    async def get_alert(self, key: str) -> AlertState | None: ...

    async def put_alert(self, key: str, alert: AlertState) -> None: ...

    async def ping(self) -> int:
        """Write-lock the database for a moment, without writing; returns its size in bytes."""
        ...
