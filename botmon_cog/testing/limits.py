"""Discord's limits on messages and embeds: a body goes in, the list of faults comes out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botmon_cog.testing.component_limits import check_components
from botmon_cog.testing.errors import Fault, Payload

SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15
SETTABLE_FLAGS = SUPPRESS_EMBEDS | EPHEMERAL | 1 << 12 | 1 << 13 | COMPONENTS_V2

CONTENT_CHARACTERS = 2000
EMBEDS = 10
EMBED_CHARACTERS_IN_ALL = 6000
EMBED_FIELDS = 25
REQUIRED = ("BASE_TYPE_REQUIRED", "This field is required")


def too_long(limit: int) -> tuple[str, str]:
    return "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length."


def bad_length(low: int, high: int) -> tuple[str, str]:
    return "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length."


def check_message(body: Payload, *, is_v2: bool) -> list[Fault]:
    """The faults of a message that is to be sent or edited; `is_v2` says whether it is of components v2."""
    faults: list[Fault] = []
    content = body.get("content")
    if content is not None and not isinstance(content, str):
        faults.append((("content",), "STRING_TYPE_CONVERT", "Could not interpret value as string."))
    elif content is not None and len(content) > CONTENT_CHARACTERS:
        faults.append((("content",), *too_long(CONTENT_CHARACTERS)))
    if is_v2:
        faults += [
            (
                (key,),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )
            for key in ("content", "embeds", "poll", "sticker_ids")
            if body.get(key)
        ]
    faults += check_embeds(body.get("embeds") or [])
    faults += check_components(body.get("components") or [], is_v2=is_v2)
    return faults


def check_embeds(embeds: list[Payload]) -> list[Fault]:
    faults: list[Fault] = []
    if len(embeds) > EMBEDS:
        faults.append((("embeds",), *too_long(EMBEDS)))
    for index, embed in enumerate(embeds):
        faults += [(("embeds", index, *path), code, text) for path, code, text in _check_embed(embed)]
    if sum(embed_characters(embed) for embed in embeds) > EMBED_CHARACTERS_IN_ALL:
        faults.append(
            (("embeds",), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_CHARACTERS_IN_ALL}")
        )
    return faults


def embed_characters(embed: Payload) -> int:
    """What counts towards the 6,000 characters that all embeds of a message may hold together."""
    return sum(len(text) for _, text, _ in _texts(embed) if isinstance(text, str))


def _check_embed(embed: Payload) -> Iterator[Fault]:
    for path, text, limit in _texts(embed):
        if text is None:
            continue
        if not isinstance(text, str):
            yield path, "STRING_TYPE_CONVERT", "Could not interpret value as string."
        elif len(text) > limit:
            yield path, *too_long(limit)
    fields: list[Payload] = embed.get("fields") or []
    if len(fields) > EMBED_FIELDS:
        yield ("fields",), *too_long(EMBED_FIELDS)
    for index, field in enumerate(fields):
        for key in ("name", "value"):
            if not str(field.get(key) or "").strip():
                yield ("fields", index, key), *REQUIRED
    yield from _check_urls(embed)
    if not any(
        embed.get(key)
        for key in ("title", "description", "fields", "image", "thumbnail", "author", "footer", "url", "video")
    ):
        yield ("description",), *REQUIRED


def _check_urls(embed: Payload) -> Iterator[Fault]:
    for key in ("url", "image", "thumbnail"):
        given: Any = embed.get(key)
        path = (key,) if isinstance(given, str) else (key, "url")
        url: Any = given if isinstance(given, str) or given is None else given["url"]
        if url and not url.startswith(("http://", "https://", "attachment://")):
            yield path, "URL_TYPE_INVALID_URL", "Not a well formed URL."


def _texts(embed: Payload) -> Iterator[tuple[tuple[str | int, ...], Any, int]]:
    yield ("title",), embed.get("title"), 256
    yield ("description",), embed.get("description"), 4096
    for key, part, limit in (("footer", "text", 2048), ("author", "name", 256)):
        named: Payload = embed.get(key) or {}
        yield (key, part), named.get(part), limit
    for index, field in enumerate(embed.get("fields") or []):
        yield ("fields", index, "name"), field.get("name"), 256
        yield ("fields", index, "value"), field.get("value"), 1024
