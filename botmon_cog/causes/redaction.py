"""An exception's text without what people typed, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from botmon_cog.causes.folding import fold
from botmon_cog.causes.repeated import repeated_in
from botmon_cog.causes.templates import has_literal, template_in
from botmon_cog.causes.typed import texts_of, values_in
from botmon_cog.domain.secret_patterns import HIDDEN, Span, replaced, secret_spans

_CUT = "…"
_LONGEST_MESSAGE = 300
_LOOKED_AT = 4_000
_KEPT_OF = 3_500
"""Characters: what begins before it is seen to its end."""
_PYTHON_S_OWN = re.compile(
    r"^(?:invalid literal for int\(\) with base \d+: |could not convert string to float: |Invalid isoformat string: "
    r"|time data )(['\"])([\s\S]*)\1"
    r"|^(['\"])([\s\S]*)\3 is not a valid \w+$"
)
"""What Python says of a value that it can't read, which may be a piece of what was typed."""


def message_of(error: BaseException, typed: Iterable[object] = ()) -> str:
    """The exception's text as it may be kept, at most 300 characters. Empty if it has none, or none can be had.

    Of what was typed, or what the exception says was, `[hidden]` is left; so is it of a KeyError's key, unless the
    code names that key. What the author of the text wrote stays as far as the code tells it from the values.

    Args:
        error: may be of any class; nothing that its methods raise leaves this.
        typed: texts, numbers, and objects such as members, whose names count as well.
    """
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 (a class of the host's: then its name has to do)
        return ""
    seen = text[:_LOOKED_AT]
    spans = secret_spans(seen)
    typed = [*typed]
    texts = texts_of([*typed, *(value for value in values_in(error) if not _is_named_key(error, value))])
    spans += _typed_spans(seen, texts, error)
    if isinstance(error, KeyError) and _is_its_key(error, seen, typed):
        quotes = 1 if isinstance(error.args[0], str) else 0
        spans.append(Span(quotes, len(seen) - quotes))
    elif isinstance(error, ValueError) and (found := _PYTHON_S_OWN.match(seen)):
        spans.append(Span(*found.span(found.lastindex or 0)))
    return _cut(seen, spans)


def redact(text: str, typed: Iterable[object] = ()) -> str:
    """A text about an error without what was typed and without secrets, at most 300 characters."""
    seen = text[:_LOOKED_AT]
    return _cut(seen, [*secret_spans(seen), *_typed_spans(seen, texts_of(typed), None)])


def redact_line(line: str) -> str:
    """A line of somebody's code without secrets: those in its literals. Only its first 4,000 characters are kept."""
    seen = line[:_LOOKED_AT]
    return replaced(seen, secret_spans(seen, is_code=True))


def _typed_spans(text: str, texts: list[str], error: BaseException | None) -> list[Span]:
    if not texts or not text:
        return []
    folded = fold(text)
    found = {span for value in texts for span in repeated_in(folded, value)}
    if not found or error is None:
        return [Span(*span) for span in found]
    template = template_in(text, error, texts)
    return [Span(*span) for span in found if not any(start <= span[0] and span[1] <= end for start, end in template)]


def _is_its_key(error: KeyError, text: str, typed: list[object]) -> bool:
    """Whether its text is a key that the code does not name, rather than a sentence."""
    if len(error.args) != 1 or _is_named_key(error, error.args[0]):
        return False
    return not template_in(text, error, texts_of(typed))


def _is_named_key(error: BaseException, value: object) -> bool:
    is_key = isinstance(error, KeyError) and isinstance(value, str) and error.args == (value,)
    return is_key and has_literal(error, str(value))


def _cut(seen: str, spans: list[Span]) -> str:
    end = _KEPT_OF if len(seen) == _LOOKED_AT else None
    message = replaced(seen, spans, end) if spans or end else seen
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + _CUT


__all__ = ["HIDDEN", "message_of", "redact", "redact_line"]
