"""Components V2: which component may stand where, and the limits of those that only show something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botmon_cog.testing.errors import Fault, Payload
from botmon_cog.testing.form_checks import (
    LARGEST_COLOUR,
    REQUIRED,
    Path,
    bad_length,
    check_integer,
    check_length,
    check_optional_length,
    check_url,
)

SECTION, TEXT_DISPLAY, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 9, 10, 11, 12, 13, 14, 17
TOP_LEVEL = (1, 9, 10, 12, 13, 14, 17)
TOP_LEVEL_OF_MODALS = (1, 10, 18)
SECTION_TEXTS, GALLERY_ITEMS, CONTAINER_COMPONENTS = 3, 10, 40
DISPLAY_CHARACTERS = 4000
MEDIA_SCHEMES = ("http", "https", "attachment")
_DESCRIPTION_CHARACTERS = 1024
_BELOW: dict[int, dict[str, tuple[int, ...]]] = {
    1: {"components": (2, 3, 5, 6, 7, 8)},
    SECTION: {"components": (TEXT_DISPLAY,), "accessory": (2, THUMBNAIL)},
    CONTAINER: {"components": (1, 9, 10, 12, 13, 14)},
    18: {"component": (3, 4, 5, 6, 7, 8, 19, 21, 22, 23)},
}
_BELOW_ROWS_OF_MODALS = {"components": (4,)}


def allowed_below(kind: int, *, is_modal: bool) -> dict[str, tuple[int, ...]]:
    """Where a component of this type holds others, and of which types."""
    return _BELOW_ROWS_OF_MODALS if is_modal and kind == 1 else _BELOW.get(kind, {})


def check(path: Path, component: Payload) -> Iterator[Fault]:
    """The faults of one component that only shows something, apart from what stands in it."""
    kind = component["type"]
    if kind == TEXT_DISPLAY:
        yield from check_length((*path, "content"), component.get("content"), 1, DISPLAY_CHARACTERS)
    elif kind == SECTION:
        yield from _check_count((*path, "components"), component.get("components"), SECTION_TEXTS)
        if not component.get("accessory"):
            yield (*path, "accessory"), *REQUIRED
    elif kind == CONTAINER:
        yield from _check_count((*path, "components"), component.get("components"), CONTAINER_COMPONENTS)
        yield from check_integer((*path, "accent_color"), component.get("accent_color"), 0, LARGEST_COLOUR)
    elif kind == GALLERY:
        items: list[Payload] = component.get("items") or []
        yield from _check_count((*path, "items"), component.get("items"), GALLERY_ITEMS)
        for index, item in enumerate(items):
            yield from _check_media((*path, "items", index), item)
    elif kind == THUMBNAIL:
        yield from _check_media(path, component)
    elif kind == FILE:
        yield from _check_medium((*path, "file"), component.get("file"), ("attachment",))
    elif kind == SEPARATOR and component.get("spacing") not in (None, 1, 2):
        yield (*path, "spacing"), "BASE_TYPE_CHOICES", "Value must be one of {1, 2}."


def _check_count(path: Path, inside: list[Any] | None, high: int) -> Iterator[Fault]:
    if inside is None:
        yield path, *REQUIRED
    elif not 1 <= len(inside) <= high:
        yield path, *bad_length(1, high)


def _check_media(path: Path, holder: Payload) -> Iterator[Fault]:
    yield from check_optional_length((*path, "description"), holder.get("description"), _DESCRIPTION_CHARACTERS)
    yield from _check_medium((*path, "media"), holder.get("media"), MEDIA_SCHEMES)


def _check_medium(path: Path, media: Payload | None, schemes: tuple[str, ...]) -> Iterator[Fault]:
    if media is None:
        yield path, *REQUIRED
    elif not media.get("url"):
        yield (*path, "url"), *REQUIRED
    else:
        yield from check_url((*path, "url"), media["url"], schemes)
