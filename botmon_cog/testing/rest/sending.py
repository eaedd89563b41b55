"""From the body of a request to a message, the same for channels, interactions and webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing import errors
from botmon_cog.testing.embed_limits import as_shown
from botmon_cog.testing.form_checks import as_integer
from botmon_cog.testing.limits import (
    ATTACHMENTS,
    COMPONENTS_V2,
    EPHEMERAL,
    SETTABLE_FLAGS,
    check_message,
    has_something_to_show,
)
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
    flags = (as_integer(body.get("flags")) or 0) & SETTABLE_FLAGS
    is_v2 = bool(flags & COMPONENTS_V2)
    body = _checked(call, body, at, is_v2=is_v2)
    if not has_something_to_show(body) and (is_v2 or not call.files):
        raise errors.empty_message()
    attachments = call.attachments(channel, body)
    return call.world.make_message(channel, author, body | {"flags": flags | extra_flags}, attachments)


def edit_message(call: Call, message: SeenMessage, body: Payload, *, at: tuple[str, ...] = ()) -> None:
    """Apply an edit that keeps Discord's limits, and tell whoever can see the message."""
    flags = as_integer(body.get("flags")) or 0
    body = _checked(call, body, at, is_v2=message.is_v2 or bool(flags & COMPONENTS_V2))
    was_filled = not message.is_empty()
    uploaded = call.attachments(message.channel, body)
    kept = kept_attachments(message, body, uploaded)
    if (was_filled or message.is_loading) and not kept and not has_something_to_show(message.body | body):
        raise errors.empty_message()
    message.edit(body, kept, call.world.now_iso())
    call.world.message_was_edited(message)


def _checked(call: Call, body: Payload, at: tuple[str, ...], *, is_v2: bool) -> Payload:
    """The body with its embeds as everybody sees them; an error where Discord would not take it."""
    faults = check_message(body, is_v2=is_v2, knows_emoji=call.knows_emoji)
    if faults:
        raise errors.invalid_form(((*at, *path), code, text) for path, code, text in faults)
    if len(call.files) > ATTACHMENTS:
        raise errors.too_many(30015, "attachments in a message", ATTACHMENTS)
    embeds: list[Payload] | None = body.get("embeds")
    return body | {"embeds": [as_shown(embed) for embed in embeds]} if embeds else body


def make_ephemeral(message: SeenMessage, user: LoopbackUser) -> None:
    message.body["flags"] |= EPHEMERAL
    message.visible_to = user
