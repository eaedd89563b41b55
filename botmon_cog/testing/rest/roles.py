"""Roles of a guild: made, edited, moved, deleted."""

from __future__ import annotations

from typing import Any

import discord

from botmon_cog.testing import errors
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.guilds import LoopbackGuild
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require_above_role, require_held, require_in_guild
from botmon_cog.testing.roles import LoopbackRole

_MOST_ROLES = 250
_NAME_CHARACTERS = 100
_LARGEST_COLOR = 0xFFFFFF


def listing(call: Call) -> Reply:
    guild = call.guild()
    return Reply(200, _payloads(guild))


def get(call: Call) -> Reply:
    return Reply(200, call.role(call.guild()).payload())


def member_counts(call: Call) -> Reply:
    guild = call.guild()
    counts = {str(role.id): 0 for role in guild.roles}
    for membership in guild.memberships.values():
        for role_id in membership.role_ids:
            counts[str(role_id)] += 1
    return Reply(200, counts)


def create(call: Call) -> Reply:
    guild, body = call.guild(), call.body
    require_in_guild(call, guild, "manage_roles")
    if len(guild.roles) + 1 >= _MOST_ROLES:
        raise errors.too_many(30005, "guild roles", _MOST_ROLES)
    role = LoopbackRole(call.world.ids.next(), "new role", guild.everyone.permissions, 1)
    _apply(role, _checked(call, guild, body))
    guild.keep_role(role)
    return Reply(200, role.payload())


def edit(call: Call) -> Reply:
    guild = call.guild()
    role = call.role(guild)
    require_in_guild(call, guild, "manage_roles")
    require_above_role(call, guild, role)
    before = role.payload()
    _apply(role, _checked(call, guild, call.body))
    if role.payload() != before:
        guild.tell_role(role)
    return Reply(200, role.payload())


def move(call: Call) -> Reply:
    """Positions of several roles at once, each below the bot's highest.

    New roles all have position 1; whenever some are moved, Discord numbers them all anew.
    """
    guild = call.guild()
    require_in_guild(call, guild, "manage_roles")
    top, _ = guild.rank_of(call.world.bot)
    roles = {role.id: role for role in guild.roles}
    moves: list[tuple[LoopbackRole, int]] = []
    for index, item in enumerate(call.items):
        role = roles.get(bodies.snowflake(item.get("id"), (index, "id")))
        if role is None:
            raise errors.unknown_role()
        position = bodies.integer(item.get("position") or 0, 0, _MOST_ROLES, (index, "position"))
        if position == role.position:
            continue
        require_above_role(call, guild, role)
        if guild.owner is not call.world.bot and position > top:
            raise errors.missing_permissions()
        moves.append((role, position))
    before = {role.id: role.position for role in guild.roles}
    for role, position in moves:
        role.position = position
    for position, role in enumerate(sorted(guild.roles, key=lambda role: role.rank), start=1):
        role.position = position
        if position != before[role.id]:
            guild.tell_role(role)
    return Reply(200, _payloads(guild))


def delete(call: Call) -> Reply:
    guild = call.guild()
    role = call.role(guild)
    require_in_guild(call, guild, "manage_roles")
    if role is guild.everyone:
        raise errors.invalid_role()
    require_above_role(call, guild, role)
    if role.bot_id is not None:
        raise errors.missing_permissions()
    guild.remove_role(role)
    return NO_CONTENT


def _payloads(guild: LoopbackGuild) -> list[Payload]:
    return [role.payload() for role in (guild.everyone, *guild.roles)]


def _checked(call: Call, guild: LoopbackGuild, body: Payload) -> Payload:
    """The changes that a body asks for, under the names of `LoopbackRole`."""
    changes: Payload = {}
    if body.get("name") is not None:
        changes["name"] = bodies.name(body["name"], 1, _NAME_CHARACTERS)
    if body.get("permissions") is not None:
        value = bodies.permissions(body["permissions"])
        require_held(call, guild, value)
        changes["permissions"] = discord.Permissions(value)
    colors: Payload = body.get("colors") or {}
    color: Any = colors.get("primary_color", body.get("color"))
    if color is not None:
        changes["color"] = bodies.integer(color, 0, _LARGEST_COLOR, "color")
    changes |= {key: bool(body[key]) for key in ("hoist", "mentionable") if body.get(key) is not None}
    return changes


def _apply(role: LoopbackRole, changes: Payload) -> None:
    for key, value in changes.items():
        setattr(role, key, value)


_ALL = "/guilds/{guild_id}/roles"
_ONE = _ALL + "/{role_id}"
ROUTES = [
    Route("GET", _ALL, listing),
    Route("POST", _ALL, create),
    Route("PATCH", _ALL, move),
    Route("GET", _ALL + "/member-counts", member_counts),
    Route("GET", _ONE, get),
    Route("PATCH", _ONE, edit),
    Route("DELETE", _ONE, delete),
]
