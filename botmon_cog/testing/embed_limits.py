"""Discord's limits on embeds, and the form in which it shows them to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from botmon_cog.testing.errors import Fault, Payload
from botmon_cog.testing.form_checks import (
    LARGEST_COLOUR,
    NO_STRING,
    REQUIRED,
    Path,
    as_integer,
    as_time,
    check_integer,
    check_time,
    check_url,
    too_long,
)

EMBEDS = 10
EMBED_CHARACTERS_IN_ALL = 6000
EMBED_FIELDS = 25
TITLE_CHARACTERS, DESCRIPTION_CHARACTERS = 256, 4096
FOOTER_CHARACTERS, AUTHOR_CHARACTERS = 2048, 256
FIELD_NAME_CHARACTERS, FIELD_VALUE_CHARACTERS = 256, 1024
_OF_CONTENT = ("title", "description", "fields", "image", "thumbnail", "author", "footer", "url", "video")


def check_embeds(embeds: list[Payload]) -> list[Fault]:
    faults: list[Fault] = []
    if len(embeds) > EMBEDS:
        faults.append((("embeds",), *too_long(EMBEDS)))
    for index, embed in enumerate(embeds):
        faults += [(("embeds", index, *path), code, text) for path, code, text in _check_embed(embed)]
    if sum(embed_characters(embed) for embed in embeds) > EMBED_CHARACTERS_IN_ALL:
        text = f"Embed size exceeds maximum size of {EMBED_CHARACTERS_IN_ALL}"
        faults.append((("embeds",), "MAX_EMBED_SIZE_EXCEEDED", text))
    return faults


def as_shown(embed: Payload) -> Payload:
    """A sound embed as Discord answers with it and sends it on: its time and its colour in one form each."""
    shown: Payload = {**embed, "type": "rich"}
    moment = as_time(embed.get("timestamp"))
    if moment is not None:
        shown["timestamp"] = moment.astimezone(UTC).isoformat()
    colour = as_integer(embed.get("color"))
    if colour is not None:
        shown["color"] = colour
    fields: list[Payload] | None = embed.get("fields")
    if fields is not None:
        shown["fields"] = [{**field, "inline": bool(field.get("inline"))} for field in fields]
    return {key: value for key, value in shown.items() if value is not None}


def embed_characters(embed: Payload) -> int:
    """What counts towards the 6,000 characters that all embeds of a message may hold together."""
    return sum(len(text) for _, text, _ in _texts(embed) if isinstance(text, str))


def _check_embed(embed: Payload) -> Iterator[Fault]:
    for path, text, limit in _texts(embed):
        if text is None:
            continue
        if not isinstance(text, str):
            yield path, *NO_STRING
        elif len(text) > limit:
            yield path, *too_long(limit)
    fields: list[Payload] = embed.get("fields") or []
    if len(fields) > EMBED_FIELDS:
        yield ("fields",), *too_long(EMBED_FIELDS)
    for index, field in enumerate(fields):
        for key in ("name", "value"):
            if not str(field.get(key) or "").strip():
                yield ("fields", index, key), *REQUIRED
    yield from check_integer(("color",), embed.get("color"), 0, LARGEST_COLOUR)
    yield from check_time(("timestamp",), embed.get("timestamp"))
    yield from _check_urls(embed)
    if not any(embed.get(key) for key in _OF_CONTENT):
        yield ("description",), *REQUIRED


def _check_urls(embed: Payload) -> Iterator[Fault]:
    yield from check_url(("url",), embed.get("url"))
    for key in ("image", "thumbnail"):
        picture: Payload = embed.get(key) or {}
        yield from _check_picture((key, "url"), picture.get("url"))
    for key in ("author", "footer"):
        part: Payload = embed.get(key) or {}
        yield from check_url((key, "url"), part.get("url"))
        yield from _check_picture((key, "icon_url"), part.get("icon_url"))


def _check_picture(path: Path, url: Any) -> Iterator[Fault]:
    """A picture may also be a file of the same message: "attachment://name.png"."""
    if not (isinstance(url, str) and url.startswith("attachment://")):
        yield from check_url(path, url)


def _texts(embed: Payload) -> Iterator[tuple[Path, Any, int]]:
    yield ("title",), embed.get("title"), TITLE_CHARACTERS
    yield ("description",), embed.get("description"), DESCRIPTION_CHARACTERS
    for key, part, limit in (("footer", "text", FOOTER_CHARACTERS), ("author", "name", AUTHOR_CHARACTERS)):
        named: Payload = embed.get(key) or {}
        yield (key, part), named.get(part), limit
    for index, field in enumerate(embed.get("fields") or []):
        yield ("fields", index, "name"), field.get("name"), FIELD_NAME_CHARACTERS
        yield ("fields", index, "value"), field.get("value"), FIELD_VALUE_CHARACTERS
