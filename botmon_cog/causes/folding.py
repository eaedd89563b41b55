"""Texts made comparable: case, width, accents, invisible characters, and kinds of white space make no difference."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_FIRST_HANGUL, _LAST_HANGUL = "가", "힣"


class Folded(NamedTuple):
    """A folded text.

    Attributes:
        text: folded.
        original: as it was.
        starts: where in the original each of its characters comes from; None: at the same index.
    """

    text: str
    original: str
    starts: Sequence[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of the folded text lies in the original, with the invisible characters after it."""
        if self.starts is None:
            return start, end
        after = self.starts[end] if end < len(self.starts) else len(self.original)
        return self.starts[start], max(after, self.starts[end - 1] + 1)


def fold(text: str) -> Folded:
    """The text in lower case, without accents and invisible characters, each white space as one blank."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return Folded(text.lower(), text)
    folded: list[str] = []
    starts: list[int] = []
    for index, character in enumerate(text):
        for one in _folded(character):
            if one == " " and folded and folded[-1] == " ":
                continue
            folded.append(one)
            starts.append(index)
    return Folded("".join(folded), text, starts)


@lru_cache(maxsize=4_096)
def _folded(character: str) -> str:
    if character.isspace():
        return " "
    if _FIRST_HANGUL <= character <= _LAST_HANGUL:
        return character
    if unicodedata.category(character) == "Cf":
        return ""
    lowered = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(one for one in lowered if not unicodedata.combining(one))
