"""Whether the bot may do what it asks for: permissions, the order of roles, and what it can hand out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from botmon_cog.testing import errors
from botmon_cog.testing import permissions as rights
from botmon_cog.testing.channels import CATEGORY, FORUM, MEDIA

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.guilds import LoopbackGuild
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.rest.call import Call
    from botmon_cog.testing.roles import LoopbackRole

_NEW_BITS = {"pin_messages": 1 << 51}
"""Permissions that older versions of discord.py have no name for."""


def has(held: discord.Permissions, name: str) -> bool:
    bit = _NEW_BITS.get(name)
    return bool(held.value & bit) if bit is not None else getattr(held, name)


def require(call: Call, channel: LoopbackChannel, *names: str) -> None:
    """50013 unless the bot has each of the permissions here; direct messages have none to lack."""
    if channel.guild is None:
        return
    bot = call.world.bot
    held = bot.permissions_in(channel)
    for name in names:
        if name == "send_messages" and channel.thread and channel.thread.locked and not held.manage_threads:
            raise errors.thread_is_locked()
        is_missing = not rights.may_send(channel, bot) if name == "send_messages" else not has(held, name)
        if is_missing:
            raise errors.missing_permissions()


def require_text_channel(channel: LoopbackChannel) -> None:
    """Categories take no messages, forums only those of posts."""
    if channel.kind in (FORUM, MEDIA):
        raise errors.DiscordError(400, 40058, "Cannot send messages in a forum channel")
    if channel.kind == CATEGORY:
        raise errors.DiscordError(400, 50008, "Cannot send messages in a non-text channel")


def require_in_guild(call: Call, guild: LoopbackGuild, *names: str) -> None:
    held = call.world.bot.permissions_in(guild)
    if not all(has(held, name) for name in names):
        raise errors.missing_permissions()


def require_above(call: Call, guild: LoopbackGuild, user: LoopbackUser) -> None:
    """50013 unless the bot's highest role is above the user's; the guild's owner is above all."""
    bot = call.world.bot
    if guild.owner is bot or user is bot:
        return
    if user is guild.owner or guild.rank_of(bot) <= guild.rank_of(user):
        raise errors.missing_permissions()


def require_may_remove(call: Call, guild: LoopbackGuild, user: LoopbackUser) -> None:
    """50013 for who stands as high as the bot, and for the bot itself."""
    if user is call.world.bot:
        raise errors.missing_permissions()
    require_above(call, guild, user)


def require_above_role(call: Call, guild: LoopbackGuild, role: LoopbackRole) -> None:
    bot = call.world.bot
    if guild.owner is not bot and guild.rank_of(bot) <= role.rank:
        raise errors.missing_permissions()


def require_held(call: Call, guild: LoopbackGuild, value: int) -> None:
    """50013 where the bot hands out or denies a permission that it has not got itself."""
    held = call.world.bot.permissions_in(guild)
    if not held.administrator and value & ~held.value:
        raise errors.missing_permissions()
