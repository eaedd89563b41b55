"""Values out of JSON bodies and queries, or 50035 with the place where they stand."""

from __future__ import annotations

import base64
import binascii
from typing import Any, cast

from botmon_cog.testing import errors
from botmon_cog.testing.errors import Payload

_LARGEST_PERMISSIONS = 2**63 - 1


def fault(key: str | tuple[str | int, ...], code: str, text: str) -> errors.DiscordError:
    path = (key,) if isinstance(key, str) else key
    return errors.invalid_form([(path, code, text)])


def required_name(body: Payload, low: int, high: int, key: str = "name") -> str:
    """The text under `key`, `low` to `high` characters long."""
    if body.get(key) is None:
        raise fault(key, "BASE_TYPE_REQUIRED", "This field is required")
    return name(body[key], low, high, key)


def name(value: Any, low: int, high: int, key: str = "name") -> str:
    if not isinstance(value, str):
        raise fault(key, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
    if not low <= len(value) <= high:
        raise fault(key, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
    return value


def integer(value: Any, low: int, high: int, key: str | tuple[str | int, ...]) -> int:
    """Digits in a string will do."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise fault(key, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.') from None
    if number < low:
        raise fault(key, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {low}.")
    if number > high:
        raise fault(key, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high}.")
    return number


def snowflake(value: Any, key: str | tuple[str | int, ...]) -> int:
    if not str(value).isdigit():
        raise fault(key, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
    return int(value)


def ids(body: Payload, key: str) -> list[int]:
    """A list of snowflakes; empty where there is none."""
    given: Any = body.get(key) or []
    if not isinstance(given, list):
        raise fault(key, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    return [snowflake(value, (key, index)) for index, value in enumerate(cast("list[object]", given))]


def permissions(value: Any, key: str | tuple[str | int, ...] = "permissions") -> int:
    return integer(value or 0, 0, _LARGEST_PERMISSIONS, key)


def limit(query: dict[str, str], default: int, high: int) -> int:
    return integer(query.get("limit", default), 1, high, "limit")


def image(value: Any, key: str, largest_bytes: int) -> bytes:
    """Of a data URI, as discord.py makes it from bytes."""
    head, comma, text = str(value).partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise fault(key, "IMAGE_INVALID", "Invalid image data")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise fault(key, "IMAGE_INVALID", "Invalid image data") from None
    if len(data) > largest_bytes:
        raise fault(key, "BINARY_TYPE_MAX_SIZE", f"File cannot be larger than {largest_bytes / 1024:.1f} kb.")
    return data
