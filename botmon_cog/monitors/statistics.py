"""What a guild did: commands, people, songs, skips, pauses; by day, week and month."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

import msgspec

from botmon_cog.clock import Clock
from botmon_cog.domain.models import Invocation, Kind, MusicEvent, MusicEventType, Outcome
from botmon_cog.domain.periods import before, day_period, report_period
from botmon_cog.domain.reports import CommandCounts, HourCount, MusicTotals, Period, StatisticsReport
from botmon_cog.domain.taken import LONGEST_NAME, taken_duration, taken_guild, taken_id, taken_moment, taken_text
from botmon_cog.monitors.command_logger import command_stats
from botmon_cog.monitors.failures import Failures, absorbing
from botmon_cog.monitors.ids import Id, text_id
from botmon_cog.monitors.observed import observed_invocation
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.store.reports import Reports

_NAMELESS = "command"
_UNUSED_AFTER = timedelta(days=30)
_KNOWN_FOR = timedelta(days=90)
"""A command that was not used for longer is gone, most likely."""


class _Half(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the two compared periods holds."""

    period: Period
    commands: tuple[CommandCounts, ...] = ()
    hours: tuple[HourCount, ...] = ()
    users: int = 0
    music: MusicTotals = MusicTotals()


class StatisticsCollector:
    """Records what happened and reports it. None of its methods raises into the caller's command."""

    def __init__(
        self, recorder: Recorder, reports: Reports, clock: Clock, failures: Failures, zone: tzinfo = UTC
    ) -> None:
        """`zone`: whose days reports are made of."""
        self._recorder = recorder
        self._reports = reports
        self._clock = clock
        self._zone = zone
        self.failures = failures

    @absorbing(lambda: False)
    async def record_song_played(self, guild_id: Id, duration: float = 0.0, user_id: Id | None = None) -> bool:
        """Record a song that played for `duration` seconds. False where that failed."""
        return self._record_music(MusicEventType.SONG_PLAYED, guild_id, user_id, duration)

    @absorbing(lambda: False)
    async def record_skip(self, guild_id: Id, user_id: Id | None = None) -> bool:
        """Record that a song was skipped. False where that failed."""
        return self._record_music(MusicEventType.SKIP, guild_id, user_id)

    @absorbing(lambda: False)
    async def record_pause(self, guild_id: Id, user_id: Id | None = None) -> bool:
        """Record that the player was paused. False where that failed."""
        return self._record_music(MusicEventType.PAUSE, guild_id, user_id)

    @absorbing(lambda: False)
    async def record_command(self, guild_id: Id | None, user_id: Id | None = None, command: str | None = None) -> bool:
        """Count a command that nobody else counts, under its name where it has one. False where that failed.

        What the extension observes and what `log_command` logs is counted already: said within such a command, or in a
        listener for it, this changes nothing.
        """
        name = taken_text(command or _NAMELESS, "command", LONGEST_NAME)
        if observed_invocation(name if command else None) is None:
            self._recorder.record(
                Invocation(
                    kind=Kind.LOGGED,
                    command=name,
                    outcome=Outcome.OK,
                    started_at=taken_moment(self._clock.now()),
                    guild_id=taken_id(guild_id, "guild_id"),
                    user_id=taken_id(user_id, "user_id"),
                )
            )
        return True

    async def get_daily_stats(self, guild_id: Id | None = None, day: date | None = None) -> StatisticsReport:
        """One day of the configured time zone, today where None is named.

        An empty report comes back where the database can't be read.
        """
        if day is None:
            return await self.safe_report(guild_id, self.period("today"))
        return await self.safe_report(guild_id, day_period(date(day.year, day.month, day.day), self._zone))

    async def generate_weekly_report(self, guild_id: Id | None = None) -> StatisticsReport:
        """The last 7 days, today included. An empty report comes back where the database can't be read."""
        return await self.safe_report(guild_id, self.period("weekly"))

    async def generate_monthly_report(self, guild_id: Id | None = None) -> StatisticsReport:
        """The last 30 days, today included. An empty report comes back where the database can't be read."""
        return await self.safe_report(guild_id, self.period("monthly"))

    def period(self, name: str) -> Period:
        """The last days of the named report as they are now, in the configured time zone.

        Raises:
            ValueError: there is no report of that name.
        """
        return report_period(name, self._clock.now(), self._zone)

    async def safe_report(self, guild_id: Id | None, period: Period) -> StatisticsReport:
        """As `report`; an empty one where the database can't be read."""
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
        now = self._clock.now()
        last_used = await self._reports.last_used(guild_id, now - _KNOWN_FOR)
        stale = now - _UNUSED_AFTER
        return _assemble(
            guild_id,
            period,
            await self._half(guild_id, period),
            await self._half(guild_id, before(period)),
            guild_name=await self._reports.guild_name(guild_id) if guild_id is not None else None,
            unused=tuple(sorted(command for command, hour in last_used.items() if hour < stale)),
            first_seen=await self._reports.first_seen(guild_id),
        )

    async def _half(self, guild_id: str | None, period: Period) -> _Half:
        counted = await self._reports.counted(guild_id, period)
        return _Half(
            period=period,
            commands=tuple(counted.command_counts()),
            hours=tuple(counted.hour_counts()),
            users=await self._reports.unique_users(guild_id, period),
            music=await self._reports.music_totals(guild_id, period),
        )

    def _record_music(self, kind: MusicEventType, guild_id: Id, user_id: Id | None, duration_s: float = 0.0) -> bool:
        self._recorder.record(
            MusicEvent(
                type=kind,
                occurred_at=taken_moment(self._clock.now()),
                guild_id=taken_guild(guild_id),
                user_id=taken_id(user_id, "user_id"),
                duration_s=taken_duration(duration_s, "duration") or 0.0,
            )
        )
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
) -> StatisticsReport:
    totals = command_stats(now.commands)
    earlier_totals = command_stats(earlier.commands)
    return StatisticsReport(
        guild_id=guild_id,
        guild_name=guild_name,
        period=period,
        previous=earlier.period,
        total_commands=totals.total_commands,
        previous_commands=earlier_totals.total_commands,
        unique_users=now.users,
        previous_users=earlier.users,
        faults=sum(c.faults for c in now.commands),
        fault_rate=totals.fault_rate,
        previous_fault_rate=earlier_totals.fault_rate,
        commands=now.commands,
        previous_by_command={c.command: c.n for c in earlier.commands},
        hours=now.hours,
        previous_hours=earlier.hours,
        total_songs=now.music.songs_played,
        total_playtime_s=now.music.playtime_s,
        total_playtime_hours=now.music.playtime_s / 3600,
        total_skips=now.music.skips,
        skip_rate=now.music.skip_rate,
        previous_skip_rate=earlier.music.skip_rate,
        total_pauses=now.music.pauses,
        unused_commands=unused,
        first_seen=first_seen,
    )
