"""Discord's limits on messages: a body goes in, the list of faults comes out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botmon_cog.testing.component_limits import KnowsEmoji, check_components, knows_unicode_only
from botmon_cog.testing.embed_limits import check_embeds
from botmon_cog.testing.errors import Fault, Payload
from botmon_cog.testing.form_checks import NO_STRING, check_integer, check_shape, too_long

SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15
SETTABLE_FLAGS = SUPPRESS_EMBEDS | EPHEMERAL | 1 << 12 | 1 << 13 | COMPONENTS_V2

CONTENT_CHARACTERS = 2000
ATTACHMENTS = 10
ALLOWED_MENTIONS = 100
REACTIONS = 20
"""Different emojis below one message."""
_MENTION_KINDS = ("users", "roles", "everyone")
_LEGACY_FIELDS = ("content", "embeds", "poll", "sticker_ids")


def check_message(body: Payload, *, is_v2: bool, knows_emoji: KnowsEmoji = knows_unicode_only) -> list[Fault]:
    """The faults of a message that is to be sent or edited.

    `is_v2` says whether it is of components v2, `knows_emoji` which custom emojis the bot may use.
    """
    misshapen = list(check_shape((), body))
    if misshapen:
        return misshapen
    faults: list[Fault] = []
    content = body.get("content")
    if content is not None and not isinstance(content, str):
        faults.append((("content",), *NO_STRING))
    elif content is not None and len(content) > CONTENT_CHARACTERS:
        faults.append((("content",), *too_long(CONTENT_CHARACTERS)))
    faults += check_integer(("flags",), body.get("flags"), 0, 2**63 - 1)
    if is_v2:
        faults += [
            (
                (key,),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )
            for key in _LEGACY_FIELDS
            if body.get(key)
        ]
    attachments: Any = body.get("attachments") or []
    if len(attachments) > ATTACHMENTS:
        faults.append((("attachments",), *too_long(ATTACHMENTS)))
    faults += check_embeds(body.get("embeds") or [])
    faults += check_components(body.get("components") or [], is_v2=is_v2, knows_emoji=knows_emoji)
    faults += _check_allowed_mentions(body.get("allowed_mentions") or {})
    return faults


def has_something_to_show(body: Payload) -> bool:
    """Whether a message of this body would be seen without a file; blank text is nothing."""
    content = body.get("content")
    is_said = isinstance(content, str) and bool(content.strip())
    return is_said or any(body.get(key) for key in ("embeds", "components", "poll", "sticker_ids"))


def _check_allowed_mentions(allowed: Payload) -> Iterator[Fault]:
    lists: dict[str, list[Any]] = {key: allowed.get(key) or [] for key in ("parse", "users", "roles")}
    for key, values in lists.items():
        path = ("allowed_mentions", key)
        if key != "parse" and len(values) > ALLOWED_MENTIONS:
            yield path, *too_long(ALLOWED_MENTIONS)
        for index, value in enumerate(values):
            if key == "parse" and value not in _MENTION_KINDS:
                yield (*path, index), "BASE_TYPE_CHOICES", f"Value must be one of {_MENTION_KINDS}."
            if value in values[:index]:
                yield (*path, index), "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value"
    for key in ("users", "roles"):
        if key in lists["parse"] and lists[key]:
            text = f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.'
            yield ("allowed_mentions",), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", text
