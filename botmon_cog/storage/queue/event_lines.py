"""Events as lines of text: JSON objects that name the event's type, for people and for later versions of this package.

A field that has its default is left out; a line without it, or with a field that is not known here, still reads.
"""

from __future__ import annotations

from typing import Any, Union, get_args

import msgspec

from botmon_cog.domain.models import Event

_TAG = "event"


def _named(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The same fields as a JSON object with a tag; the events themselves are arrays, which nobody can read."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(kind):
        default = () if field.default is msgspec.NODEFAULT else (field.default,)
        fields.append((field.name, field.type, *default))
    return msgspec.defstruct(
        kind.__name__, fields, tag_field=_TAG, tag=kind.__name__, omit_defaults=True, kw_only=True, module=__name__
    )


_NAMED: dict[type[Event], type[msgspec.Struct]] = {kind: _named(kind) for kind in get_args(Event)}
_KINDS: dict[type[msgspec.Struct], type[Event]] = {named: kind for kind, named in _NAMED.items()}

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[tuple(_KINDS)])  # noqa: UP007 (of what the table holds)


def encode_line(event: Event) -> bytes:
    """One line with its end. What no text file takes, lone surrogates, is replaced as the database would.

    Raises:
        TypeError, ValueError: a field holds what JSON can't.
    """
    values = msgspec.structs.asdict(event)
    named = _NAMED[type(event)]
    try:
        return _encoder.encode(named(**values)) + b"\n"
    except UnicodeEncodeError:
        texts = {name: _without_surrogates(value) for name, value in values.items() if isinstance(value, str)}
        return _encoder.encode(named(**values | texts)) + b"\n"


def decode_line(line: bytes) -> Event:
    """Raises ValueError for what is no event."""
    found = _decoder.decode(line)
    return _KINDS[type(found)](**msgspec.structs.asdict(found))


def _without_surrogates(text: str) -> str:
    return str(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
