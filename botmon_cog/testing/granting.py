"""Permissions given to members and to the bot, through their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

if TYPE_CHECKING:
    from botmon_cog.testing.guilds import LoopbackGuild
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.roles import LoopbackRole


def set_permissions(guild: LoopbackGuild, user: LoopbackUser, permissions: discord.Permissions) -> None:
    """Exactly these, by a role of the member's own; LookupError where it is no member."""
    membership = guild.membership_of(user)
    _leave_to_everyone(guild, permissions)
    role = _own_role(guild, user)
    role.permissions = permissions
    kept = [r.id for r in guild.roles_of(user) if r is role or r.bot_id is not None]
    membership.role_ids = kept if role.id in kept else [*kept, role.id]
    guild.tell_role(role)
    guild.tell_member(user)


def add_permissions(guild: LoopbackGuild, user: LoopbackUser, permissions: discord.Permissions) -> None:
    """These beside what the member has, by a role of its own; LookupError where it is no member."""
    guild.membership_of(user)
    role = _own_role(guild, user)
    role.permissions |= permissions
    guild.tell_role(role)
    guild.give_role(user, role)


def set_bot_permissions(guild: LoopbackGuild, permissions: discord.Permissions) -> None:
    """Exactly these, by the role that came with the bot."""
    _leave_to_everyone(guild, permissions)
    guild.bot_role.permissions = permissions
    guild.tell_role(guild.bot_role)


def _own_role(guild: LoopbackGuild, user: LoopbackUser) -> LoopbackRole:
    name = f"Permissions of {user.name}"
    return next((role for role in guild.roles if role.name == name), None) or guild.add_role(name)


def _leave_to_everyone(guild: LoopbackGuild, permissions: discord.Permissions) -> None:
    """Roles can only add, so what one member is to lack must come to the others by a role."""
    is_lacking = guild.everyone.permissions.value & ~permissions.value and not permissions.administrator
    if not is_lacking or any(role.name == "Members" for role in guild.roles):
        return
    members = guild.add_role("Members", guild.everyone.permissions)
    guild.everyone.permissions = discord.Permissions.none()
    guild.tell_role(guild.everyone)
    for membership in guild.memberships.values():
        if not membership.user.is_bot:
            guild.give_role(membership.user, members)
