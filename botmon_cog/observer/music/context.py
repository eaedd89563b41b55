"""What all hooks that see music of one bot have in common."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

from discord.ext import commands

from botmon_cog.observer.music.inbox import Inbox
from botmon_cog.observer.music.songs import Instant, Song, Songs
from botmon_cog.observer.music.titles import title_of
from botmon_cog.runtime import MonitoringSystem


class HookContext:
    """Of one bot.

    Attributes:
        bot: whose music is seen.
        songs: what plays; hooks tell it through `put` only.
        put: calls something soon, in the event loop's thread; may be called in any.
    """

    def __init__(self, bot: commands.Bot, system: MonitoringSystem, songs: Songs, inbox: Inbox) -> None:
        self.bot = bot
        self.songs = songs
        self.put = inbox.put
        self._clock = system.clock
        self._failures = system.failures
        self._keeps_titles = system.config.privacy.song_titles

    def now(self) -> Instant:
        return Instant(self._clock.monotonic(), self._clock.now())

    def new_song(self, guild_id: int, playable: Any) -> Song:
        """A song that is about to begin. `playable`: the audio source, or the track."""
        guild = self.bot.get_guild(guild_id)
        shard_id = 0 if guild is None else guild.shard_id
        return Song(guild_id, shard_id, title_of(playable) if self._keeps_titles else None)

    @contextmanager
    def guarded(self) -> Generator[None]:
        """Whatever goes wrong within, the host goes on as without us."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 (the host is in the middle of playing)
            self.put(partial(self._failures.note, "observing what is played", error))
