"""What a channel allows and denies to single roles and members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botmon_cog.testing import errors
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require, require_held

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.errors import Payload
    from botmon_cog.testing.guilds import LoopbackGuild

ROLE, MEMBER = 0, 1


def checked(call: Call, guild: LoopbackGuild, given: list[Payload]) -> dict[int, tuple[int, int]]:
    """The overwrites of a body that makes or edits a channel: target id -> allowed, denied."""
    found: dict[int, tuple[int, int]] = {}
    for index, item in enumerate(given):
        at = ("permission_overwrites", index)
        target = bodies.snowflake(item.get("id"), (*at, "id"))
        _require_known(call, guild, target, item.get("type"))
        allow, deny = (bodies.permissions(item.get(key), (*at, key)) for key in ("allow", "deny"))
        require_held(call, guild, allow | deny)
        found[target] = (allow, deny)
    return found


def put(call: Call) -> Reply:
    guild, channel = _to_change(call)
    target = call.id("target_id")
    _require_known(call, guild, target, call.body.get("type"))
    allow, deny = (bodies.permissions(call.body.get(key), key) for key in ("allow", "deny"))
    old_allow, old_deny = channel.overwrites.get(target, (0, 0))
    require_held(call, guild, allow ^ old_allow | deny ^ old_deny)
    if channel.overwrites.get(target) != (allow, deny):
        channel.overwrites[target] = (allow, deny)
        call.world.tell_channel(channel)
    return NO_CONTENT


def delete(call: Call) -> Reply:
    _, channel = _to_change(call)
    target = call.id("target_id")
    if target not in channel.overwrites:
        raise errors.unknown_overwrite()
    del channel.overwrites[target]
    call.world.tell_channel(channel)
    return NO_CONTENT


def _to_change(call: Call) -> tuple[LoopbackGuild, LoopbackChannel]:
    guild, channel = call.guild_channel()
    if channel.thread is not None:
        raise errors.wrong_channel_type()
    require(call, channel, "manage_roles")
    return guild, channel


def _require_known(call: Call, guild: LoopbackGuild, target: int, kind: Any) -> None:
    """Members who left may still have an overwrite, as long as the user exists."""
    if str(kind) not in (str(ROLE), str(MEMBER)):
        raise bodies.fault("type", "BASE_TYPE_CHOICES", f"Value must be one of ({ROLE}, {MEMBER}).")
    roles = {role.id for role in (guild.everyone, *guild.roles)}
    is_known = target in roles if str(kind) == str(ROLE) else target in call.world.users
    if not is_known:
        raise errors.unknown_overwrite()


_ONE = "/channels/{channel_id}/permissions/{target_id}"
ROUTES = [Route("PUT", _ONE, put), Route("DELETE", _ONE, delete)]
