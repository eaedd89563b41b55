"""All that is seen of one bot's music."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import discord
from discord.ext import commands

from botmon_cog.domain.models import Id, MusicEventType
from botmon_cog.errors import StorageError
from botmon_cog.monitors.statistics import SeenMusic
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.observer.music.connects import VoiceConnects
from botmon_cog.observer.music.context import HookContext
from botmon_cog.observer.music.host_counts import HostCounts
from botmon_cog.observer.music.inbox import Inbox
from botmon_cog.observer.music.lavalink import LavalinkPlayers
from botmon_cog.observer.music.songs import Songs
from botmon_cog.observer.music.voice_clients import VoiceClients
from botmon_cog.runtime import MonitoringSystem

_HOST_COUNTS_FOR = timedelta(days=7)
"""A host whose own table has counted nothing for longer has stopped counting."""


class Music:
    """Records songs, skips, pauses, played time and voice connects, as far as the host does not do so itself."""

    def __init__(self, bot: commands.Bot, system: MonitoringSystem) -> None:
        self._system = system
        self._bot = bot
        self._is_wanted = system.config.record.music
        ignored = frozenset(system.config.record.ignore_guilds)
        self._counts = HostCounts()
        self._songs = Songs(system.recorder.record, system.clock, self._counts, ignored)
        self._inbox = Inbox(system.failures)
        self._context = context = HookContext(bot, system, self._songs, self._inbox)
        self._voice_clients = VoiceClients(context)
        self._lavalink = LavalinkPlayers(context, system.failures)
        self._connects = VoiceConnects(context, system, ignored, self._lavalink.look_for_libraries)
        self._hooks = EventHooks(bot, system.failures)

    def attach(self) -> None:
        """Start seeing. Needs a running event loop."""
        if not self._is_wanted:
            return
        if self._system.host is not None:
            self._counts.in_table = None
        self._inbox.open()
        self._system.statistics.seen = self._told
        self._voice_clients.attach()
        self._lavalink.look_for_libraries()
        self._connects.attach()
        self._hooks.listen("voice_state_update", self._moved)

    async def detach(self) -> None:
        """Leave discord.py and the libraries as they were found. What plays on has played until now."""
        if not self._is_wanted:
            return
        self._voice_clients.detach()
        self._connects.detach()
        await self._lavalink.detach()
        await self._hooks.end()
        self._system.statistics.forget_seen()
        self.end()

    def end(self) -> None:
        """See nothing more, at once: the process is about to end."""
        self._inbox.close()
        self._songs.close(self._context.now())

    async def look_at_host(self) -> None:
        """See whether the host counts its music in a table of its own."""
        if not self._is_wanted or self._system.host is None:
            return
        try:
            since = self._system.clock.now() - _HOST_COUNTS_FOR
            self._counts.note_table(await self._system.store.reports.music_of_host(since))
        except StorageError:  # said by then; what was known holds
            return

    @property
    def hint(self) -> str | None:
        """What the owners may want to know, in words."""
        return self._counts.hint

    def _told(self, kind: MusicEventType, guild_id: Id) -> SeenMusic:
        self._inbox.empty()
        return self._songs.told(kind, guild_id)

    def _moved(self, member: discord.Member, _before: discord.VoiceState, after: discord.VoiceState) -> None:
        if after.channel is None and self._bot.user is not None and member.id == self._bot.user.id:
            self._inbox.put(partial(self._songs.leave, member.guild.id, self._context.now()))
