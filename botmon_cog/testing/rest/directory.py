"""Who and what there is: the application, users, guilds, channels, members."""

from __future__ import annotations

from botmon_cog.testing import errors
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.messages import require


def me(call: Call) -> Reply:
    return Reply(200, call.world.bot.own_payload())


def application(call: Call) -> Reply:
    return Reply(200, call.world.application)


def gateway(call: Call) -> Reply:
    return Reply(200, {"url": call.world.gateway_url})


def gateway_for_bots(call: Call) -> Reply:
    limit = {"total": 1000, "remaining": call.world.hub.sessions_left, "reset_after": 86_400_000, "max_concurrency": 1}
    body = {"url": call.world.gateway_url, "shards": call.world.shard_count, "session_start_limit": limit}
    return Reply(200, body)


def open_dm(call: Call) -> Reply:
    user = call.world.users.get(int(call.body.get("recipient_id") or 0))
    if user is None or user is call.world.bot:
        raise errors.invalid_form([(("recipient_id",), "INVALID_RECIPIENT", "Invalid Recipient(s)")])
    return Reply(200, user.dm_channel.payload())


def user(call: Call) -> Reply:
    return Reply(200, call.user().payload())


def guild(call: Call) -> Reply:
    return Reply(200, call.guild().rest_payload())


def guilds(call: Call) -> Reply:
    mine = [guild for guild in call.world.guilds.values() if guild.has_bot]
    return Reply(200, [{"id": str(g.id), "name": g.name, "icon": None, "owner": False, "features": []} for g in mine])


def leave(call: Call) -> Reply:
    call.guild().remove_bot()
    return NO_CONTENT


def guild_channels(call: Call) -> Reply:
    return Reply(200, [channel.payload() for channel in call.guild().channels])


def guild_roles(call: Call) -> Reply:
    return Reply(200, call.guild().rest_payload()["roles"])


def member(call: Call) -> Reply:
    found = call.guild()
    who = call.user()
    if who.id not in found.memberships:
        raise errors.unknown_member()
    return Reply(200, found.member_payload(who))


def members(call: Call) -> Reply:
    found = call.guild()
    after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 1))
    shown = sorted((m for m in found.members if m.id > after), key=lambda m: m.id)[:limit]
    return Reply(200, [found.member_payload(who) for who in shown])


def channel(call: Call) -> Reply:
    return Reply(200, call.channel().payload())


def create_webhook(call: Call) -> Reply:
    where = call.channel()
    require(call, where, "manage_webhooks")
    name = call.body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 80:  # noqa: PLR2004  # Discord's bounds
        text = "Must be between 1 and 80 in length."
        raise errors.invalid_form([(("name",), "BASE_TYPE_BAD_LENGTH", text)])
    return Reply(200, call.world.add_webhook(where, name).payload(call.world.bot.id))


ROUTES = [
    Route("GET", "/users/@me", me),
    Route("GET", "/oauth2/applications/@me", application),
    Route("GET", "/applications/@me", application),
    Route("GET", "/gateway", gateway, needs_token=False),
    Route("GET", "/gateway/bot", gateway_for_bots),
    Route("POST", "/users/@me/channels", open_dm),
    Route("GET", "/users/@me/guilds", guilds),
    Route("DELETE", "/users/@me/guilds/{guild_id}", leave),
    Route("GET", "/users/{user_id}", user),
    Route("GET", "/guilds/{guild_id}", guild),
    Route("GET", "/guilds/{guild_id}/channels", guild_channels),
    Route("GET", "/guilds/{guild_id}/roles", guild_roles),
    Route("GET", "/guilds/{guild_id}/members", members),
    Route("GET", "/guilds/{guild_id}/members/{user_id}", member),
    Route("GET", "/channels/{channel_id}", channel),
    Route("POST", "/channels/{channel_id}/webhooks", create_webhook),
]
