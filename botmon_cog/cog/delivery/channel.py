"""A channel of a server, for owners whose DMs are closed."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.cog.delivery.closed import ClosedWays
from botmon_cog.cog.delivery.outgoing import ForDiscord
from botmon_cog.discord_ui.discord_errors import UNREACHED, in_words, is_final, is_worth_retrying
from botmon_cog.domain.alerts import Sent

_WAY = "channel"


class Channel:
    """`[alerts] channel_id`."""

    def __init__(self, bot: commands.Bot, channel_id: int, closed: ClosedWays) -> None:
        self._bot = bot
        self._id = channel_id
        self._closed = closed

    async def tell(self, outgoing: ForDiscord) -> Sent:
        closed = self._closed.why(_WAY)
        if closed is not None:
            return Sent(state="refused", words=closed)
        try:
            channel = self._bot.get_channel(self._id) or await self._bot.fetch_channel(self._id)
            if not isinstance(channel, discord.abc.Messageable):
                return self._close("it takes no messages")
            await channel.send(**outgoing.for_discord())
        except UNREACHED as error:
            if is_final(error):
                return self._close(in_words(error))
            state = "failed" if is_worth_retrying(error) else "refused"
            return Sent(state=state, words=f"channel {self._id}: {in_words(error)}")
        return Sent(state="told", words=f"channel {self._id}")

    def _close(self, because: str) -> Sent:
        why = f"channel {self._id} can't be used: {because}"
        self._closed.close(_WAY, why)
        return Sent(state="refused", words=why)
