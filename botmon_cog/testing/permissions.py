"""Who may do what in a channel: Discord's own order of roles and overwrites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from botmon_cog.testing import threads
from botmon_cog.testing.threads import PRIVATE_THREAD

if TYPE_CHECKING:
    from botmon_cog.testing.guilds import LoopbackChannel, LoopbackGuild
    from botmon_cog.testing.people import LoopbackUser

EVERYONE = discord.Permissions(
    view_channel=True,
    create_instant_invite=True,
    add_reactions=True,
    stream=True,
    send_messages=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
    mention_everyone=True,
    external_emojis=True,
    connect=True,
    speak=True,
    use_voice_activation=True,
    change_nickname=True,
    use_application_commands=True,
    create_public_threads=True,
    send_messages_in_threads=True,
)
"""What @everyone has in a new guild."""

_TIMED_OUT = discord.Permissions(view_channel=True, read_message_history=True)
"""All that is left to a member who was timed out."""

BOT = EVERYONE | discord.Permissions(manage_messages=True)
"""What the bot is invited with, unless `guild.set_bot_permissions` says otherwise."""


def in_guild(guild: LoopbackGuild, user: LoopbackUser) -> discord.Permissions:
    if guild.owner.id == user.id:
        return discord.Permissions.all()
    value = guild.everyone.permissions.value
    for role in guild.roles_of(user):
        value |= role.permissions.value
    permissions = discord.Permissions(value)
    if permissions.administrator:
        return discord.Permissions.all()
    membership = guild.memberships.get(user.id)
    if membership is not None and membership.is_timed_out(guild.world.clock.now()):
        return permissions & _TIMED_OUT
    return permissions


def in_channel(channel: LoopbackChannel, user: LoopbackUser) -> discord.Permissions:
    if channel.guild is None:
        return discord.Permissions._dm_permissions()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own table of what a DM allows
    if channel.thread is not None and channel.parent is not None:
        return _in_thread(channel, channel.parent, user)
    base = in_guild(channel.guild, user)
    if base.administrator:
        return base
    value = base.value
    allowed = denied = 0
    for role in (channel.guild.everyone, *channel.guild.roles_of(user)):
        allow, deny = channel.overwrites.get(role.id, (0, 0))
        if role is channel.guild.everyone:
            value = (value & ~deny) | allow
        else:
            allowed, denied = allowed | allow, denied | deny
    value = (value & ~denied) | allowed
    allow, deny = channel.overwrites.get(user.id, (0, 0))
    permissions = discord.Permissions((value & ~deny) | allow)
    membership = channel.guild.memberships.get(user.id)
    is_timed_out = membership is not None and membership.is_timed_out(channel.world.clock.now())
    return permissions & _TIMED_OUT if is_timed_out else permissions


def may_send(channel: LoopbackChannel, user: LoopbackUser) -> bool:
    """Whether the user may write here: threads have a permission of their own for it."""
    held = in_channel(channel, user)
    return held.send_messages_in_threads if channel.thread is not None else held.send_messages


def _in_thread(thread: LoopbackChannel, parent: LoopbackChannel, user: LoopbackUser) -> discord.Permissions:
    """As in the channel of the thread; a private one is seen by its members and by who manages threads."""
    permissions = in_channel(parent, user)
    is_private = thread.kind == PRIVATE_THREAD
    if is_private and not permissions.manage_threads and user.id not in threads.state_of(thread).joined:
        permissions.view_channel = False
    return permissions
