"""From the body of a request to a message, the same for channels, interactions and webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing import errors
from botmon_cog.testing.limits import COMPONENTS_V2, EPHEMERAL, SETTABLE_FLAGS, check_message
from botmon_cog.testing.messages import SeenMessage, kept_attachments
from botmon_cog.testing.rest.call import Call

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.errors import Payload
    from botmon_cog.testing.people import LoopbackUser


def new_message(
    call: Call,
    channel: LoopbackChannel,
    author: LoopbackUser | None,
    body: Payload,
    *,
    at: tuple[str, ...] = (),
    extra_flags: int = 0,
) -> SeenMessage:
    """A message that keeps Discord's limits and is not posted yet; `at` is where its body stands in the request's."""
    flags = int(body.get("flags") or 0) & SETTABLE_FLAGS
    faults = check_message(body, is_v2=bool(flags & COMPONENTS_V2))
    if faults:
        raise errors.invalid_form(((*at, *path), code, text) for path, code, text in faults)
    if not call.files and not any(body.get(key) for key in ("content", "embeds", "components", "poll", "sticker_ids")):
        raise errors.empty_message()
    attachments = call.attachments(channel, body)
    return call.world.make_message(channel, author, body | {"flags": flags | extra_flags}, attachments)


def edit_message(call: Call, message: SeenMessage, body: Payload, *, at: tuple[str, ...] = ()) -> None:
    """Apply an edit that keeps Discord's limits, and tell whoever can see the message."""
    flags = int(body.get("flags") or 0)
    faults = check_message(body, is_v2=message.is_v2 or bool(flags & COMPONENTS_V2))
    if faults:
        raise errors.invalid_form(((*at, *path), code, text) for path, code, text in faults)
    was_filled = not message.is_empty()
    uploaded = call.attachments(message.channel, body)
    kept = kept_attachments(message, body, uploaded)
    left = {key: body[key] if key in body else message.body[key] for key in ("content", "embeds", "components")}
    if (was_filled or message.is_loading) and not kept and not any(left.values()):
        raise errors.empty_message()
    message.edit(body, kept, call.world.now_iso())
    call.world.message_was_edited(message)


def make_ephemeral(message: SeenMessage, user: LoopbackUser) -> None:
    message.body["flags"] |= EPHEMERAL
    message.visible_to = user
