"""Who reacted, and all reactions taken away at once; single ones are in `rest.messages`."""

from __future__ import annotations

from urllib.parse import unquote

from botmon_cog.testing import errors, reactions
from botmon_cog.testing.emojis import GivenEmoji
from botmon_cog.testing.messages import SeenMessage
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require

_SUPER = "1"
"""The kind of reaction that costs Nitro, which nobody here has."""


def _named(call: Call) -> tuple[SeenMessage, GivenEmoji]:
    message = call.message()
    emoji = GivenEmoji.from_text(unquote(call.parameters["emoji"]))
    if not reactions.reactors(message, emoji):
        raise errors.unknown_emoji(is_reaction=emoji.id is None)
    return message, emoji


def users(call: Call) -> Reply:
    require(call, call.channel(), "read_message_history")
    message = call.message()
    emoji = GivenEmoji.from_text(unquote(call.parameters["emoji"]))
    if call.query.get("type") == _SUPER:
        return Reply(200, [])
    after = bodies.snowflake(call.query.get("after", 0), "after")
    found = sorted((u for u in reactions.reactors(message, emoji) if u.id > after), key=lambda user: user.id)
    return Reply(200, [user.payload() for user in found[: bodies.limit(call.query, 25, 100)]])


def clear(call: Call) -> Reply:
    message = call.message()
    require(call, message.channel, "manage_messages")
    reactions.clear(call.world, message)
    return NO_CONTENT


def clear_emoji(call: Call) -> Reply:
    require(call, call.channel(), "manage_messages")
    message, emoji = _named(call)
    reactions.clear(call.world, message, emoji)
    return NO_CONTENT


_ALL = "/channels/{channel_id}/messages/{message_id}/reactions"
ROUTES = [
    Route("DELETE", _ALL, clear),
    Route("GET", _ALL + "/{emoji}", users),
    Route("DELETE", _ALL + "/{emoji}", clear_emoji),
]
