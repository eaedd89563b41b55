"""Direct messages to the owners."""

from __future__ import annotations

import logging

import discord
from discord.ext import commands

from botmon_cog.cog.delivery.closed import ClosedWays
from botmon_cog.cog.delivery.outgoing import ForDiscord
from botmon_cog.discord_ui.discord_errors import UNREACHED, in_words, is_final, is_worth_retrying
from botmon_cog.domain import text
from botmon_cog.domain.alerts import Sent

_log = logging.getLogger(__name__)

_INFORMED_ROLES = frozenset({discord.TeamMemberRole.admin, discord.TeamMemberRole.developer})


class DirectMessages:
    """To every owner, of a team to its admins and developers."""

    def __init__(self, bot: commands.Bot, closed: ClosedWays) -> None:
        self._bot = bot
        self._closed = closed

    async def tell(self, outgoing: ForDiscord) -> Sent:
        try:
            owner_ids = sorted(await self._owner_ids())
        except UNREACHED as error:
            return Sent(state="failed", words=f"can't find out who the owners are: {in_words(error)}")
        tried = [await self._tell_user(user_id, outgoing) for user_id in owner_ids]
        told = sum(sent.state == "told" for sent in tried)
        if told:
            return Sent(state="told", words=f"DM to {text.count(told)} {text.plural(told, 'owner', 'owners')}")
        has_failed = any(sent.state == "failed" for sent in tried)
        return Sent(
            state="failed" if has_failed else "refused",
            words="; ".join(sent.words for sent in tried) or "the bot has no owner",
        )

    async def _tell_user(self, user_id: int, outgoing: ForDiscord) -> Sent:
        way = f"dm:{user_id}"
        closed = self._closed.why(way)
        if closed is not None:
            return Sent(state="refused", words=closed)
        try:
            user = self._bot.get_user(user_id) or await self._bot.fetch_user(user_id)
            await user.send(**outgoing.for_discord())
        except UNREACHED as error:
            return self._became(error, user_id, way)
        return Sent(state="told", words=f"DM to owner {user_id}")

    def _became(self, error: Exception, user_id: int, way: str) -> Sent:
        if is_final(error):
            why = f"DMs to owner {user_id} are closed: {in_words(error)}"
            self._closed.close(way, why)
            return Sent(state="refused", words=why)
        words = f"DM to owner {user_id}: {in_words(error)}"
        _log.warning("%s", words)
        return Sent(state="failed" if is_worth_retrying(error) else "refused", words=words)

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
