"""What a guild did: commands, people, songs, skips, pauses; by day, week and month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

import msgspec

from botmon_cog.clock import Clock
from botmon_cog.domain.models import CountedCommand, MusicEvent, MusicEventType
from botmon_cog.domain.periods import before, day_period, report_period
from botmon_cog.domain.reports import (
    CommandCounts,
    HourCount,
    MusicTotals,
    Period,
    SongCounts,
    StatisticsReport,
    added_up,
)
from botmon_cog.domain.taken import taken_guild, taken_id, taken_moment, taken_song, taken_title
from botmon_cog.monitors.failures import Failures, absorbing
from botmon_cog.monitors.ids import Id, text_id
from botmon_cog.monitors.inventory import Inventory
from botmon_cog.monitors.observed import observed_invocation
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.store.reports import Reports

_UNUSED_AFTER = timedelta(days=30)
_LOOKED_BACK = timedelta(days=90)
"""A command that did not run for longer counts as one that never did."""


class _Half(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the two compared periods holds."""

    period: Period
    commands: tuple[CommandCounts, ...] = ()
    hours: tuple[HourCount, ...] = ()
    users: int = 0
    music: MusicTotals = MusicTotals()


class SeenMusic(NamedTuple):
    """What the extension saw by itself of that which a host tells of."""

    is_counted: bool = False
    """It counted it already."""
    playtime_s: float = 0.0
    """So much of its time, too."""
    title: str | None = None


def _not_seen(_kind: MusicEventType, _guild_id: Id) -> SeenMusic:
    return SeenMusic()


