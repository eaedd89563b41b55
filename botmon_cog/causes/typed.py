"""What people typed, in the forms in which an exception's text may repeat it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast
from urllib.parse import quote

MOST_VALUES = 100
_LONGEST_VALUE = 4_000
_DEEPEST = 4
_OF_OBJECTS = ("id", "name", "display_name", "global_name", "nick", "mention", "filename", "url")
"""What may be told of a member, a channel, an attachment, and the like."""
_OF_EXCEPTIONS = ("argument", "value", "values", "quote", "char")
"""Where discord.py's exceptions, and those made after them, hold what was typed."""
_MARKDOWN = re.compile(r"([_*`~|>\\])")


def texts_of(values: Iterable[object]) -> list[str]:
    """The values as texts, the longest first, 100 at most. None, booleans and empty texts are left out."""
    found: dict[str, None] = {}
    for value in values:
        for text in _texts(value, _DEEPEST):
            found[text[:_LONGEST_VALUE]] = None
        if len(found) >= MOST_VALUES:
            break
    return sorted(found, key=len, reverse=True)[:MOST_VALUES]


def values_in(error: BaseException, depth: int = _DEEPEST) -> Iterator[object]:
    """What an exception, and those within it, say that somebody typed."""
    for name in _OF_EXCEPTIONS:
        yield _attribute(error, name)
    if isinstance(error, UnicodeEncodeError | UnicodeTranslateError):
        yield error.object
        yield error.object[error.start : error.end]
    elif isinstance(error, KeyError) and len(error.args) == 1:
        yield error.args[0]
    if depth:
        for inner in _inner(error):
            yield from values_in(inner, depth - 1)


def forms_of(value: str, text: str) -> Iterator[str]:
    """A value, and how it is written where the text escapes it: as `repr`, JSON, a URL or Discord's markdown does."""
    yield value
    if "\\" in text:
        yield repr(value)[1:-1]
        yield ascii(value)[1:-1]
        yield json.dumps(value)[1:-1]
        yield json.dumps(value.casefold())[1:-1]
        yield _MARKDOWN.sub(r"\\\1", value)
    if "%" in text:
        yield quote(value, safe="", errors="replace")
        yield quote(value, errors="replace")


def _inner(error: BaseException) -> Iterator[BaseException]:
    for name in ("original", "errors", "exceptions"):
        held = _attribute(error, name)
        for inner in cast("Iterable[object]", held if isinstance(held, list | tuple) else (held,)):
            if isinstance(inner, BaseException):
                yield inner


def _texts(value: object, depth: int) -> Iterator[str]:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, bytes | bytearray):
        yield value[:_LONGEST_VALUE].decode(errors="replace")
    elif isinstance(value, list | tuple | set | frozenset | Mapping):
        several = cast("Any", value)
        held: Iterable[object] = several.values() if isinstance(value, Mapping) else several
        for one in islice(held, MOST_VALUES if depth else 0):
            yield from _texts(one, depth - 1)
    else:
        yield from _texts_of_object(value)


def _texts_of_object(value: object) -> Iterator[str]:
    try:
        yield str(value)
    except Exception:  # noqa: BLE001 (a host's own class: what can't be written is in no text)
        return
    for name in _OF_OBJECTS:
        held = _attribute(value, name)
        if isinstance(held, str | int) and not isinstance(held, bool) and held != "":
            yield str(held)


def _attribute(of: object, name: str) -> object:
    try:
        return getattr(of, name, None)
    except Exception:  # noqa: BLE001 (a property of a host's own class)
        return None
