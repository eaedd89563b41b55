"""A traceback as it may be kept and read: the host's lines whole, those of libraries in short, and no values."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from botmon_cog.causes.frames import Frame, Frames
from botmon_cog.causes.redaction import message_of, redact_line

_LONGEST = 6_000
_LONGEST_LINE = 200
_MOST_CHAINED = 4
_REPEATED = 3
"""So often the same step of a recursion is shown."""


def traceback_text(error: BaseException, frames: Frames, typed: Iterable[object]) -> str:
    """The exception, and what it arose from, as Python writes it; at most 6,000 characters.

    Of each function only the line that it stood at. It reads those lines from the host's files, which Python has cached
    as soon as anything logged such an exception.
    """
    known = tuple(typed)
    parts: list[str] = []
    for between, one in _chain(error):
        if between:
            parts.append(between)
        parts.append("\n".join(["Traceback (most recent call last):", *_lines(frames.of(one)), _said(one, known)]))
    text = "\n\n".join(parts)
    if len(text) <= _LONGEST:
        return text
    head, tail = text[: _LONGEST // 3], text[-_LONGEST * 2 // 3 :]
    return f"{head.rpartition(chr(10))[0]}\n  …\n{tail.partition(chr(10))[2]}"


def _chain(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    """(what stands before it, exception): the first cause first."""
    chain: list[tuple[str, BaseException]] = []
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen and len(chain) < _MOST_CHAINED:
        seen.add(id(one))
        if one.__cause__ is not None:
            chain.append(("The above exception was the direct cause of the following exception:", one))
            one = one.__cause__
        elif one.__context__ is not None and not one.__suppress_context__:
            chain.append(("During handling of the above exception, another exception occurred:", one))
            one = one.__context__
        else:
            chain.append(("", one))
            one = None
    chain.reverse()
    if chain:
        chain[0] = "", chain[0][1]
    return iter(chain)


def _said(error: BaseException, typed: Sequence[object]) -> str:
    kind = type(error)
    module = "" if kind.__module__ in {"builtins", "__main__"} else f"{kind.__module__}."
    name = f"{module}{kind.__qualname__}"
    message = message_of(error, typed)
    return f"{name}: {message}" if message else name


def _lines(frames: Sequence[Frame]) -> Iterator[str]:
    for (_, line, *_), repeated in groupby(frames, key=lambda frame: (frame.path, frame.line)):
        same = list(repeated)
        for frame in same[:_REPEATED]:
            place = frame.place
            if place.is_host:
                yield f'  File "{place.file}", line {line}, in {place.function}'
                if source := linecache.getline(frame.path, line).strip():
                    yield f"    {redact_line(source)[:_LONGEST_LINE]}"
            else:
                yield f"  {place.file}:{line} in {place.function}"
        if len(same) > _REPEATED:
            yield f"  [the same {len(same) - _REPEATED} more times]"