class Statistics:
    """Records what happened and reports it. None of its methods raises into the caller's command.

    Attributes:
        seen: called with each song, skip and pause that a host tells of, and the guild; the extension knows what it
            saw of it, and counts nothing of that kind there any more.
    """

    def __init__(
        self,
        recorder: Recorder,
        reports: Reports,
        inventory: Inventory,
        clock: Clock,
        failures: Failures,
        zone: tzinfo = UTC,
        *,
        keeps_titles: bool = False,
    ) -> None:
        """`zone`: whose days reports are made of. `keeps_titles`: those of songs."""
        self._recorder = recorder
        self._reports = reports
        self._inventory = inventory
        self._clock = clock
        self._zone = zone
        self._keeps_titles = keeps_titles
        self.failures = failures
        self.seen: Callable[[MusicEventType, Id], SeenMusic] = _not_seen

    def forget_seen(self) -> None:
        """Nobody sees any more what the host tells of."""
        self.seen = _not_seen

    @absorbing(lambda: False)
    async def song_played(
        self,
        guild_id: Id,
        duration: float | None = None,
        user_id: Id | None = None,
        title: str | None = None,
    ) -> bool:
        """Record that a song was played, for `duration` seconds. False if that failed.

        A song whose duration is None, NaN, negative, or over 24 h counts without any time. The title is kept only if
        `[privacy] song_titles` is on; None: as the extension saw it, if it did.
        """
        return self._record_music(MusicEventType.SONG_PLAYED, guild_id, user_id, taken_song(duration), title)

    @absorbing(lambda: False)
    async def song_skipped(self, guild_id: Id, user_id: Id | None = None) -> bool:
        """Record that a song was skipped. False if that failed."""
        return self._record_music(MusicEventType.SKIP, guild_id, user_id)

    @absorbing(lambda: False)
    async def song_paused(self, guild_id: Id, user_id: Id | None = None) -> bool:
        """Record that the player was paused. False if that failed."""
        return self._record_music(MusicEventType.PAUSE, guild_id, user_id)

    @absorbing(lambda: False)
    async def count_command(self, guild_id: Id, user_id: Id | None = None) -> bool:
        """Count a command and its user without a row in the log. False if that failed.

        One that the extension observes counts already: within it, and in tasks that it began, this changes nothing.
        """
        guild, user = taken_guild(guild_id), taken_id(user_id, "user_id")
        if observed_invocation(None) is None:
            now = taken_moment(self._clock.now())
            self._recorder.record(CountedCommand(occurred_at=now, guild_id=guild, user_id=user))
        return True

    async def daily(self, guild_id: Id | None = None, day: date | None = None) -> StatisticsReport:
        """One day of the configured time zone; None means today. The report is empty if the database can't be read."""
        if day is None:
            return await self._safe_report(guild_id, self.period("today"))
        return await self._safe_report(guild_id, day_period(date(day.year, day.month, day.day), self._zone))

    async def weekly(self, guild_id: Id | None = None) -> StatisticsReport:
        """The last 7 days, today included. The report is empty if the database can't be read."""
        return await self._safe_report(guild_id, self.period("weekly"))

    async def monthly(self, guild_id: Id | None = None) -> StatisticsReport:
        """The last 30 days, today included. The report is empty if the database can't be read."""
        return await self._safe_report(guild_id, self.period("monthly"))

    def period(self, name: str, zone: tzinfo | None = None) -> Period:
        """The last days of the named report as they are now. `zone` None: the configured time zone.

        Raises:
            ValueError: there is no report of that name.
        """
        return report_period(name, self._clock.now(), zone or self._zone)

    async def _safe_report(self, guild_id: Id | None, period: Period) -> StatisticsReport:
        """As `report`; an empty one if the database can't be read."""
        try:
            return await self.report(text_id(guild_id), period)
        except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's command)
            self.failures.note(f"making the {period.name} report", error)
            return _assemble(text_id(guild_id), period, _Half(period=period), _Half(period=before(period)))

    async def report(self, guild_id: str | None, period: Period) -> StatisticsReport:
        """What happened within a period, and in the one before.

        Raises:
            StorageError: the database can't be read.
        """
        await self._recorder.catch_up()
        first_seen = await self._reports.first_seen(guild_id)
        top_songs = await self._reports.top_songs(guild_id, period, self._clock.now()) if self._keeps_titles else ()
        return _assemble(
            guild_id,
            period,
            await self._half(guild_id, period),
            await self._half(guild_id, before(period)),
            guild_name=await self._reports.guild_name(guild_id) if guild_id is not None else None,
            unused=await self._unused(guild_id, first_seen),
            first_seen=first_seen,
            top_songs=tuple(top_songs),
        )

    async def _unused(self, guild_id: str | None, first_seen: datetime | None) -> tuple[str, ...]:
        """Of the commands that exist now those that did not run lately, here; of one that never ran, if it could."""
        existing = await self._inventory.commands(guild_id)
        if not existing or first_seen is None:
            return ()
        now = self._clock.now()
        stale = now - _UNUSED_AFTER
        last_used = await self._reports.last_used(guild_id, now - _LOOKED_BACK)
        return tuple(
            sorted(
                name for name, known_at in existing.items() if last_used.get(name, max(known_at, first_seen)) < stale
            )
        )

    async def _half(self, guild_id: str | None, period: Period) -> _Half:
        counted = await self._reports.counted(guild_id, period)
        return _Half(
            period=period,
            commands=tuple(counted.command_counts()),
            hours=tuple(counted.hour_counts()),
            users=await self._reports.unique_users(guild_id, period),
            music=await self._reports.music_totals(guild_id, period, self._clock.now()),
        )

    def _record_music(
        self,
        kind: MusicEventType,
        guild_id: Id,
        user_id: Id | None,
        duration_s: float = 0.0,
        title: str | None = None,
    ) -> bool:
        guild, user = taken_guild(guild_id), taken_id(user_id, "user_id")
        seen = self.seen(kind, guild)
        if seen.is_counted and kind is not MusicEventType.SONG_PLAYED:
            return True
        event = MusicEvent(
            type=MusicEventType.PLAYTIME if seen.is_counted else kind,
            occurred_at=taken_moment(self._clock.now()),
            guild_id=guild,
            user_id=user,
            duration_s=max(duration_s - seen.playtime_s, 0.0),
            title=taken_title(title) or seen.title if self._keeps_titles and not seen.is_counted else None,
        )
        self._recorder.record(event)
        return True


def _assemble(
    guild_id: str | None,
    period: Period,
    now: _Half,
    earlier: _Half,
    *,
    guild_name: str | None = None,
    unused: tuple[str, ...] = (),
    first_seen: datetime | None = None,
    top_songs: tuple[SongCounts, ...] = (),
) -> StatisticsReport:
    totals, earlier_totals = added_up(now.commands), added_up(earlier.commands)
    return StatisticsReport(
        guild_id=guild_id,
        guild_name=guild_name,
        period=period,
        previous=earlier.period,
        total_commands=totals.executed,
        previous_commands=earlier_totals.executed,
        unique_users=now.users,
        previous_users=earlier.users,
        outcomes=totals,
        faults=totals.faults,
        fault_rate=totals.fault_rate,
        previous_fault_rate=earlier_totals.fault_rate,
        commands=tuple(sorted(now.commands, key=lambda counts: (-counts.executed, counts.command))),
        previous_by_command={c.command: c.executed for c in earlier.commands},
        hours=now.hours,
        previous_hours=earlier.hours,
        total_songs=now.music.songs_played,
        total_playtime_s=now.music.playtime_s,
        total_playtime_hours=now.music.playtime_s / 3600,
        total_skips=now.music.skips,
        skip_rate=now.music.skip_rate,
        previous_skip_rate=earlier.music.skip_rate,
        total_pauses=now.music.pauses,
        top_songs=top_songs,
        unused_commands=unused,
        first_seen=first_seen,
    )
