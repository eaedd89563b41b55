"""What Discord says of a value in a request's body that it does not take: the code and the words of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from botmon_cog.testing.errors import Fault, Payload

Path = tuple[str | int, ...]
REQUIRED = ("BASE_TYPE_REQUIRED", "This field is required")
NO_STRING = ("STRING_TYPE_CONVERT", "Could not interpret value as string.")
LARGEST_COLOUR = 0xFFFFFF
URL_CHARACTERS = 2048
_LISTS_OF_MODELS = {"embeds", "fields", "attachments", "components", "options", "choices", "items"}
_LISTS = {"parse", "users", "roles"}
_MODELS_OF_EMBEDS = {"footer", "author", "image", "thumbnail", "provider", "video"}
_MODELS = _MODELS_OF_EMBEDS | {"allowed_mentions", "accessory", "component", "emoji", "media", "file"}


def too_long(limit: int) -> tuple[str, str]:
    return "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length."


def bad_length(low: int, high: int) -> tuple[str, str]:
    return "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length."


def check_shape(path: Path, body: Payload) -> Iterator[Fault]:
    """Lists that are none, and objects that are none, at any depth: while there are such, nothing else is looked at."""
    for key, value in body.items():
        here = (*path, key)
        if value is None:
            continue
        if key in _MODELS:
            yield from check_model(here, value)
        elif key in _LISTS_OF_MODELS | _LISTS:
            if not isinstance(value, list):
                yield here, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"
            elif key in _LISTS_OF_MODELS:
                for index, item in enumerate(cast("list[object]", value)):
                    yield from check_model((*here, index), item)


def check_model(path: Path, value: object) -> Iterator[Fault]:
    if isinstance(value, dict):
        yield from check_shape(path, cast("Payload", value))
    else:
        yield path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"


def check_length(path: Path, text: object, low: int, high: int) -> Iterator[Fault]:
    """A text that has to be there."""
    if text is None or text == "":
        yield path, *REQUIRED
    elif not isinstance(text, str):
        yield path, *NO_STRING
    elif not low <= len(text) <= high:
        yield path, *bad_length(low, high)


def check_optional_length(path: Path, text: object, high: int) -> Iterator[Fault]:
    """A text that may be absent."""
    if text is not None and not isinstance(text, str):
        yield path, *NO_STRING
    elif text is not None and len(text) > high:
        yield path, *too_long(high)


def check_integer(path: Path, value: object, low: int, high: int) -> Iterator[Fault]:
    """None and digits in a string are fine, as for Discord."""
    if value is None:
        return
    number = as_integer(value)
    if number is None:
        yield path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.'
    elif number < low:
        yield path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {low}."
    elif number > high:
        yield path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high}."


def as_integer(value: object) -> int | None:
    """The number that Discord makes of a value; None where it makes none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    try:
        return int(value) if isinstance(value, str) else None
    except ValueError:
        return None


def check_type(path: Path, model: Payload, allowed: tuple[int, ...]) -> Iterator[Fault]:
    """Whether a component or an option is of a type that may stand here."""
    if model.get("type") not in allowed:
        yield path, "UNION_TYPE_CHOICES", f'Value of field "type" must be one of {allowed}.'


def check_url(
    path: Path, url: object, schemes: tuple[str, ...] = ("http", "https"), limit: int = URL_CHARACTERS
) -> Iterator[Fault]:
    """None and an empty text are fine: they stand for no URL."""
    if url is None or url == "":
        return
    if not isinstance(url, str):
        yield path, *NO_STRING
        return
    if len(url) > limit:
        yield path, *too_long(limit)
    scheme, host = _scheme_and_host(url)
    if not scheme or not host:
        yield path, "URL_TYPE_INVALID_URL", "Not a well formed URL."
    elif scheme not in schemes:
        text = f'Scheme "{scheme}" is not supported. Scheme must be one of {schemes}.'
        yield path, "URL_TYPE_INVALID_SCHEME", text


def _scheme_and_host(url: str) -> tuple[str, str]:
    """Both empty where the text is no URL; a host needs a dot or a colon, so "localhost" is none."""
    if any(character.isspace() for character in url):
        return "", ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "", ""
    if parts.scheme in ("http", "https") and not {".", ":"} & set(host.strip(".")):
        return "", ""
    return parts.scheme, host or parts.path


def check_time(path: Path, value: Any) -> Iterator[Fault]:
    if value is not None and as_time(value) is None:
        yield path, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601."


def as_time(value: object) -> datetime | None:
    """The moment of an ISO 8601 text, in UTC where it names no zone; None where the value is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
