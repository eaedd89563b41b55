"""Which part of an exception's text its author wrote: the literals of the code that made it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice
from types import CodeType, FunctionType

from botmon_cog.causes.folding import fold

_MOST_FRAMES = 8
_MOST_LITERALS = 400
_PLACEHOLDER = re.compile(r"%\(\w+\)[^a-z]{0,8}[a-z]|%[-#0+ ]?\d*(?:\.\d+)?[a-zA-Z%]|\{[^{}]*\}")

Ranges = list[tuple[int, int]]


def template_in(text: str, error: BaseException, typed: Collection[str]) -> Ranges:
    """(start, end) of what stands so in the code that raised the exception, or in its class.

    Only literals of several words, or that end at a blank, count: a single word may be a value as well. Nor does one
    count that is what was typed.
    """
    values = {fold(value).text.strip() for value in typed}
    found: Ranges = []
    for literal in islice(_literals(error), _MOST_LITERALS):
        has_places = "%" in literal or "{" in literal
        for piece in _PLACEHOLDER.split(literal) if has_places else (literal,):
            if piece in text and _is_words(piece) and fold(piece).text.strip() not in values:
                found += _places(text, piece)
    return found


def has_literal(error: BaseException, name: str) -> bool:
    """Whether the code that the exception passed through names this text: `config["token"]`."""
    return name in _literals(error)


def _is_words(piece: str) -> bool:
    return any(map(str.isspace, piece)) and any(map(str.isalpha, piece))


def _places(text: str, piece: str) -> Iterator[tuple[int, int]]:
    at = text.find(piece)
    while at >= 0:
        yield at, at + len(piece)
        at = text.find(piece, at + len(piece))


def _literals(error: BaseException) -> Iterator[str]:
    for code in _codes(error):
        for constant in code.co_consts:
            if isinstance(constant, str):
                yield constant


def _codes(error: BaseException) -> Iterator[CodeType]:
    """The innermost functions of its traceback, and the methods of its class that make its text."""
    codes: list[CodeType] = []
    traceback = error.__traceback__
    while traceback is not None:
        codes.append(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    yield from codes[-_MOST_FRAMES:]
    for kind in type(error).__mro__:
        for name in ("__init__", "__str__"):
            method = vars(kind).get(name)
            if isinstance(method, FunctionType):
                yield method.__code__
