"""How the series of each exported family are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product

from botmon_cog.domain.exposed import Distribution
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports.health import DEGRADED, HEALTHY, UNHEALTHY, HealthReport
from botmon_cog.domain.text import finite
from botmon_cog.domain.totals import Timing, Totals
from botmon_cog.exporters.readings import Readings
from botmon_cog.health.components.database import Database, DatabaseSample
from botmon_cog.health.components.disk import DiskSample
from botmon_cog.health.components.files import FilesSample
from botmon_cog.health.components.memory import MemorySample

MOST_EVENT_TYPES = 100
"""Events of the gateway beyond these are left out; Discord has about 75."""
ALWAYS_SHOWN = (Outcome.OK, *(outcome for outcome in Outcome if outcome.is_fault and outcome.is_rated))
"""Outcomes that a command has with 0, too: the rate of a series that begins with its first fault would miss that."""

_SEVERITIES = {HEALTHY: 0, "warning": 1, "critical": 2}
_VERDICTS = {HEALTHY: 0, DEGRADED: 1, UNHEALTHY: 2}

Value = float | Distribution | None
Read = Callable[[Readings], Iterable[tuple[tuple[str, ...], Value]]]
"""Labels and value of each series. What is None is left out."""


def one(read: Callable[[Readings], Value]) -> Read:
    """A family of one series without labels."""
    return lambda readings: [((), read(readings))]


def by_label(read: Callable[[Readings], Mapping[str, float] | Mapping[int, int]]) -> Read:
    return lambda readings: [((str(label),), n) for label, n in sorted(read(readings).items())]


def of_totals(read: Callable[[Totals], Iterable[tuple[tuple[str, ...], Value]]]) -> Read:
    """Nothing as long as the totals of earlier processes are not known."""
    return lambda readings: () if readings.totals is None else read(readings.totals)


def invocations(totals: Totals) -> Iterable[tuple[tuple[str, ...], float]]:
    shown = dict.fromkeys(((name, kind) for name, kind, _ in totals.calls))
    calls = {(name, kind, outcome): 0 for (name, kind), outcome in product(shown, ALWAYS_SHOWN)} | totals.calls
    return (((name, kind.value, outcome.value), n) for (name, kind, outcome), n in sorted(calls.items()))


def timings(timings: Mapping[str, Timing]) -> Iterable[tuple[tuple[str, ...], Distribution]]:
    return (((name,), timing.distribution) for name, timing in sorted(timings.items()))


def completions(totals: Totals) -> Iterable[tuple[tuple[str, ...], float]]:
    return (((name, "failed" if failed else "ok"), n) for (name, failed), n in sorted(totals.completions.items()))


def loop_lag(readings: Readings) -> Value:
    return None if readings.loop is None else readings.loop.lag


def shards(read: Callable[[Readings], Iterable[tuple[int, Value]]]) -> Read:
    return lambda readings: [((str(shard_id),), value) for shard_id, value in read(readings)]


def connected(readings: Readings) -> Iterable[tuple[int, Value]]:
    shards = () if readings.gateway is None else readings.gateway.shards
    return ((shard.shard_id, float(shard.is_connected)) for shard in shards)


def latencies(readings: Readings) -> Iterable[tuple[int, Value]]:
    shards = () if readings.gateway is None else readings.gateway.shards
    return ((shard.shard_id, finite(shard.latency_s)) for shard in shards)


def gateway_events(readings: Readings) -> Mapping[str, float]:
    return dict(sorted(readings.gateway_events.items())[:MOST_EVENT_TYPES])


def verdict(readings: Readings) -> Value:
    return None if readings.health is None else _VERDICTS.get(readings.health.overall_status)


def components(readings: Readings) -> Iterable[tuple[tuple[str, ...], Value]]:
    components = {} if readings.health is None else readings.health.components
    return (((name,), _SEVERITIES.get(component.status)) for name, component in components.items())


def checked(read: Callable[[HealthReport], Value]) -> Read:
    """What the last health check saw."""
    return one(lambda readings: None if readings.health is None else read(readings.health))


def database(report: HealthReport, field: str) -> Value:
    return getattr(report.sample(Database.name, DatabaseSample), field, None)


def resident(report: HealthReport) -> Value:
    return getattr(report.sample("memory", MemorySample), "process_bytes", None)


def open_files(report: HealthReport) -> Value:
    return getattr(report.sample("files", FilesSample), "files", None)


def disk_free(report: HealthReport) -> Value:
    return getattr(report.sample("disk", DiskSample), "free_bytes", None)
