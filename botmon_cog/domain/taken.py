"""What hosts hand over, checked when it is taken: whatever passes here no database refuses later.

A value of the wrong type raises TypeError; one that is only out of bounds is brought within them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, SupportsFloat, cast

from botmon_cog.domain.models import Id

LONGEST_NAME = 200
"""Characters of a command's or an operation's name, a unit, an error's type, and an id that is no number."""
LONGEST_USERNAME = 100
LONGEST_TEXT = 4_000
LONGEST_TITLE = 100
LONGEST_S = 10 * 366 * 86_400.0
"""Ten years: no duration is longer."""
LONGEST_SONG_S = 86_400.0
"""A day: what is said to have played for longer is a mistake, and its length unknown."""
LARGEST = 2**63 - 1
"""Of an integer, in both databases."""

_JSON_SIZES = ((3_900, 1_000, 50), (400, 100, 4), (60, 30, 2), (20, 12, 1))
"""(characters of a text, values in all, levels) that are tried until the whole fits: the last always does."""

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)
_DIGITS = len(str(LARGEST))


def taken_id(value: Id | None, what: str = "the id") -> Id | None:
    """A Discord id as a number, any other as text, None as None. `"123"` is 123, but `"0123"`, `"0"` and 0 are text.

    Raises:
        TypeError: it is neither a number nor text.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _wrong(what, "an int, a str or None", value)
    if isinstance(value, int):
        return int(value) if 0 < value <= LARGEST else str(int(value))[:LONGEST_NAME]
    is_number = value.isascii() and value.isdecimal() and not value.startswith("0") and len(value) <= _DIGITS
    return int(value) if is_number and int(value) <= LARGEST else value[:LONGEST_NAME]


def taken_guild(value: Id | None) -> Id:
    """The id of a guild that must be there.

    Raises:
        TypeError: it is no id.
    """
    taken = taken_id(value, "guild_id")
    if taken is None:
        raise _wrong("guild_id", "an int or a str", value)
    return taken


def taken_text(value: str, what: str, longest: int = LONGEST_TEXT) -> str:
    """A text, cut to `longest` characters.

    Raises:
        TypeError: it is no text.
    """
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _wrong(what, "a str", value)
    return value[:longest]


def taken_text_or_none(value: str | None, what: str, longest: int = LONGEST_TEXT) -> str | None:
    """As `taken_text`; None stays None."""
    return None if value is None else taken_text(value, what, longest)


def taken_title(value: object) -> str | None:
    """The title of a song in one line, cut to `LONGEST_TITLE` characters; None for what is no text, or blank."""
    if not isinstance(value, str):
        return None
    return " ".join(value[: 10 * LONGEST_TITLE].split())[:LONGEST_TITLE].rstrip() or None


def taken_duration(value: SupportsFloat | None, what: str) -> float | None:
    """Seconds between 0 and ten years; None where nobody measured them, or what was measured is NaN or infinite.

    Raises:
        TypeError: it is no number.
    """
    if value is None:
        return None
    if not isinstance(value, float | int | SupportsFloat):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _wrong(what, "a number", value)
    seconds = float(value)
    return min(max(seconds, 0.0), LONGEST_S) if math.isfinite(seconds) else None


def taken_song(value: SupportsFloat | None) -> float:
    """Seconds that a song played; 0 if that is unknown or absurd: NaN, negative, or over a day.

    Raises:
        TypeError: it is no number.
    """
    if value is not None and not isinstance(value, float | int | SupportsFloat):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _wrong("duration", "a number", value)
    seconds = 0.0 if value is None else float(value)
    return seconds if 0.0 <= seconds <= LONGEST_SONG_S else 0.0


def taken_json(value: object) -> str:
    """The value as JSON text of at most `LONGEST_TEXT` characters that is whole all the same: what is long is cut.

    What JSON does not know is kept as its `str`, and so are keys.
    """
    text = ""
    for longest, most, depth in _JSON_SIZES:
        text = json.dumps(_Plain(longest, most).of(value, depth), ensure_ascii=False)
        if len(text) <= LONGEST_TEXT:
            break
    return text


def taken_moment(moment: datetime) -> datetime:
    """The moment, or the nearest between 1970 and 9999: a wrong clock may show any."""
    return min(max(moment, _FIRST), _LAST)


def taken_size(value: int | None) -> int | None:
    """A number of bytes; None where it is not known or cannot be."""
    return value if value is not None and 0 <= value <= LARGEST else None


class _Plain:
    """Makes values of what JSON knows, `most` of them at the most: a list may hold itself."""

    def __init__(self, longest: int, most: int) -> None:
        self._longest = longest
        self._left = most

    def of(self, value: object, depth: int) -> Any:
        """The value, and what is in it down to `depth` levels."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return float(value)
        if isinstance(value, int):
            return int(value) if -LARGEST <= value <= LARGEST else hex(value)[: self._longest]
        if depth > 0 and isinstance(value, Mapping):
            mapping = cast("Mapping[object, object]", value)
            return {str(key)[: self._longest]: self.of(each, depth - 1) for key, each in mapping.items() if self._one()}
        if depth > 0 and isinstance(value, list | tuple | AbstractSet):
            values = cast("list[object]", value)
            return [self.of(each, depth - 1) for each in values if self._one()]
        return str(value)[: self._longest]

    def _one(self) -> bool:
        """Whether there is room for one more."""
        self._left -= 1
        return self._left >= 0


def _wrong(what: str, expected: str, value: object) -> TypeError:
    return TypeError(f"{what} must be {expected}, not {type(value).__name__}")
