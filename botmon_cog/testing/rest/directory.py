"""Where the gateway is, users, and guilds as a whole."""

from __future__ import annotations

from botmon_cog.testing.rest.call import Call, Reply, Route


def gateway(call: Call) -> Reply:
    return Reply(200, {"url": call.world.gateway_url})


def gateway_for_bots(call: Call) -> Reply:
    limit = {"total": 1000, "remaining": call.world.hub.sessions_left, "reset_after": 86_400_000, "max_concurrency": 1}
    body = {"url": call.world.gateway_url, "shards": call.world.shard_count, "session_start_limit": limit}
    return Reply(200, body)


def user(call: Call) -> Reply:
    return Reply(200, call.user().payload())


def guild(call: Call) -> Reply:
    return Reply(200, call.guild().rest_payload())


ROUTES = [
    Route("GET", "/gateway", gateway, needs_token=False),
    Route("GET", "/gateway/bot", gateway_for_bots),
    Route("GET", "/users/{user_id}", user),
    Route("GET", "/guilds/{guild_id}", guild),
]
