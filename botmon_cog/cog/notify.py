"""Tells the owners: by DM, and where that is closed, in the configured channel."""

from __future__ import annotations

import logging
from enum import Enum

import aiohttp
import discord
from discord.ext import commands

from botmon_cog.config import AlertsConfig

_log = logging.getLogger(__name__)

_TOO_MANY = 429
_FAULTS_OF_DISCORD = 500
_INFORMED_ROLES = frozenset({discord.TeamMemberRole.admin, discord.TeamMemberRole.developer})


class Delivery(Enum):
    """What became of a message."""

    TOLD = "told"
    REFUSED = "refused"
    """It would be refused again: closed DMs, a missing permission, a channel that is gone."""
    FAILED = "failed"
    """Discord was not reached, or had a fault of its own: worth another try."""


class Notifier:
    """Sends news to the people who run the bot."""

    def __init__(self, bot: commands.Bot, config: AlertsConfig) -> None:
        self._bot = bot
        self._config = config

    async def tell_owners(self, embed: discord.Embed) -> Delivery:
        """Send to every owner; those who can't be reached are named in the log.

        Where nobody was told, the configured channel gets it. `FAILED` means that trying again later makes sense.
        """
        try:
            owner_ids = sorted(await self._owner_ids())
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            _log.warning("can't find out who the owners are: %s", error)
            return Delivery.FAILED
        results = {await self._tell_user(user_id, embed) for user_id in owner_ids}
        if Delivery.TOLD in results:
            return Delivery.TOLD
        told = await self._tell_channel(embed)
        return Delivery.FAILED if told is Delivery.REFUSED and Delivery.FAILED in results else told

    async def _tell_user(self, user_id: int, embed: discord.Embed) -> Delivery:
        try:
            user = self._bot.get_user(user_id) or await self._bot.fetch_user(user_id)
            await user.send(embed=embed)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            _log.warning("can't tell the owner %d by DM: %s", user_id, _what(error))
            return _became(error)
        return Delivery.TOLD

    async def _tell_channel(self, embed: discord.Embed) -> Delivery:
        channel_id = self._config.channel_id
        if not channel_id:
            _log.error("no owner could be told %r; set [alerts] channel_id for a fallback", embed.title)
            return Delivery.REFUSED
        try:
            channel = self._bot.get_channel(channel_id) or await self._bot.fetch_channel(channel_id)
            if not isinstance(channel, discord.abc.Messageable):
                _log.error("nobody was told %r: [alerts] channel_id %d takes no messages", embed.title, channel_id)
                return Delivery.REFUSED
            await channel.send(embed=embed)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            _log.error("nobody was told %r: channel %d: %s", embed.title, channel_id, _what(error))
            return _became(error)
        return Delivery.TOLD

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


def _became(error: Exception) -> Delivery:
    if isinstance(error, discord.HTTPException) and error.status < _FAULTS_OF_DISCORD and error.status != _TOO_MANY:
        return Delivery.REFUSED
    return Delivery.FAILED


def _what(error: Exception) -> str:
    return f"{error.text} (code {error.code})" if isinstance(error, discord.HTTPException) else repr(error)
