"""A day of a metric's series as bytes: MessagePack, the same on both engines.

    [1, {hour: [n, total, minutes, lowest, highest], ...}, {bucket: n, ...}]

1 is the version of this form. Hours are those of the day (UTC) in which anything happened, totals are in billionths;
one that takes more than 64 bits stands there as bytes. Keys are in ascending order.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from botmon_cog.domain.metric_days import MetricDay, MetricHour
from botmon_cog.errors import StorageError

VERSION = 1
_LARGEST = (1 << 63) - 1
_EXACT = 1 << 53
"""Up to there floats without a fraction are as good as integers, and those take less room."""

_Hour = tuple[int, int | bytes, int, float | None, float | None]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, dict[int, _Hour], dict[int, int]])


def pack_metric(day: MetricDay) -> bytes:
    hours = {
        hour: (of.n, _packed_total(of.total), of.minutes, _short(of.lowest), _short(of.highest))
        for hour, of in sorted(day.hours.items())
    }
    return _encoder.encode((VERSION, hours, dict(sorted(day.buckets.items()))))


def unpack_metric(data: bytes) -> MetricDay:
    """What was packed.

    Raises:
        StorageError: a newer version of this package packed it.
    """
    try:
        version, hours, buckets = _decoder.decode(data)
    except msgspec.ValidationError:
        version, hours, buckets = None, {}, {}
    if version != VERSION:
        raise StorageError("a metric's day has a form that this botmon_cog does not know: upgrade it")
    day = MetricDay()
    for hour, (n, total, minutes, lowest, highest) in hours.items():
        day.hours[hour] = MetricHour(n, _total(total), minutes, lowest, highest)
    day.buckets = Counter(buckets)
    return day


def _packed_total(total: int) -> int | bytes:
    if -_LARGEST <= total <= _LARGEST:
        return total
    return total.to_bytes(total.bit_length() // 8 + 1, "big", signed=True)


def _total(packed: int | bytes) -> int:
    return int.from_bytes(packed, "big", signed=True) if isinstance(packed, bytes) else packed


def _short(value: float | None) -> float | None:
    return int(value) if value is not None and abs(value) < _EXACT and value == int(value) else value
