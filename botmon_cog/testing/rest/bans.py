"""Bans of a guild."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from botmon_cog.testing import errors
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.guilds import LoopbackGuild
from botmon_cog.testing.people import LoopbackUser
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require_in_guild, require_may_remove
from botmon_cog.testing.snowflake import DISCORD_EPOCH_MS

_LONGEST_DELETION_S = 7 * 24 * 3600
_PAGE = 1000
_MOST_AT_ONCE = 200


def _payload(call: Call, guild: LoopbackGuild, user_id: int) -> Payload:
    return {"reason": guild.bans[user_id], "user": call.world.users[user_id].payload()}


def listing(call: Call) -> Reply:
    guild = call.guild()
    require_in_guild(call, guild, "ban_members")
    limit = bodies.limit(call.query, _PAGE, _PAGE)
    ids = sorted(guild.bans)
    if "before" in call.query:
        ids = [i for i in ids if i < bodies.snowflake(call.query["before"], "before")][-limit:]
    elif "after" in call.query:
        ids = [i for i in ids if i > bodies.snowflake(call.query["after"], "after")]
    return Reply(200, [_payload(call, guild, user_id) for user_id in ids[:limit]])


def get(call: Call) -> Reply:
    guild = call.guild()
    require_in_guild(call, guild, "ban_members")
    user_id = call.id("user_id")
    if user_id not in guild.bans:
        raise errors.unknown_ban()
    return Reply(200, _payload(call, guild, user_id))


def ban(call: Call) -> Reply:
    guild = call.guild()
    require_in_guild(call, guild, "ban_members")
    user = call.user()
    require_may_remove(call, guild, user)
    # discord.py sends it in the query, which Discord takes as well.
    deletion_s = _deletion_s({**call.query, **call.body})
    guild.ban(user, call.reason)
    _delete_messages(call, guild, [user], deletion_s)
    return NO_CONTENT


def unban(call: Call) -> Reply:
    guild = call.guild()
    require_in_guild(call, guild, "ban_members")
    user_id = call.id("user_id")
    if user_id not in guild.bans:
        raise errors.unknown_ban()
    guild.unban(call.world.users[user_id])
    return NO_CONTENT


def bulk_ban(call: Call) -> Reply:
    """Bans whom it can; an error only where it can ban nobody."""
    guild = call.guild()
    require_in_guild(call, guild, "ban_members", "manage_guild")
    given = bodies.ids(call.body, "user_ids")
    if not 1 <= len(given) <= _MOST_AT_ONCE:
        text = f"Must be between 1 and {_MOST_AT_ONCE} in length."
        raise bodies.fault("user_ids", "BASE_TYPE_BAD_LENGTH", text)
    deletion_s = _deletion_s(call.body)
    banned: list[LoopbackUser] = []
    failed: list[str] = []
    for user_id in given:
        user = call.world.users.get(user_id)
        if user is None or user.id in guild.bans or not _may_ban(call, guild, user):
            failed.append(str(user_id))
        else:
            guild.ban(user, call.reason)
            banned.append(user)
    if not banned:
        raise errors.DiscordError(400, 500000, "Failed to ban users")
    _delete_messages(call, guild, banned, deletion_s)
    return Reply(200, {"banned_users": [str(user.id) for user in banned], "failed_users": failed})


def _may_ban(call: Call, guild: LoopbackGuild, user: LoopbackUser) -> bool:
    return user not in (guild.owner, call.world.bot) and guild.rank_of(call.world.bot) > guild.rank_of(user)


def _deletion_s(body: Payload) -> int:
    if body.get("delete_message_days"):
        return bodies.integer(body["delete_message_days"], 0, 7, "delete_message_days") * 24 * 3600
    return bodies.integer(body.get("delete_message_seconds") or 0, 0, _LONGEST_DELETION_S, "delete_message_seconds")


def _delete_messages(call: Call, guild: LoopbackGuild, authors: Collection[LoopbackUser], within_s: int) -> None:
    if within_s == 0:
        return
    oldest = call.world.clock.now() - timedelta(seconds=within_s)
    oldest_id = (int(oldest.timestamp() * 1000) - DISCORD_EPOCH_MS) << 22
    for channel in (*guild.channels, *guild.threads):
        gone = [m for m in channel.messages if m.author in authors and m.id >= oldest_id]
        call.world.delete_messages(channel, gone)


_ALL = "/guilds/{guild_id}/bans"
ROUTES = [
    Route("GET", _ALL, listing),
    Route("GET", _ALL + "/{user_id}", get),
    Route("PUT", _ALL + "/{user_id}", ban),
    Route("DELETE", _ALL + "/{user_id}", unban),
    Route("POST", "/guilds/{guild_id}/bulk-ban", bulk_ban),
]
