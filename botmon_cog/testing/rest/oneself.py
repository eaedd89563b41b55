"""The bot's own account and application: looked at and changed, direct messages opened, guilds left."""

from __future__ import annotations

from botmon_cog.testing import errors, pictures
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route

_LARGEST_AVATAR_BYTES = 10 * 1024 * 1024
_MOST_GUILDS = 200
_DESCRIPTION_CHARACTERS = 400


def me(call: Call) -> Reply:
    return Reply(200, call.world.bot.own_payload())


def edit_me(call: Call) -> Reply:
    world, body = call.world, call.body
    if body.get("username") is not None:
        world.bot.name = bodies.name(body["username"], 2, 32, "username")
    if "avatar" in body:
        data = None if body["avatar"] is None else bodies.image(body["avatar"], "avatar", _LARGEST_AVATAR_BYTES)
        world.bot.avatar = None if data is None else pictures.keep(world, f"avatars/{world.bot.id}", data)
    world.hub.dispatch("USER_UPDATE", world.bot.own_payload(), guild_id=None)
    return Reply(200, world.bot.own_payload())


def application(call: Call) -> Reply:
    return Reply(200, call.world.application)


def edit_application(call: Call) -> Reply:
    if call.body.get("description") is not None:
        text = bodies.name(call.body["description"], 0, _DESCRIPTION_CHARACTERS, "description")
        call.world.application["description"] = text
    return Reply(200, call.world.application)


def open_dm(call: Call) -> Reply:
    user = call.world.users.get(int(call.body.get("recipient_id") or 0))
    if user is None or user is call.world.bot:
        raise errors.invalid_form([(("recipient_id",), "INVALID_RECIPIENT", "Invalid Recipient(s)")])
    return Reply(200, user.dm_channel.payload())


def guilds(call: Call) -> Reply:
    mine = sorted((guild for guild in call.world.guilds.values() if guild.has_bot), key=lambda guild: guild.id)
    limit = bodies.limit(call.query, _MOST_GUILDS, _MOST_GUILDS)
    if "before" in call.query:
        mine = [g for g in mine if g.id < bodies.snowflake(call.query["before"], "before")][-limit:]
    if "after" in call.query:
        mine = [g for g in mine if g.id > bodies.snowflake(call.query["after"], "after")]
    return Reply(
        200,
        [
            {
                "id": str(guild.id),
                "name": guild.name,
                "icon": None,
                "owner": guild.owner is call.world.bot,
                "permissions": str(call.world.bot.permissions_in(guild).value),
                "features": [],
                "approximate_member_count": len(guild.memberships),
                "approximate_presence_count": len(guild.memberships),
            }
            for guild in mine[:limit]
        ],
    )


def leave(call: Call) -> Reply:
    call.guild().remove_bot()
    return NO_CONTENT


ROUTES = [
    Route("GET", "/users/@me", me),
    Route("PATCH", "/users/@me", edit_me),
    Route("GET", "/oauth2/applications/@me", application),
    Route("GET", "/applications/@me", application),
    Route("PATCH", "/applications/@me", edit_application),
    Route("POST", "/users/@me/channels", open_dm),
    Route("GET", "/users/@me/guilds", guilds),
    Route("DELETE", "/users/@me/guilds/{guild_id}", leave),
]
