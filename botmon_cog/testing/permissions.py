"""Who may do what in a channel: Discord's own order of roles and overwrites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

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

BOT = EVERYONE | discord.Permissions(manage_messages=True)
"""What the bot is invited with, unless `guild.set_bot_permissions` says otherwise."""


def in_guild(guild: LoopbackGuild, user: LoopbackUser) -> discord.Permissions:
    if guild.owner.id == user.id:
        return discord.Permissions.all()
    value = guild.everyone.permissions.value
    for role in guild.roles_of(user):
        value |= role.permissions.value
    permissions = discord.Permissions(value)
    return discord.Permissions.all() if permissions.administrator else permissions


def in_channel(channel: LoopbackChannel, user: LoopbackUser) -> discord.Permissions:
    if channel.guild is None:
        return discord.Permissions._dm_permissions()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own table of what a DM allows
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
    return discord.Permissions((value & ~deny) | allow)
