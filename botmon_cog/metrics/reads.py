"""What the roll-ups hold of metrics. `RollUps.catch_up` comes first.

Hours and days are whole ones since 1970 (UTC). A period in a zone whose hours are others is taken to the next hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from botmon_cog.domain.metric_days import MetricHour
from botmon_cog.domain.models import MetricKind
from botmon_cog.domain.reports import Period
from botmon_cog.domain.rollup import HOURS_PER_DAY, hour_of
from botmon_cog.metrics.values import Sums
from botmon_cog.store.engine import Engine
from botmon_cog.store.labels import texts_of
from botmon_cog.store.packed_metrics import unpack_metric
from botmon_cog.store.records import milliseconds
from botmon_cog.store.script import Pause, Query, Script

_KINDS = list(MetricKind)
_GAUGES = ", ".join(str(n) for n, kind in enumerate(_KINDS) if kind.is_gauge)
_PIECE = 250
"""Rows that are unpacked at a time; other threads have their turn in between."""
_HOUR = timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)

_DAYS = """
SELECT day, name_id, labels_id, kind, unit_id, data FROM @metric_days
WHERE day >= :first_day AND day <= :last_day {name} ORDER BY day
"""
_OF_NAME = "AND name_id IN (SELECT id FROM @labels WHERE text = :name)"
_LATEST = f"""
SELECT run_id, name_id, labels_id, kind, last FROM @metric_points
WHERE occurred_ms >= :since AND kind IN ({_GAUGES}) AND run_id IN (
    SELECT id FROM @runs WHERE seen_ms >= :alive_since AND ended_ms IS NULL AND token <> :own
) ORDER BY occurred_ms, seq
"""  # noqa: S608 (codes)


@dataclass(kw_only=True)
class Stored:
    """One metric, over a period and the one before.

    Attributes:
        hours: by hours since 1970, all series together.
        series: by their labels, of the period.
        buckets: of what was observed on the days of the period.
    """

    name: str
    kind: MetricKind
    unit: str
    hours: dict[int, MetricHour] = field(default_factory=dict[int, MetricHour])
    series: dict[str, Sums] = field(default_factory=dict[str, Sums])
    buckets: Counter[int] = field(default_factory=Counter[int])


class Latest(NamedTuple):
    """The last value of a gauge that another process recorded."""

    name: str
    kind: MetricKind
    value: float


class MetricReads:
    """Every method raises StorageError if the database can't be read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def stored(self, previous: Period, period: Period, name: str | None = None) -> list[Stored]:
        """All metrics, or the one of that name, by name. Of several that one name stood for, the newest."""
        return await self._engine.read(_stored(previous, period, name))

    async def latest(self, since: datetime, alive_since: datetime, own: int) -> list[Latest]:
        """Of each gauge's series in each other process that was alive then, what it recorded last since `since`.

        `own`: the token of this process's run.
        """
        values = {"since": milliseconds(since), "alive_since": milliseconds(alive_since), "own": own}
        return await self._engine.read(_latest(values))


def hours_of(period: Period) -> range:
    """Its hours."""
    return range(first_hour(period.start), first_hour(period.end))


def first_hour(moment: datetime) -> int:
    """The first whole one from then on."""
    return hour_of(moment + _HOUR - _INSTANT)


def _stored(previous: Period, period: Period, name: str | None) -> Script[list[Stored]]:
    within, both = hours_of(period), range(hours_of(previous).start, hours_of(period).stop)
    values: dict[str, int | str] = {
        "first_day": both.start // HOURS_PER_DAY,
        "last_day": (both.stop - 1) // HOURS_PER_DAY,
    }
    if name is not None:
        values["name"] = name
    rows = yield Query(_DAYS.replace("{name}", "" if name is None else _OF_NAME), values)
    texts = yield from texts_of({id_ for row in rows for id_ in (row[1], row[2], row[4])})
    found: dict[tuple[int, int, int], Stored] = {}
    newest: dict[str, Stored] = {}
    for n, (day, name_id, labels_id, kind, unit_id, data) in enumerate(rows):
        if n % _PIECE == _PIECE - 1:
            yield Pause()
        key = name_id, kind, unit_id
        if key not in found:
            found[key] = Stored(name=texts[name_id], kind=_KINDS[int(kind)], unit=texts[unit_id])
        newest[texts[name_id]] = stored = found[key]
        _add(stored, day, texts[labels_id], bytes(data), within, both)
    return [newest[each] for each in sorted(newest)]


def _add(stored: Stored, day: int, labels: str, data: bytes, within: range, both: range) -> None:
    of_day = unpack_metric(data)
    for hour_of_day, hour in of_day.hours.items():
        at = day * HOURS_PER_DAY + hour_of_day
        if at in both:
            known = stored.hours.get(at)
            stored.hours[at] = hour if known is None else known.with_(hour)
        if at in within:
            stored.series.setdefault(labels, Sums()).add(hour)
    if day >= within.start // HOURS_PER_DAY:
        stored.buckets.update(of_day.buckets)


def _latest(values: Mapping[str, int]) -> Script[list[Latest]]:
    last: dict[tuple[int, int, int, int], float] = {}
    for run_id, name_id, labels_id, kind, value in (yield Query(_LATEST, values)):
        last[run_id, name_id, labels_id, kind] = value
    texts = yield from texts_of({name_id for _, name_id, _, _ in last})
    return [Latest(texts[name_id], _KINDS[int(kind)], value) for (_, name_id, _, kind), value in last.items()]
