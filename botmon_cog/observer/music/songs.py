"""The songs of one bot: when they begin, pause and end, and why.

A song counts when it begins, its time when it has passed: every hour, and when it ends. Pauses are no time. What is
stopped was skipped if the next song begins soon after it: that is the one thing which tells a skip from a stop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from botmon_cog.clock import Clock, Timer
from botmon_cog.domain.models import EndReason, Event, Id, MusicEvent, MusicEventType
from botmon_cog.monitors.statistics import SeenMusic
from botmon_cog.observer.music.host_counts import HostCounts

NEXT_WITHIN_S = 15.0
"""Most bots need some seconds to find the next song. One that begins later was not what somebody skipped to."""
PART_S = 3600.0
"""So often is noted how long a song has played: one that plays for days counts meanwhile, too."""
_MOST_UNTOLD = 3


class Instant(NamedTuple):
    """A moment on both clocks."""

    s: float
    at: datetime


class Song:
    """One song, played once.

    Attributes:
        is_counted: it was, when it began.
        playtime_s: so much of its time was counted.
        has_failed: something went wrong with it; it ends for no other reason.
        ended: why and when, if that was known before its beginning was.
        over_s: when it ended, by the monotonic clock; None as long as it has not.
        timer: notes how long it has played by then.
    """

    __slots__ = (
        "_played_s", "_since_s", "ended", "guild_id", "has_begun", "has_failed", "is_counted", "over_s", "playtime_s",
        "shard_id", "timer", "title",
    )  # fmt: skip

    def __init__(self, guild_id: int, shard_id: int, title: str | None) -> None:
        self.guild_id = guild_id
        self.shard_id = shard_id
        self.title = title
        self.has_begun = self.has_failed = self.is_counted = False
        self.ended: tuple[EndReason, Instant] | None = None
        self.over_s: float | None = None
        self.playtime_s = 0.0
        self.timer: Timer | None = None
        self._played_s = 0.0
        self._since_s: float | None = None

    @property
    def is_paused(self) -> bool:
        return self._since_s is None

    def run(self, s: float) -> None:
        """It plays from now on."""
        if self._since_s is None:
            self._since_s = s

    def halt(self, s: float) -> None:
        """It does not play from now on."""
        if self._since_s is not None:
            self._played_s += max(s - self._since_s, 0.0)
            self._since_s = None

    def take_played_s(self, s: float) -> float:
        """How long it has played since this was asked last."""
        if not self.is_paused:
            self.halt(s)
            self.run(s)
        played_s, self._played_s = self._played_s, 0.0
        return played_s


class _Stop(NamedTuple):
    """A song that was stopped, and nobody knows yet what follows."""

    song: Song
    now: Instant
    timer: Timer


class Songs:
    """In a server, a bot plays one song at a time. All of it runs in the event loop's thread."""

    def __init__(
        self, record: Callable[[Event], object], clock: Clock, counts: HostCounts, ignored: Collection[int]
    ) -> None:
        """`ignored`: servers in which nothing is seen."""
        self._record = record
        self._clock = clock
        self._counts = counts
        self._ignored = ignored
        self._open: dict[int, Song] = {}
        self._stopped: dict[int, _Stop] = {}
        self._untold: dict[Id, deque[Song]] = {}
        """Those that a host which counts by itself may be about to tell of, in the order in which they began."""
        self._counted_s: dict[tuple[MusicEventType, Id], float] = {}
        """When a skip or a pause was counted last."""

    # -- what is seen --------------------------------------------------------------------------------------------------

    def begin(self, song: Song, now: Instant) -> None:
        guild_id = song.guild_id
        if guild_id in self._ignored:
            return
        current = self._open.get(guild_id)
        if current is not None:  # discord.py plays on only if the other one has ended, or is paused
            self.end(guild_id, EndReason.REPLACED if current.is_paused else EndReason.FINISHED, now)
        self._decide(guild_id, EndReason.SKIPPED)
        song.has_begun = True
        song.run(now.s)
        self._open[guild_id] = song
        song.is_counted = self._counts.are_ours(MusicEventType.SONG_PLAYED, guild_id)
        if song.is_counted:
            self._add(MusicEventType.SONG_PLAYED, song, now, title=song.title)
        self._untold.setdefault(guild_id, deque(maxlen=_MOST_UNTOLD)).append(song)
        self._set_timer(song)
        if song.ended is not None:
            self.end(guild_id, *song.ended, song)

    def pause(self, guild_id: int, now: Instant) -> None:
        song = self._open.get(guild_id)
        if song is not None and not song.is_paused:
            song.halt(now.s)
            self._count(MusicEventType.PAUSE, song, now)

    def resume(self, guild_id: int, now: Instant) -> None:
        song = self._open.get(guild_id)
        if song is not None:
            song.run(now.s)

    def fail(self, guild_id: int) -> None:
        """Something went wrong with what plays; it will end."""
        song = self._open.get(guild_id)
        if song is not None:
            song.has_failed = True

    def end(self, guild_id: int, reason: EndReason, now: Instant, song: Song | None = None) -> None:
        """What plays has ended. `song`: only if it is that one."""
        if song is not None and not song.has_begun:
            song.ended = (reason, now)
            return
        current = self._open.get(guild_id)
        if current is None or (song is not None and song is not current):
            return
        del self._open[guild_id]
        _cancel(current)
        current.halt(now.s)
        current.over_s = now.s
        if current.has_failed:
            reason = EndReason.FAILED
        if reason is EndReason.STOPPED:
            timer = self._clock.call_later(NEXT_WITHIN_S, partial(self._decide, guild_id, EndReason.STOPPED))
            self._stopped[guild_id] = _Stop(current, now, timer)
        else:
            self._close(current, reason, now)

    def leave(self, guild_id: int, now: Instant) -> None:
        """The bot left the voice channel."""
        self.end(guild_id, EndReason.STOPPED, now)
        self._decide(guild_id, EndReason.STOPPED)

    def close(self, now: Instant) -> None:
        """See nothing more: what plays has played until now."""
        for guild_id in [*self._stopped]:
            self._decide(guild_id, EndReason.STOPPED)
        for song in self._open.values():
            _cancel(song)
            self._add_playtime(song, now)
        self._open.clear()

    # -- what a host tells ---------------------------------------------------------------------------------------------

    def told(self, kind: MusicEventType, guild_id: Id) -> SeenMusic:
        """A host tells of a song, a skip or a pause: what was seen of that."""
        self._counts.note(kind, guild_id)
        now_s = self._clock.monotonic()
        if kind is not MusicEventType.SONG_PLAYED:
            if kind is MusicEventType.SKIP and isinstance(guild_id, int):
                self._decide(guild_id, EndReason.SKIPPED)
            counted_s = self._counted_s.pop((kind, guild_id), None)
            return SeenMusic(is_counted=counted_s is not None and now_s - counted_s <= NEXT_WITHIN_S)
        untold = self._untold.get(guild_id, deque())
        while untold:
            song = untold.popleft()
            if song.over_s is None or now_s - song.over_s <= NEXT_WITHIN_S:
                return SeenMusic(is_counted=song.is_counted, playtime_s=song.playtime_s, title=song.title)
        return SeenMusic()

    # -- what is recorded ----------------------------------------------------------------------------------------------

    def _decide(self, guild_id: int, reason: EndReason) -> None:
        """It is known why the song that was stopped ended, if one was."""
        stop = self._stopped.pop(guild_id, None)
        if stop is not None:
            stop.timer.cancel()
            self._close(stop.song, reason, stop.now)

    def _close(self, song: Song, reason: EndReason, now: Instant) -> None:
        self._add_playtime(song, now, reason)
        if reason in {EndReason.SKIPPED, EndReason.REPLACED}:
            self._count(MusicEventType.SKIP, song, now)

    def _set_timer(self, song: Song) -> None:
        song.timer = self._clock.call_later(PART_S, partial(self._part, song))

    def _part(self, song: Song) -> None:
        self._add_playtime(song, Instant(self._clock.monotonic(), self._clock.now()))
        self._set_timer(song)

    def _add_playtime(self, song: Song, now: Instant, reason: EndReason | None = None) -> None:
        played_s = song.take_played_s(now.s)
        is_ours = song.is_counted and self._counts.are_ours(MusicEventType.SONG_PLAYED, song.guild_id)
        if is_ours and (played_s > 0 or reason is not None):
            song.playtime_s += played_s
            self._add(MusicEventType.PLAYTIME, song, now, duration_s=played_s, end_reason=reason)

    def _count(self, kind: MusicEventType, song: Song, now: Instant) -> None:
        if self._counts.are_ours(kind, song.guild_id):
            self._counted_s[kind, song.guild_id] = self._clock.monotonic()
            self._add(kind, song, now)

    def _add(self, kind: MusicEventType, song: Song, now: Instant, **fields: Any) -> None:
        self._record(
            MusicEvent(type=kind, occurred_at=now.at, guild_id=song.guild_id, shard_id=song.shard_id, **fields)
        )


def _cancel(song: Song) -> None:
    if song.timer is not None:
        song.timer.cancel()
        song.timer = None
