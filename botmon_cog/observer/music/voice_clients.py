"""What bots play through `discord.VoiceClient`: the one door for all that need no Lavalink.

Its methods are wrapped while somebody listens. Nothing is done per piece of audio: the source stays the host's own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import discord

from botmon_cog.domain.models import EndReason
from botmon_cog.observer.class_sinks import add_around, remove_sink
from botmon_cog.observer.music.context import HookContext
from botmon_cog.observer.music.songs import Song

After = Callable[[Exception | None], Any]

_player_log = logging.getLogger("discord.player")


class VoiceClients:
    """Those of one bot."""

    def __init__(self, context: HookContext) -> None:
        self._context = context
        self._arounds = (("play", self._play), ("stop", self._stop), ("pause", self._pause), ("resume", self._resume))

    def attach(self) -> None:
        for name, around in self._arounds:
            add_around(discord.VoiceClient, (name,), around)

    def detach(self) -> None:
        for name, around in self._arounds:
            remove_sink(discord.VoiceClient, (name,), around)

    def _play(self, run: Callable[..., None], client: Any, /, *args: Any, **kwargs: Any) -> None:
        song = None
        with self._context.guarded():
            if client.client is self._context.bot:
                song = self._context.new_song(client.guild.id, args[0] if args else kwargs.get("source"))
        after = kwargs.get("after")
        if song is None or not (after is None or callable(after)):
            run(*args, **kwargs)
            return
        run(*args, **kwargs | {"after": self._ending(client, song, after)})
        self._context.put(partial(self._context.songs.begin, song, self._context.now()))

    def _ending(self, client: Any, song: Song, after: After | None) -> After:
        """What is called in the player's thread when the song has ended."""

        def ended(error: Exception | None) -> None:
            with self._context.guarded():
                reason = EndReason.FINISHED if client.is_connected() else EndReason.STOPPED
                reason = EndReason.FAILED if error is not None else reason
                self._context.put(partial(self._context.songs.end, song.guild_id, reason, self._context.now(), song))
            if after is not None:
                after(error)
            elif error is not None:  # as discord.py says it of a player that nobody waits for
                _player_log.error("Exception in voice thread %s", threading.current_thread().name, exc_info=error)

        return ended

    def _stop(self, run: Callable[..., None], client: Any, /, *args: Any, **kwargs: Any) -> None:
        with self._context.guarded():
            if client.client is self._context.bot and (client.is_playing() or client.is_paused()):
                # Before it is: else the player's thread may be the first to say that it ended.
                stop = partial(self._context.songs.end, client.guild.id, EndReason.STOPPED, self._context.now())
                self._context.put(stop)
        run(*args, **kwargs)

    def _pause(self, run: Callable[..., None], client: Any, /, *args: Any, **kwargs: Any) -> None:
        self._turn(client, "pause", run, *args, **kwargs)

    def _resume(self, run: Callable[..., None], client: Any, /, *args: Any, **kwargs: Any) -> None:
        self._turn(client, "resume", run, *args, **kwargs)

    def _turn(self, client: Any, name: str, run: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """Pause, or go on: what does neither, because nothing plays or it does so already, is let pass."""
        run(*args, **kwargs)
        with self._context.guarded():
            if client.client is self._context.bot:
                turn = self._context.songs.pause if name == "pause" else self._context.songs.resume
                self._context.put(partial(turn, client.guild.id, self._context.now()))
