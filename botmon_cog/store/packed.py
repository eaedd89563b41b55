"""A group of the roll-ups as bytes: MessagePack, the same on both engines.

    [1, commands, duration, response, gateway, operation, failed, components, duration, response, completions, duration]

1 is the version of this form. Each of the others is one flat list, `[of, n, of, n, ...]`, in ascending order of `of`;
empty ones at the end are left out. In `commands` and `components`, `of` is the position of the outcome times 24 plus
the hour of the day (UTC); in `completions` it is 0, or 24 for those that failed, plus the hour. In the histograms it is
the bucket less the lowest one there is, so that most take one byte or two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from operator import add, mod
from typing import Any

import msgspec

from botmon_cog.domain.rollup import PART, Counts
from botmon_cog.errors import StorageError

VERSION = 1

Parts = Sequence[Sequence[int]]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])


def pack(counts: Counts) -> bytes:
    codes = sorted(counts)
    of: Iterable[int] = map(mod, codes, repeat(PART))
    flat = [*chain.from_iterable(zip(of, map(counts.__getitem__, codes), strict=True))]
    parts = range(0, codes[-1] + 1 if codes else PART, PART)
    begins = [2 * bisect_left(codes, part) for part in parts]
    return _encoder.encode([VERSION, *map(flat.__getitem__, map(slice, begins, [*begins[1:], None]))])


def unpack(data: bytes) -> dict[int, int]:
    """What was packed.

    Raises:
        StorageError: a newer version of this package packed it.
    """
    counts: dict[int, int] = {}
    for part, flat in enumerate(parts_of(data)):
        codes: Iterable[int] = map(add, flat[::2], repeat(part * PART))
        counts.update(zip(codes, flat[1::2], strict=True))
    return counts


def parts_of(data: bytes) -> Parts:
    """The flat lists as they are: what reports need, without making objects of it. May be less than all.

    Raises:
        StorageError: a newer version of this package packed it.
    """
    version, *parts = _decoder.decode(data)
    if version != VERSION:
        raise StorageError(f"a roll-up has the form {version}, which this botmon_cog does not know: upgrade it")
    return parts
