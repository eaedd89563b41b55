"""Messages in channels and direct messages, reactions, typing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botmon_cog.testing import errors, reactions
from botmon_cog.testing.emojis import GivenEmoji, is_unicode_emoji
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.limits import REACTIONS
from botmon_cog.testing.reactions import reactors
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require, require_text_channel
from botmon_cog.testing.rest.sending import edit_message, new_message
from botmon_cog.testing.snowflake import DISCORD_EPOCH_MS

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.messages import SeenMessage
    from botmon_cog.testing.people import LoopbackUser

_BULK_DELETE_AGE_MS = 14 * 24 * 3600 * 1000
_NONCE_KEPT_MS = 5 * 60 * 1000
"""Discord says "the past few minutes"."""


def create(call: Call) -> Reply:
    channel, body = call.channel(), call.body
    if channel.recipient is not None:
        _require_open_dms(call, channel.recipient)
    require_text_channel(channel)
    require(call, channel, "send_messages")
    if body.get("embeds"):
        require(call, channel, "embed_links")
    if call.files:
        require(call, channel, "attach_files")
    reference: Payload | None = body.get("message_reference")
    replied = None
    if reference:
        replied = call.world.messages.get(int(reference["message_id"]))
        if (replied is None or replied.visible_to is not None) and reference.get("fail_if_not_exists", True):
            path = ("message_reference",)
            raise errors.invalid_form([(path, "REPLIES_UNKNOWN_MESSAGE", "Unknown message")])
    if (sent := _sent_with_nonce(call, channel)) is not None:
        return Reply(200, sent.body)
    message = new_message(call, channel, call.world.bot, body)
    if reference:
        message.make_reply(int(reference["message_id"]), replied)
    call.world.post(message)
    return Reply(200, message.body)


def _sent_with_nonce(call: Call, channel: LoopbackChannel) -> SeenMessage | None:
    """The message of the last minutes that had the same nonce, where the bot asks for that to be one message."""
    nonce = call.body.get("nonce")
    if nonce is None or not call.body.get("enforce_nonce"):
        return None
    oldest_ms = int(call.world.clock.now().timestamp() * 1000) - DISCORD_EPOCH_MS - _NONCE_KEPT_MS
    return next(
        (
            message
            for message in reversed(channel.messages)
            if message.author is call.world.bot and message.body.get("nonce") == nonce and message.id >> 22 >= oldest_ms
        ),
        None,
    )


def _require_open_dms(call: Call, user: LoopbackUser) -> None:
    """A bot can write first or again only to somebody who takes its messages and shares a guild with it."""
    if call.world.faults.has_closed_dms(user):
        raise errors.cannot_dm()
    if not any(guild.has_bot and user.id in guild.memberships for guild in call.world.guilds.values()):
        raise errors.no_mutual_guilds()


def history(call: Call) -> Reply:
    channel = call.channel()
    require(call, channel, "read_message_history")
    found = channel.messages
    limit = int(call.query.get("limit", 50))
    if not 1 <= limit <= 100:  # noqa: PLR2004  # Discord's page
        text = "int value should be between 1 and 100."
        raise errors.invalid_form([(("limit",), "NUMBER_TYPE_MAX", text)])
    if "before" in call.query:
        found = [m for m in found if m.id < int(call.query["before"])]
    if "after" in call.query:
        found = [m for m in found if m.id > int(call.query["after"])][:limit]
    if "around" in call.query:
        middle = int(call.query["around"])
        found = sorted(sorted(found, key=lambda m: abs(m.id - middle))[:limit], key=lambda m: m.id)
    return Reply(200, [message.body for message in reversed(found[-limit:])])


def get(call: Call) -> Reply:
    require(call, call.channel(), "read_message_history")
    return Reply(200, call.message().body)


def patch(call: Call) -> Reply:
    message = call.message_to_change()
    if message.author is not call.world.bot:
        raise errors.not_the_author()
    edit_message(call, message, call.body)
    if message.answer is not None:
        message.answer.saw(message)
    return Reply(200, message.body)


def delete(call: Call) -> Reply:
    message = call.message_to_change()
    if message.author is not call.world.bot:
        if message.channel.guild is None:
            raise errors.not_in_dms()
        require(call, message.channel, "manage_messages")
    call.world.delete_message(message)
    return NO_CONTENT


def bulk_delete(call: Call) -> Reply:
    channel = call.channel()
    if channel.guild is None:
        raise errors.not_in_dms()
    require(call, channel, "manage_messages")
    given: list[Any] = call.body.get("messages") or []
    ids = [int(message_id) for message_id in given]
    if not 2 <= len(ids) <= 100:  # noqa: PLR2004  # Discord's bounds
        raise errors.wrong_bulk_count()
    now_ms = int(call.world.clock.now().timestamp() * 1000) - DISCORD_EPOCH_MS
    if any(now_ms - (message_id >> 22) > _BULK_DELETE_AGE_MS for message_id in ids):
        raise errors.too_old_for_bulk_delete()
    found = [call.world.messages.get(message_id) for message_id in dict.fromkeys(ids)]
    call.world.delete_messages(channel, [m for m in found if m and m.channel is channel and m.visible_to is None])
    return NO_CONTENT


def typing(call: Call) -> Reply:
    channel = call.channel()
    require(call, channel, "send_messages")
    channel.typing_count += 1
    call.world.tell_of_typing(call.world.bot, channel)
    return NO_CONTENT


def add_reaction(call: Call) -> Reply:
    message = call.message_to_change()
    emoji = GivenEmoji.from_text(unquote(call.parameters["emoji"]))
    require(call, message.channel, "read_message_history")
    if not (is_unicode_emoji(emoji.name) if emoji.id is None else _may_react(call, message, emoji.id)):
        raise errors.unknown_emoji(is_reaction=True)
    if not reactors(message, emoji):
        # To join in a reaction that is there needs no permission.
        require(call, message.channel, "add_reactions")
        if len(message.body["reactions"]) >= REACTIONS:
            raise errors.too_many_reactions(REACTIONS)
    if emoji.id is not None:
        known = call.world.custom_emojis[emoji.id]
        emoji = GivenEmoji(known.name, known.id, animated=known.animated)
    reactions.add(call.world, call.world.bot, message, emoji)
    return NO_CONTENT


def _may_react(call: Call, message: SeenMessage, emoji_id: int) -> bool:
    """An emoji of another guild is unknown to Discord where the bot may not use external ones."""
    if not call.knows_emoji(emoji_id):
        return False
    home, here = call.world.custom_emojis[emoji_id].guild, message.channel.guild
    is_external = home is not None and here is not None and home is not here
    return not is_external or call.world.bot.permissions_in(message.channel).external_emojis


def remove_reaction(call: Call) -> Reply:
    message = call.message_to_change()
    emoji = GivenEmoji.from_text(unquote(call.parameters["emoji"]))
    whose = call.parameters["user_id"]
    if whose != "@me":
        require(call, message.channel, "manage_messages")
    user = call.world.bot if whose == "@me" else call.user()
    if emoji.id is None and not is_unicode_emoji(emoji.name):
        raise errors.unknown_emoji(is_reaction=True)
    reactions.remove(call.world, user, message, emoji)
    return NO_CONTENT


_ALL = "/channels/{channel_id}/messages"
_ONE = _ALL + "/{message_id}"
ROUTES = [
    Route("POST", _ALL, create),
    Route("GET", _ALL, history),
    Route("POST", _ALL + "/bulk-delete", bulk_delete),
    Route("GET", _ONE, get),
    Route("PATCH", _ONE, patch),
    Route("DELETE", _ONE, delete),
    Route("POST", "/channels/{channel_id}/typing", typing),
    Route("PUT", _ONE + "/reactions/{emoji}/@me", add_reaction),
    Route("DELETE", _ONE + "/reactions/{emoji}/{user_id}", remove_reaction),
]
