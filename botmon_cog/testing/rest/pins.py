"""Pinned messages, by the routes of 2025 and by the older ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing import errors
from botmon_cog.testing.form_checks import as_time
from botmon_cog.testing.hub import Intent
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.errors import Payload

MOST_PINS = 250
_PAGE = 50
_PINNED_A_MESSAGE = 6


def listing(call: Call) -> Reply:
    """The page that was asked for, the last one pinned first."""
    channel = call.channel()
    require(call, channel, "read_message_history")
    pins = list(channel.pins.items())[::-1]
    if "before" in call.query:
        before = as_time(call.query["before"])
        if before is None:
            raise bodies.fault("before", "DATE_TIME_TYPE_PARSE", "Should be ISO8601.")
        pins = [(message_id, at) for message_id, at in pins if (as_time(at) or before) < before]
    limit = bodies.limit(call.query, _PAGE, _PAGE)
    items: list[Payload] = [
        {"pinned_at": at, "message": call.world.messages[message_id].body} for message_id, at in pins[:limit]
    ]
    return Reply(200, {"items": items, "has_more": len(pins) > limit})


def old_listing(call: Call) -> Reply:
    channel = call.channel()
    require(call, channel, "read_message_history")
    newest = list(channel.pins)[: -_PAGE - 1 : -1]
    return Reply(200, [call.world.messages[message_id].body for message_id in newest])


def pin(call: Call) -> Reply:
    message = call.message()
    channel = message.channel
    require(call, channel, "pin_messages")
    if message.id in channel.pins:
        return NO_CONTENT
    if len(channel.pins) >= MOST_PINS:
        raise errors.too_many(30003, "pins", MOST_PINS)
    if message.body["type"] in (_PINNED_A_MESSAGE, *range(1, 6)):
        raise errors.DiscordError(403, 50021, "Cannot execute action on a system message")
    channel.pins[message.id] = call.world.now_iso()
    message.body["pinned"] = True
    call.world.message_was_edited(message)
    _tell(call, channel)
    notice = call.world.make_message(channel, call.world.bot, {}, [])
    notice.body |= {
        "type": _PINNED_A_MESSAGE,
        "message_reference": {"type": 0, "channel_id": str(channel.id), "message_id": str(message.id)},
    }
    call.world.post(notice)
    return NO_CONTENT


def unpin(call: Call) -> Reply:
    message = call.message()
    channel = message.channel
    require(call, channel, "pin_messages")
    if channel.pins.pop(message.id, None) is not None:
        message.body["pinned"] = False
        call.world.message_was_edited(message)
        _tell(call, channel)
    return NO_CONTENT


def _tell(call: Call, channel: LoopbackChannel) -> None:
    last = next(reversed(channel.pins.values()), None)
    body: Payload = {"channel_id": str(channel.id), "last_pin_timestamp": last}
    call.world.tell_channel_event("CHANNEL_PINS_UPDATE", channel, body, Intent.GUILDS, Intent.DIRECT_MESSAGES)


_NEW = "/channels/{channel_id}/messages/pins"
_OLD = "/channels/{channel_id}/pins"
ROUTES = [
    Route("GET", _NEW, listing),
    Route("GET", _OLD, old_listing),
    *(Route("PUT", base + "/{message_id}", pin) for base in (_NEW, _OLD)),
    *(Route("DELETE", base + "/{message_id}", unpin) for base in (_NEW, _OLD)),
]
