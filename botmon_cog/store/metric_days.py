"""Rolling up the points of metrics: how they are read from the log, and added to the days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from botmon_cog.domain.metric_days import MetricDay, MetricKey
from botmon_cog.domain.metric_days import Row as Point
from botmon_cog.store.packed_metrics import pack_metric, unpack_metric
from botmon_cog.store.records import unpack_durations
from botmon_cog.store.schema import METRIC_DAYS
from botmon_cog.store.script import Insert, Lookup, Pause, Row, Script

POINTS = """
SELECT occurred_ms, name_id, labels_id, kind, unit_id, n, total, lowest, highest, minutes, buckets
FROM @metric_points WHERE run_id = :run_id AND seq > :after AND seq <= :upto
"""

_PIECE = 250
"""Days that are worked on at a time; other threads have their turn in between."""


def points(rows: Iterable[Row]) -> Iterator[Point]:
    """Rows of `POINTS` as they are counted."""
    for *values, buckets in rows:
        yield (*values, unpack_durations(bytes(buckets)))


def add_metric_days(days: Mapping[MetricKey, MetricDay]) -> Script[None]:
    """Add what was counted to what is stored. The script must have excluded others before."""
    keys = sorted(days)
    for start in range(0, len(keys), _PIECE):
        piece = keys[start : start + _PIECE]
        stored: dict[MetricKey, MetricDay] = {}
        for *key, data in (yield Lookup(METRIC_DAYS, piece, (*METRIC_DAYS.key, "data"))):
            stored[MetricKey(*key)] = unpack_metric(bytes(data))
        rows: list[Row] = []
        for key in piece:
            day = stored.get(key) or MetricDay()
            day.add_day(days[key])
            rows.append((*key, pack_metric(day)))
        yield Insert(METRIC_DAYS, rows, "replace")
        yield Pause()
