"""What every engine can do: verbs over domain values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, TypeVar

import msgspec

from botmon_cog.domain.alerts import Alert, AlertBook, AlertMessage, Mute
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import Event
from botmon_cog.domain.reports import CommandCounts, HealthMoment, HistoryEntry, HourCount, MusicTotals, Period
from botmon_cog.domain.uptime import GatewayLoss, Run
from botmon_cog.errors import StorageError

T = TypeVar("T")


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

    async def health_changes(self, since: datetime) -> list[HealthMoment]:
        """Of those the ones that found another status or reason than the check before, oldest first."""
        ...

    async def last_trouble(self) -> datetime | None:
        """When a health check of this instance last found it not healthy."""
        ...

    async def alerts(self, now: datetime) -> AlertBook:
        """The alerts of this instance and the shared ones, with the mutes in force."""
        ...

    async def keep_alerts(
        self, changed: Sequence[Alert], gone: Sequence[Alert], messages: Sequence[AlertMessage]
    ) -> bool:
        """Store alerts, forget others, and put messages beside them, all in one transaction.

        False: nothing was stored, for another process has changed one of these alerts since it was read. `version` of
        each is the one that was read; it is stored as one more.
        """
        ...

    async def due_messages(self, audience: str, claims_from: datetime) -> list[AlertMessage]:
        """What waits to be sent by whichever process of one bot, oldest first: not claimed, or claimed before
        `claims_from` and never finished.
        """
        ...

    async def claim_message(
        self, message_id: str, by: str, now: datetime, claims_from: datetime
    ) -> AlertMessage | None:
        """Claim a due message by one atomic UPDATE; None where another process was quicker.

        Where a claim before this one ended without a result, `is_repeat` says so.
        """
        ...

    async def finish_message(
        self, message_id: str, by: str, state: Literal["due", "sent", "failed"], result: str, now: datetime
    ) -> None:
        """Note what became of a claimed message. `due` lets it be claimed again, without being a repeat."""
        ...

    async def alert_history(self, since: datetime, limit: int) -> list[AlertMessage]:
        """What was told or was to be, of all instances, newest first."""
        ...

    async def put_mute(self, mute: Mute) -> None:
        """Mute a key, in place of a mute that it has."""
        ...

    async def end_mute(self, scope: str, key: str) -> bool:
        """Whether there was one."""
        ...

    async def put_run(self, run: Run) -> None:
        """Store a run of this instance, in place of the one with the same start."""
        ...

    async def runs(self, since: datetime) -> list[Run]:
        """Those of this instance, oldest first: those still seen at `since` or later, and the one before them."""
        ...

    async def put_gateway_loss(self, loss: GatewayLoss) -> None: ...

    async def gateway_losses(self, since: datetime) -> list[GatewayLoss]:
        """Those of this instance that ended at `since` or later, oldest first."""
        ...

    async def ping(self) -> int:
        """Write-lock the database for a moment, without writing; returns its size in bytes."""
        ...


async def answered(asked: Awaitable[T], timeout_s: float) -> T:
    """What a verb returns; `StorageError` also where the database says nothing for so long."""
    try:
        async with asyncio.timeout(timeout_s):
            return await asked
    except TimeoutError as error:
        raise StorageError(f"no answer within {timeout_s:g} s") from error
