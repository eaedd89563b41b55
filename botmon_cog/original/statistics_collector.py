"""What happens in a guild, by days of UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from botmon_cog.domain.periods import last_utc_days
from botmon_cog.original.base import Monitor, false, nothing, safe
from botmon_cog.original.coerced import day_or_none, id_, id_or_none, percent_of, seconds_or_none, text_id
from botmon_cog.original.command_logger import top_commands
from botmon_cog.store.daily import Day

_S_PER_HOUR = 3600
_DAYS = {"weekly": 7, "monthly": 30}


class StatisticsCollector(Monitor):
    """Counts what happens in a guild, and reports it."""

    @safe(false)
    async def record_song_played(self, guild_id: object, duration: object, user_id: object) -> bool:
        """Count a song that played for `duration` seconds. True: it is taken and will be stored.

        A duration of None, NaN, below 0, or over 24 h counts the song without any time.
        """
        guild, user = id_(guild_id, "guild_id"), id_or_none(user_id, "user_id")
        played_s = seconds_or_none(duration, "duration")
        return await self._recording().statistics.song_played(guild, played_s, user)

    @safe(false)
    async def record_skip(self, guild_id: object) -> bool:
        """Count a skipped song. True: it is taken and will be stored."""
        guild = id_(guild_id, "guild_id")
        return await self._recording().statistics.song_skipped(guild)

    @safe(false)
    async def record_pause(self, guild_id: object) -> bool:
        """Count a pause of the player. True: it is taken and will be stored."""
        guild = id_(guild_id, "guild_id")
        return await self._recording().statistics.song_paused(guild)

    @safe(false)
    async def record_command(self, guild_id: object, user_id: object) -> bool:
        """Count an executed command and its user, without a row in the log. True: it is taken and will be stored.

        A command that the extension observes counts already: within it this adds nothing.
        """
        guild, user = id_(guild_id, "guild_id"), id_or_none(user_id, "user_id")
        return await self._recording().statistics.count_command(guild, user)

    @safe(nothing)
    async def get_daily_stats(self, guild_id: object, date: object = None) -> dict[str, Any]:
        """One day of UTC, today if `date` (`YYYY-MM-DD`) is None; {} if nothing happened or the store can't be read.

        guild_id, date, songs_played, total_playtime (seconds), total_skips, total_pauses, unique_users, and
        commands_executed.
        """
        guild, wanted = text_id(guild_id, "guild_id"), day_or_none(date, "date")
        system = await self._caught_up()
        day = wanted or system.clock.now().astimezone(UTC).date()
        found = await system.store.daily.days(guild, day, day)
        return _row(guild, found[0]) if found else {}

    @safe(nothing)
    async def generate_weekly_report(self, guild_id: object) -> dict[str, Any]:
        """The last 7 days of UTC, today included; {} if the store can't be read.

        period, days, active_days (those on which anything happened), total_songs, total_playtime (seconds),
        total_playtime_hours, total_skips, total_pauses, total_commands, avg_daily_users (over the active days),
        peak_users, avg_song_duration (seconds), skip_rate (skips per song in percent, 0 without songs), and
        top_commands: up to ten of {command, count}. Without anything: period, days, and no_data, which is True.
        """
        return await self._report(guild_id, "weekly")

    @safe(nothing)
    async def generate_monthly_report(self, guild_id: object) -> dict[str, Any]:
        """The last 30 days, as `generate_weekly_report`."""
        return await self._report(guild_id, "monthly")

    async def _report(self, guild_id: object, period: str) -> dict[str, Any]:
        guild, n_days = text_id(guild_id, "guild_id"), _DAYS[period]
        system = await self._caught_up()
        first, last = last_utc_days(n_days, system.clock.now())
        days = await system.store.daily.days(guild, first, last)
        top = await system.store.daily.top(guild, datetime.combine(first, time(), UTC))
        if not days and not top:
            return {"period": period, "days": n_days, "no_data": True}
        return {"period": period, "days": n_days, **_sums(days), "top_commands": top_commands(top)}


def _row(guild_id: str, day: Day) -> dict[str, Any]:
    return {
        "guild_id": guild_id,
        "date": day.day.isoformat(),
        "songs_played": day.songs,
        "total_playtime": day.playtime_s,
        "total_skips": day.skips,
        "total_pauses": day.pauses,
        "unique_users": day.users,
        "commands_executed": day.commands,
    }


def _sums(days: Sequence[Day]) -> dict[str, Any]:
    songs, playtime_s = sum(day.songs for day in days), sum(day.playtime_s for day in days)
    skips = sum(day.skips for day in days)
    return {
        "active_days": len(days),
        "total_songs": songs,
        "total_playtime": playtime_s,
        "total_playtime_hours": round(playtime_s / _S_PER_HOUR, 2),
        "total_skips": skips,
        "total_pauses": sum(day.pauses for day in days),
        "total_commands": sum(day.commands for day in days),
        "avg_daily_users": sum(day.users for day in days) / len(days) if days else 0.0,
        "peak_users": max((day.users for day in days), default=0),
        "avg_song_duration": playtime_s / songs if songs else 0.0,
        "skip_rate": percent_of(skips, songs),
    }
