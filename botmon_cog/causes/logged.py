"""A failure as our own log may tell it: with all its lines, and without what people typed or a host's secrets."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator

from botmon_cog.causes.redaction import HIDDEN, message_of, redact_line

_MOST_CHAINED = 4
_MOST_FRAMES = 40


def logged(error: BaseException, typed: Iterable[object] = ()) -> str:
    """The exception and what it arose from, as Python writes it, over several lines.

    Of an exception that was only being handled when this one arose the text is hidden: it may be a command's, and what
    was typed there is not known here.
    """
    known = tuple(typed)
    parts = [
        f"{between}Traceback (most recent call last):\n{_frames(one)}{_said(one, known, is_cause=is_cause)}"
        for between, one, is_cause in _chain(error)
    ]
    return "\n\n".join(reversed(parts))


def one_line(error: BaseException, typed: Iterable[object] = ()) -> str:
    """`ValueError: API key wrong`; the type alone if it has no text."""
    return _said(error, tuple(typed), is_cause=True)


def _frames(error: BaseException) -> str:
    steps = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    return "".join(
        f'  File "{step.filename}", line {step.lineno}, in {step.name}\n    {redact_line(step.line or "")}\n'
        for step in steps
    )


def _said(error: BaseException, typed: tuple[object, ...], *, is_cause: bool) -> str:
    message = message_of(error, typed) if is_cause else HIDDEN
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _chain(error: BaseException) -> Iterator[tuple[str, BaseException, bool]]:
    """(what stands before it, exception, whether it is the error or a cause of it): the last first."""
    seen: set[int] = set()
    one: BaseException | None = error
    is_cause = True
    while one is not None and id(one) not in seen and len(seen) < _MOST_CHAINED:
        seen.add(id(one))
        cause, context = one.__cause__, None if one.__suppress_context__ else one.__context__
        between = ""
        if cause is not None:
            between = "The above exception was the direct cause of the following exception:\n\n"
        elif context is not None:
            between = "During handling of the above exception, another exception occurred:\n\n"
        is_last = len(seen) == _MOST_CHAINED or (cause or context) is None
        yield "" if is_last else between, one, is_cause
        is_cause = is_cause and cause is not None
        one = cause or context
