"""Events as bytes: a MessagePack array of (name of the event's type, its fields in their order).

A type may get more fields at its end, each with a default: older and newer versions of this package read one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

import msgspec

from botmon_cog.domain.ended import Taken, events_of
from botmon_cog.domain.models import Event
from botmon_cog.store.records import cleaned

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, msgspec.Raw]]).decode
_DECODERS: dict[str, msgspec.msgpack.Decoder[Any]] = {
    kind.__name__: msgspec.msgpack.Decoder(kind) for kind in get_args(Event)
}


def encode_events(taken: Iterable[Taken], max_bytes: int) -> tuple[bytes, int]:
    """As many of the events, from the first on, as fit; and how many these are."""
    parts: list[msgspec.Raw] = []
    for event in events_of(taken):
        part = _encode_event(event)
        max_bytes -= len(part)
        if max_bytes < 0:
            break
        parts.append(msgspec.Raw(part))
    return _encode(parts), len(parts)


def decode_events(payload: bytes) -> Sequence[Event]:
    """Raises ValueError if these are no events."""
    try:
        return [_DECODERS[name].decode(fields) for name, fields in _decode(payload)]
    except KeyError as error:
        raise ValueError(f"there are no events of the type {error}") from error


def _encode_event(event: Event) -> bytes:
    name = type(event).__name__
    try:
        return _encode((name, event))
    except UnicodeEncodeError:  # a lone surrogate, which the store would replace
        return _encode((name, cleaned(event)))
