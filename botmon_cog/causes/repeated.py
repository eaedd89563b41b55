"""Where a text repeats what somebody typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from botmon_cog.causes.folding import Folded, fold
from botmon_cog.causes.typed import forms_of

_BARE = re.compile(r"\w(?:.*\w)?", re.DOTALL)
_APOSTROPHES = frozenset("'\u2019")
_QUOTES = frozenset("\"'`")
_PAIRED = frozenset({"Pi", "Pf", "Ps", "Pe"})
"""The categories of all other quotes, and of brackets."""
_FIRST_UNSPACED = "\u0e00"
"""From here on scripts write words without blanks between them (Thai, Chinese, Japanese), or add endings (Korean)."""
_SHORT = 3
"""Characters of a script with blanks: so short a value is found as a word alone, not within one."""
_SHORTEST_PART = 4
_SENTENCE = 5
"""Words: of so many the everyday ones tell nothing."""
_MOST_WORDS = 64
_LONG = 16
_BEGINNING = 12

Found = Iterator[tuple[int, int]]


def repeated_in(folded: Folded, value: str) -> Found:
    """(start, end) in the original of the places that repeat the value: all of it, its beginning, or single words."""
    for form in forms_of(value, folded.original):
        key = fold(form).text.strip()
        yield from _all(folded, key) if key else _exactly(folded.original, form)
    key = fold(value).text.strip()
    if len(key) >= _LONG:
        yield from _beginnings(folded, key)
    yield from _words(folded, value, key)


def _all(folded: Folded, key: str) -> Found:
    for start, end in _exactly(folded.text, key):
        if _stands_alone(folded.text, start, end, key):
            yield folded.span(start, end)


def _exactly(text: str, key: str) -> Found:
    start = text.find(key)
    while start >= 0:
        yield start, start + len(key)
        start = text.find(key, start + 1)


def _stands_alone(text: str, start: int, end: int, key: str) -> bool:
    """Whether so much of the text is the value, and not a part of something else."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if not any(map(str.isalnum, key)):
        return len(key) > _SHORT or _is_symbol(key) or _is_quoted(before, after)
    if key.isdigit():
        return not before.isdigit() and not after.isdigit() and (len(key) > _SHORT or not _touches(before, after))
    if _is_unspaced(key):
        return len(key) > 1 or not _touches(before, after)
    if len(key) > _SHORT:
        return True
    if before in _APOSTROPHES and not _is_quote(after) and text[start - 2 : start - 1].isalpha():
        return False  # can't
    return not _touches(before, after)


def _touches(before: str, after: str) -> bool:
    return before.isalnum() or after.isalnum()


def _is_symbol(key: str) -> bool:
    """Emoji and the like, which are part of no word."""
    return all(unicodedata.category(one) == "So" for one in key)


def _is_quoted(before: str, after: str) -> bool:
    return _is_quote(before) and _is_quote(after)


def _is_quote(character: str) -> bool:
    """False for an empty text."""
    return character in _QUOTES or (character != "" and unicodedata.category(character) in _PAIRED)


def _is_unspaced(key: str) -> bool:
    return any(one >= _FIRST_UNSPACED for one in key)


def _beginnings(folded: Folded, key: str) -> Found:
    """Places where a long value was cut."""
    text = folded.text
    for start, _ in _exactly(text, key[:_BEGINNING]):
        end = start + _BEGINNING
        while end < len(text) and end - start < len(key) and text[end] == key[end - start]:
            end += 1
        yield folded.span(start, end)


def _words(folded: Folded, value: str, key: str) -> Found:
    if value.isalnum():
        return
    words = value.split()[:_MOST_WORDS]
    is_sentence = len(words) >= _SENTENCE
    for word in words:
        found = _BARE.search(word)
        bare = found[0] if found else ""
        part = fold(bare).text.strip()
        if part == key or (len(part) < _SHORTEST_PART and not (_is_unspaced(part) and len(part) > 1)):
            continue
        is_plain = is_sentence and bare.isascii() and bare.isalpha() and bare.islower()
        for start, end in _exactly(folded.text, part):
            before, after = folded.text[start - 1 : start], folded.text[end : end + 1]
            if is_plain and not _is_quoted(before, after):
                continue
            if _is_unspaced(part) or not _touches(before, after):
                yield folded.span(start, end)
