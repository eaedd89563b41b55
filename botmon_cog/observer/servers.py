"""The servers that the bot joins and leaves, from now on. What happened while it was away is not told by Discord."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.domain.models import GuildMembership, MembershipChange
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.runtime import MonitoringSystem


class Servers:
    """Records each once. discord.py has other events for an outage: `guild_unavailable` and `guild_available`."""

    def __init__(self, bot: commands.Bot, system: MonitoringSystem) -> None:
        self._record = system.recorder.record
        self._now = system.clock.now
        self._is_wanted = system.config.record.servers
        self._ignored = frozenset(system.config.record.ignore_guilds)
        self._hooks = EventHooks(bot, system.failures)

    def attach(self) -> None:
        """Start listening. Needs a running event loop."""
        if self._is_wanted:
            self._hooks.listen("guild_join", self._joined)
            self._hooks.listen("guild_remove", self._left)

    async def detach(self) -> None:
        await self._hooks.end()

    def _joined(self, guild: discord.Guild) -> None:
        self._note(MembershipChange.JOINED, guild)

    def _left(self, guild: discord.Guild) -> None:
        self._note(MembershipChange.LEFT, guild)

    def _note(self, change: MembershipChange, guild: discord.Guild) -> None:
        if guild.id in self._ignored:
            return
        self._record(
            GuildMembership(
                change=change,
                occurred_at=self._now(),
                guild_id=guild.id,
                guild_name=guild.name or None,
                member_count=guild.member_count,
                # Of a server that was not there since the bot connected, discord.py knows the id alone.
                locale=guild.preferred_locale.value if guild.name else None,
            )
        )
