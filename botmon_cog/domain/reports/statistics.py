"""What a guild did."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.domain.report import Report
from botmon_cog.domain.reports.base import Period
from botmon_cog.domain.reports.commands import CommandCounts, HourCount, Outcomes
from botmon_cog.domain.reports.errors import Refusal


class MusicTotals(Report, frozen=True, kw_only=True):
    songs_played: int = 0
    playtime_s: int = 0
    skips: int = 0
    pauses: int = 0

    @property
    def skip_rate(self) -> float | None:
        """Skips per song played, 0..1; None before the first song."""
        return min(self.skips / self.songs_played, 1.0) if self.songs_played else None


class SongCounts(Report, frozen=True, kw_only=True):
    title: str
    n: int
    """How often it began."""


class StatisticsReport(Report, frozen=True, kw_only=True):
    """What happened in a guild (or in all, where `guild_id` is None) within a period, and in the one before."""

    guild_id: str | None
    guild_name: str | None
    period: Period
    previous: Period
    """As many days as `period`, up to the same hour on the clock, so that the two compare."""
    total_commands: int
    """Those that ran: not those that were used wrongly, not allowed, or refused by Discord."""
    previous_commands: int
    outcomes: Outcomes = Outcomes()
    """All that were invoked, by how they ended."""
    unique_users: int
    """People whose commands ran."""
    previous_users: int
    faults: int
    """The bot's, as far as they are rated."""
    fault_rate: float | None
    """The bot's faults among the commands that are rated, 0..1: see `Outcome`."""
    previous_fault_rate: float | None
    commands: tuple[CommandCounts, ...]
    """Those that ran most often first."""
    previous_by_command: dict[str, int]
    """How often each ran."""
    hours: tuple[HourCount, ...]
    """Those hours of the period in which any command ran, in order."""
    previous_hours: tuple[HourCount, ...]
    total_songs: int
    total_playtime_s: int
    total_playtime_hours: float
    total_skips: int
    skip_rate: float | None
    """Skips per song, 0..1; None without songs."""
    previous_skip_rate: float | None
    total_pauses: int
    top_songs: tuple[SongCounts, ...] = ()
    """Those that were played most first; empty unless `[privacy] song_titles` is on."""
    unused_commands: tuple[str, ...]
    """Commands that ran before, but not for 30 days."""
    first_seen: datetime | None
    """The hour of the first command that ever ran here; None before it."""

    @property
    def is_empty(self) -> bool:
        return not (self.total_commands or self.outcomes.n or self.total_songs or self.total_skips or self.total_pauses)


class FailureSummary(Report, frozen=True, kw_only=True):
    """What `/stats` says of failures beside the numbers, as far as the reader may see it."""

    refusals: tuple[Refusal, ...] = ()
    """What Discord refused in this server, the most frequent first; none for all servers."""
    kinds: int | None = None
    """How many causes there were in all servers. For the bot's owners only; None for a single server."""
    new_kinds: int = 0
    returned_kinds: int = 0
    is_complete: bool = True
    """False: there are more kinds than were counted."""
    has_alerts: bool = False
    """Whether the owners get a message when much fails."""
    is_for_owner: bool = False
    errors_command: str | None = None
    """What lists the causes: `/botmon errors`; None where nothing does."""
