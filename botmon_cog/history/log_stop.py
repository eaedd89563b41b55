"""What happens when a log channel takes no messages any more: it is switched off, and who set it up is told once."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import discord
import msgspec
from discord.ext import commands

from botmon_cog.discord_ui.discord_errors import UNREACHED, in_words
from botmon_cog.discord_ui.parts import short_embed
from botmon_cog.domain import text
from botmon_cog.domain.settings import BOT, Settings
from botmon_cog.store.records import milliseconds
from botmon_cog.store.schema import SETTINGS
from botmon_cog.store.script import Insert, Lookup, Script

_log = logging.getLogger(__name__)

_NAME_CHARS = 60
_GONE = 404
_NEEDED = {"view_channel": "View Channel", "send_messages": "Send Messages"}


class WrongChannelError(Exception):
    """It can't be used, whatever the permissions; the text says why."""


def stopped(scope: int, channel_id: int, problem: str, now: datetime) -> Script[Settings | None]:
    """Switch the log off, unless somebody has set another channel meanwhile.

    Returns the settings as they were; None: that was not for us to do, or another process has done it.
    """
    found = yield from _stored(scope)
    if found is None or found[0].log_channel_id != channel_id:
        return None
    before, by = found
    after = msgspec.structs.replace(before, log_channel_id=None, log_problem=problem)
    yield from _put(scope, after, by, now)
    return before


def resumed(scope: int, now: datetime) -> Script[None]:
    """Forget why it had stopped."""
    found = yield from _stored(scope)
    if found is not None and found[0].log_channel_id is not None:
        yield from _put(scope, msgspec.structs.replace(found[0], log_problem=None), found[1], now)


def _stored(scope: int) -> Script[tuple[Settings, str] | None]:
    """What is set, and who did that."""
    found = yield Lookup(SETTINGS, [(scope,)], ("data", "by"))
    return (msgspec.json.decode(found[0][0], type=Settings), str(found[0][1])) if found else None


def _put(scope: int, settings: Settings, by: str, now: datetime) -> Script[None]:
    row = (scope, msgspec.json.encode(settings).decode(), by, milliseconds(now))
    yield Insert(SETTINGS, [row], "replace")


def why(error: Exception, channel: object) -> str:
    """Why it takes no messages, as the end of "the bot can't post there: ..."."""
    if isinstance(error, WrongChannelError):
        return str(error)
    if isinstance(error, discord.HTTPException) and error.status == _GONE:
        return "the channel is gone"
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        has = channel.permissions_for(channel.guild.me)
        missing = [words for name, words in _NEEDED.items() if not getattr(has, name)]
        if missing:
            return f"the bot lacks {' and '.join(missing)} there"
    return in_words(error)


async def tell(bot: commands.Bot, scope: int, before: Settings, problem: str, stats: str | None) -> None:
    """Tell who set it up, by DM. `stats`: what `/stats` is called; None: there is no such command."""
    if before.log_by is None:
        return
    try:
        user = bot.get_user(before.log_by) or await bot.fetch_user(before.log_by)
        await user.send(embed=stopped_notice(bot, scope, before, problem, stats), allowed_mentions=_NOBODY)
    except UNREACHED as error:
        _log.warning("user %d can't be told that a command log stopped: %s", before.log_by, in_words(error))


def stopped_notice(bot: commands.Bot, scope: int, before: Settings, problem: str, stats: str | None) -> discord.Embed:
    guild: Any = None if scope == BOT else bot.get_guild(scope)
    where = "" if guild is None else f" of {text.plain(guild.name, _NAME_CHARS)}"
    again = "" if stats is None else f", then choose the channel again in `/{stats} settings`"
    return short_embed(
        f"The command log{where} has stopped",
        f"Commands can't be posted in <#{before.log_channel_id}> any more: {problem}.\n"
        "They are recorded as before; only the posts have stopped.\n"
        f"**What to do:** give the bot {' and '.join(_NEEDED.values())} there{again}.",
    )


_NOBODY = discord.AllowedMentions.none()
