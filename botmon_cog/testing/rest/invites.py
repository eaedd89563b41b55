"""Invites: made, listed, looked at, revoked."""

from __future__ import annotations

import secrets

from botmon_cog.testing import errors
from botmon_cog.testing.channels import CATEGORY
from botmon_cog.testing.hub import Intent
from botmon_cog.testing.invites import Invite
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import Call, Reply, Route
from botmon_cog.testing.rest.rights import require, require_in_guild

_LONGEST_S = 7 * 24 * 3600
_DEFAULT_S = 24 * 3600
_MOST_USES = 100


def create(call: Call) -> Reply:
    guild, channel = call.guild_channel()
    require(call, channel, "create_instant_invite")
    if channel.kind == CATEGORY or channel.thread is not None:
        raise errors.wrong_channel_type()
    body, world = call.body, call.world
    max_age_s = bodies.integer(body.get("max_age", _DEFAULT_S), 0, _LONGEST_S, "max_age")
    max_uses = bodies.integer(body.get("max_uses", 0), 0, _MOST_USES, "max_uses")
    code = secrets.token_urlsafe(6).replace("-", "A").replace("_", "B")
    invite = Invite(
        code, guild, channel, world.bot, world.clock.now(), max_age_s, max_uses, bool(body.get("temporary"))
    )
    world.invites[code] = invite
    guild.tell("INVITE_CREATE", invite.event_payload(), needs=Intent.GUILD_INVITES)
    return Reply(200, invite.full_payload())


def of_guild(call: Call) -> Reply:
    guild = call.guild()
    require_in_guild(call, guild, "manage_guild")
    found = [i for i in call.world.invites.values() if i.guild is guild and not i.has_expired(call.world.clock.now())]
    return Reply(200, [invite.full_payload() for invite in found])


def of_channel(call: Call) -> Reply:
    _, channel = call.guild_channel()
    require(call, channel, "manage_channels")
    now = call.world.clock.now()
    found = [i for i in call.world.invites.values() if i.channel is channel and not i.has_expired(now)]
    return Reply(200, [invite.full_payload() for invite in found])


def _found(call: Call) -> Invite:
    invite = call.world.invites.get(call.parameters["code"])
    if invite is None or invite.has_expired(call.world.clock.now()):
        raise errors.unknown_invite()
    return invite


def get(call: Call) -> Reply:
    invite = _found(call)
    body = invite.payload()
    if call.query.get("with_counts", "").lower() in ("1", "true"):
        n = len(invite.guild.memberships)
        body |= {"approximate_member_count": n, "approximate_presence_count": n}
    return Reply(200, body)


def delete(call: Call) -> Reply:
    invite = _found(call)
    held = call.world.bot.permissions_in(invite.channel)
    if not held.manage_channels and not call.world.bot.permissions_in(invite.guild).manage_guild:
        raise errors.missing_permissions()
    del call.world.invites[invite.code]
    body = {"channel_id": str(invite.channel.id), "guild_id": str(invite.guild.id), "code": invite.code}
    invite.guild.tell("INVITE_DELETE", body, needs=Intent.GUILD_INVITES)
    return Reply(200, invite.payload())


ROUTES = [
    Route("POST", "/channels/{channel_id}/invites", create),
    Route("GET", "/channels/{channel_id}/invites", of_channel),
    Route("GET", "/guilds/{guild_id}/invites", of_guild),
    Route("GET", "/invites/{code}", get),
    Route("DELETE", "/invites/{code}", delete),
]
