"""Tells the owners: by DM, and where that is closed, in the configured channel."""

from __future__ import annotations

import logging

import discord
from discord.ext import commands

from botmon_cog.config import AlertsConfig

_log = logging.getLogger(__name__)

_INFORMED_ROLES = frozenset({discord.TeamMemberRole.admin, discord.TeamMemberRole.developer})


class Notifier:
    """Sends news to the people who run the bot."""

    def __init__(self, bot: commands.Bot, config: AlertsConfig) -> None:
        self._bot = bot
        self._config = config

    async def tell_owners(self, embed: discord.Embed) -> int:
        """Send to every owner; returns how many were reached. Those who can't be are named in the log.

        Where nobody was, the configured channel gets it.
        """
        reached = 0
        for user_id in sorted(await self._owner_ids()):
            try:
                user = self._bot.get_user(user_id) or await self._bot.fetch_user(user_id)
                await user.send(embed=embed)
            except discord.HTTPException as error:
                _log.warning("can't tell the owner %d by DM: %s (code %d)", user_id, error.text, error.code)
            else:
                reached += 1
        if not reached:
            await self._tell_channel(embed)
        return reached

    async def _tell_channel(self, embed: discord.Embed) -> None:
        channel_id = self._config.channel_id
        if not channel_id:
            _log.error("no owner could be told %r; set [alerts] channel_id for a fallback", embed.title)
            return
        try:
            channel = self._bot.get_channel(channel_id) or await self._bot.fetch_channel(channel_id)
            if isinstance(channel, discord.abc.Messageable):
                await channel.send(embed=embed)
            else:
                _log.error(
                    "[alerts] channel_id %d is no channel for messages; nobody was told %r", channel_id, embed.title
                )
        except discord.HTTPException as error:
            _log.error("nobody was told %r: channel %d refused it: %s", embed.title, channel_id, error.text)

    async def _owner_ids(self) -> set[int]:
        """The bot's own setting where it has one, else the application's owner, or its team's admins and developers."""
        if self._bot.owner_ids:
            return set(self._bot.owner_ids)
        if self._bot.owner_id:
            return {self._bot.owner_id}
        application = await self._bot.application_info()
        if application.team is None:
            return {application.owner.id}
        members = {m.id for m in application.team.members if m.role in _INFORMED_ROLES}
        return members | ({application.team.owner_id} if application.team.owner_id else set[int]())
