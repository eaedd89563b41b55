"""From what is on record, and what this process knows, to what is told of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from botmon_cog.discord_ui.parts import days_of
from botmon_cog.domain.models import MetricKind
from botmon_cog.domain.periods import before, report_period, start_of_day
from botmon_cog.domain.reports import Period
from botmon_cog.metrics.reads import Latest, MetricReads, Stored, first_hour, hours_of
from botmon_cog.metrics.values import MetricReport, SeriesFigure, Sums, percentiles_of
from botmon_cog.monitors.metrics.metric import Metric
from botmon_cog.runtime import MonitoringSystem

_GAUGE_SEEN = timedelta(minutes=65)
"""One that stays the same is recorded once an hour."""


async def metrics(system: MonitoringSystem, name: str, only: str | None = None) -> tuple[Period, list[MetricReport]]:
    """All metrics over the named period, as `/stats` has them (`weekly`, `monthly`).

    `only`: the one of that name, if there is one.

    Raises:
        StorageError: the database can't be read.
    """
    now = system.clock.now()
    period = report_period(name, now, await system.settings.zone(None))
    system.metrics.flush()
    await system.recorder.catch_up()
    reads = MetricReads(system.store.engine)
    stored = {each.name: each for each in await reads.stored(before(period), period, only)}
    latest = await reads.latest(now - _GAUGE_SEEN, now - system.fleet.lively, system.store.run.token)
    known = {each.name: each for each in system.metrics.registered() if only in {None, each.name}}
    for each in known.values():
        if each.name not in stored or stored[each.name].kind != each.shape.kind:
            stored[each.name] = Stored(name=each.name, kind=MetricKind(str(each.shape.kind)), unit=each.shape.unit)
    return period, [_report(stored[each], period, known.get(each), latest) for each in sorted(stored)]


def _report(stored: Stored, period: Period, known: Metric[Any] | None, latest: Sequence[Latest]) -> MetricReport:
    kind = stored.kind
    within, earlier = _sums(stored, hours_of(period)), _sums(stored, hours_of(before(period)))
    has_extremes = not (kind is MetricKind.GAUGE and within.is_shared)
    series = [
        SeriesFigure(labels=labels, figure=figure)
        for labels, sums in stored.series.items()
        if labels and (figure := sums.figure(kind)) is not None
    ]
    return MetricReport(
        name=stored.name,
        kind=kind,
        unit=stored.unit,
        what="" if known is None else known.what,
        period=period,
        now=_now(kind, known, [each.value for each in latest if (each.name, each.kind) == (stored.name, kind)]),
        figure=within.figure(kind) if within.n else None,
        previous=earlier.figure(kind) if earlier.n else None,
        n=within.n,
        lowest=within.lowest if has_extremes else None,
        highest=within.highest if has_extremes else None,
        days=_days(stored, period),
        percentiles=percentiles_of(stored.buckets, within.lowest, within.highest) if kind.has_values else None,
        series=tuple(sorted(series, key=lambda each: (-each.figure, each.labels))),
    )


def _now(kind: MetricKind, known: Metric[Any] | None, others: Sequence[float]) -> float | None:
    """What all processes that run have together."""
    if not kind.is_gauge:
        return None
    own = [] if known is None else [each.value for each in known.series() if each.value is not None]
    values = [*own, *others]
    if not values:
        return None
    if kind is MetricKind.GAUGE_MAX:
        return max(values)
    return sum(values) / (len(values) if kind is MetricKind.GAUGE_MEAN else 1)


def _sums(stored: Stored, hours: range) -> Sums:
    sums = Sums()
    for at, hour in stored.hours.items():
        if at in hours:
            sums.add(hour)
    return sums


def _days(stored: Stored, period: Period) -> tuple[tuple[date, float | None], ...]:
    days, hours = days_of(period), hours_of(period)
    starts = [first_hour(start_of_day(day, period.zone)) for day in days]
    found: list[tuple[date, float | None]] = []
    for day, start, end in zip(days, starts, [*starts[1:], hours.stop], strict=True):
        sums = _sums(stored, range(start, end))
        found.append((day, sums.figure(stored.kind) if sums.n else None))
    return tuple(found)
