"""Metrics of the host's own, in memory: what they count, what they refuse, and what they cost nobody."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from botmon_cog.domain.exposed import Distribution, Family, FamilyKind, Series
from botmon_cog.domain.models import MetricKind, MetricPoint
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.metrics import Metrics
from botmon_cog.monitors.metrics.metric import MOST_SERIES
from botmon_cog.monitors.metrics.registry import MOST_METRICS
from botmon_cog.testing import ManualClock

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Host:
    """What a bot has without any extension.

    Attributes:
        points: what was recorded.
    """

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.failures = Failures(self.clock)
        self.points: list[MetricPoint] = []
        self.metrics = Metrics(self._record, self.clock, self.failures)

    def _record(self, event: Any) -> None:
        self.points.append(event)

    def flush(self, **how: bool) -> list[MetricPoint]:
        """What is recorded now."""
        self.points.clear()
        self.metrics.flush(**how)
        return [*self.points]

    def minute(self) -> list[MetricPoint]:
        """What is recorded a minute later."""
        self.clock.jump_wall(60)
        return self.flush()


@pytest.fixture
def host() -> Host:
    return Host()


# -- counting ----------------------------------------------------------------------------------------------------------


def test_counter_adds_up_and_what_was_recorded_is_not_recorded_again(host: Host):
    songs = host.metrics.counter("songs_queued", unit="songs", labels=("source",))
    songs.add(1, "youtube")
    songs.add(2.5, "youtube")
    songs.add(1, "file")
    assert host.flush() == [
        MetricPoint(
            name="songs_queued", labels=f"source={source}", kind=MetricKind.COUNTER, unit="songs", occurred_at=NOON,
            n=n, total=total,
        )
        for source, n, total in (("youtube", 2, 3.5), ("file", 1, 1.0))
    ]  # fmt: skip
    assert host.minute() == []
    songs.add(1, "file")
    assert [(point.labels, point.n, point.total) for point in host.minute()] == [("source=file", 1, 1.0)]
    assert songs.total == 5.5


def test_histogram_tells_the_distribution(host: Host):
    lengths = host.metrics.histogram("queue_length")
    for value in (3, 5, 0, -2, 1e12, 3):
        lengths.observe(value)
    (point,) = host.flush()
    assert (point.kind, point.n, point.total, point.last) == (MetricKind.HISTOGRAM, 6, 1e12 + 9, 3.0)
    assert (point.lowest, point.highest, sum(n for _, n in point.buckets)) == (-2.0, 1e12, 6)
    assert [n for _, n in point.buckets] == [2, 2, 1, 1]
    assert host.minute() == []


async def test_timer_times_blocks_functions_and_coroutine_functions(host: Host):
    search = host.metrics.timer("search", labels=("source",))
    advance = host.clock.advance

    with search.time("a"):
        await advance(1)
    with suppress(KeyError):
        async with search.time("a"):
            await advance(2)
            raise KeyError

    @search.time("b")
    def double(n: int) -> int:
        return 2 * n

    @search.time("c")
    async def slowly(n: int) -> int:
        """Says how."""
        await advance(n)
        return n

    assert (double(4), await slowly(3), await slowly(5), await slowly(0)) == (8, 3, 5, 0)
    assert (slowly.__name__, slowly.__doc__, asyncio.iscoroutinefunction(slowly)) == ("slowly", "Says how.", True)
    host.points.clear()
    host.metrics.flush()
    points = {point.labels: point for point in host.points}
    assert (points["source=a"].n, points["source=a"].total, points["source=a"].unit) == (2, 3.0, "s")
    assert (points["source=b"].n, points["source=b"].total) == (1, 0.0)
    assert (points["source=c"].n, points["source=c"].highest) == (3, 5.0)


# -- gauges ------------------------------------------------------------------------------------------------------------


def test_gauge_that_changes_is_recorded_each_minute(host: Host):
    players = host.metrics.gauge("players")
    players.set(3)
    players.add(4)
    players.add(-5)
    (point,) = host.flush()
    assert (point.n, point.total, point.last, point.lowest, point.highest) == (1, 2.0, 2.0, 2.0, 7.0)
    assert point.minutes == 1
    players.add()
    (point,) = host.minute()
    assert (point.last, point.lowest, point.highest, point.minutes, point.occurred_at) == (3, 2, 3, 2, NOON + MINUTE)


def test_gauge_that_stays_the_same_takes_one_point_an_hour(host: Host):
    players = host.metrics.gauge("players")
    players.set(3)
    found = host.flush()
    for _ in range(130):
        found += host.minute()
    assert [(point.occurred_at - NOON, point.n, point.total) for point in found] == [
        (timedelta(0), 1, 3.0),
        (59 * MINUTE, 59, 177.0),
        (119 * MINUTE, 60, 180.0),
    ]
    assert [point.minutes.bit_count() for point in found] == [1, 59, 60]
    assert [point.n for point in host.flush(is_last=True)] == [11]
    assert host.flush(is_last=True) == []


def test_peak_between_two_looks_is_recorded(host: Host):
    players = host.metrics.gauge("players")
    players.set(3)
    host.flush()
    assert host.minute() == []
    players.set(90)
    players.set(3)
    (point,) = host.minute()
    assert (point.n, point.total, point.last, point.highest) == (2, 6.0, 3.0, 90.0)


def test_minute_is_looked_at_once_however_often_is_flushed(host: Host):
    players = host.metrics.gauge("players")
    players.set(3)
    found = host.flush()
    players.set(4)
    found += host.flush() + host.flush(is_last=True)
    assert [(point.n, point.total, point.last) for point in found] == [(1, 3.0, 3.0), (0, 0.0, 4.0)]
    assert host.flush(is_last=True) == []


def test_callback_gauge_is_asked_at_each_collection(host: Host):
    answers: list[float | None] = [1.0, None, 2.0]
    gauge = host.metrics.gauge("latency", unit="s", callback=lambda: answers.pop(0))
    assert [point.last for point in host.flush()] == [1.0]
    assert host.metrics.collect()[0].series == []
    assert gauge.value is None
    assert host.metrics.collect()[0].series == [Series((), 2.0)]


def test_failing_callback_is_noted_once_until_it_works_again(host: Host):
    answers: list[Any] = [KeyError("a"), KeyError("b"), 1.0, KeyError("c")]

    def answer() -> float:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    host.metrics.gauge("latency", callback=answer)
    seen: list[int] = []
    for _ in range(4):
        host.minute()
        host.metrics.hints()
        seen.append(host.failures.n)
    host.metrics._problems.say()
    assert (seen, host.failures.n) == ([0, 1, 1, 1], 2)
    assert "callback of the metric latency: KeyError" in str(host.failures.last)


def test_cog_that_is_reloaded_brings_a_new_callback(host: Host):
    host.metrics.gauge("latency", callback=lambda: 1.0)
    gauge = host.metrics.gauge("latency", callback=lambda: 2.0)
    host.flush()
    assert gauge.value == 2.0


@pytest.mark.parametrize(
    ("combine", "kind", "value"),
    [("sum", MetricKind.GAUGE, 6.0), ("max", MetricKind.GAUGE_MAX, 5.0), ("mean", MetricKind.GAUGE_MEAN, 3.0)],
)
def test_series_of_a_gauge_together(host: Host, combine: Any, kind: MetricKind, value: float):
    gauge = host.metrics.gauge("players", labels=("shard",), combine=combine)
    assert gauge.value is None
    gauge.set(1, 0)
    gauge.set(5, 1)
    assert (gauge.value, host.flush()[0].kind) == (value if combine != "mean" else 3.0, kind)


# -- what is refused ---------------------------------------------------------------------------------------------------


async def test_bad_values_are_counted_and_said_once(host: Host, caplog: pytest.LogCaptureFixture):
    counter = host.metrics.counter("songs", labels=("source",))
    gauge, histogram = host.metrics.gauge("players"), host.metrics.histogram("length")
    bad: list[Any] = [math.nan, math.inf, -math.inf, "3", None, 10**400, [], object(), 1e16]
    with caplog.at_level(logging.ERROR):
        for value in [*bad, -1]:
            counter.add(value, "a")
        for value in bad:
            gauge.set(value)
            gauge.add(value)
            histogram.observe(value)
        counter.add()
        counter.add(1, "a", "b")
        counter.add(1, [])  # type: ignore[list-item]
        counter.add(1, 1.5)  # type: ignore[arg-type]
        counter.add(1, None)  # type: ignore[arg-type]
    assert host.flush() == []
    assert host.failures.n == len(caplog.messages) == 3
    assert "taking a value of the metric songs" in caplog.messages[0]
    assert [hint.split(":")[0] for hint in host.metrics.hints()] == [
        "15 values of the metric songs were not taken",
        "18 values of the metric players were not taken",
        "9 values of the metric length were not taken",
    ]


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("", (), "'songs_queued'"),
        ("Songs", (), "small letters"),
        ("songs-queued", (), "small letters"),
        ("1st", (), "small letters"),
        ("x" * 61, (), "60 characters"),
        (None, (), "small letters"),
        ("songs", ("Guild",), "name of a label"),
        ("songs", "source", "('source',)"),
        ("songs", ("a", "a"), "up to 3"),
        ("songs", ("a", "b", "c", "d"), "up to 3"),
        ("songs", 7, "not iterable"),
    ],
)
async def test_name_that_cannot_be_is_said_and_the_rest_is_harmless(host: Host, name: Any, labels: Any, said: str):
    counter = host.metrics.counter(name, labels=labels)
    counter.add(1, "whatever")
    counter.add()
    assert host.failures.n == 1
    assert said in str(host.failures.last)
    assert host.flush() == []
    assert host.metrics.collect() == []


async def test_same_name_is_the_same_metric_and_another_shape_is_said_once(host: Host):
    counter = host.metrics.counter("songs", unit="songs", what="Queued", labels=["source"])
    assert host.metrics.counter("songs", unit="songs", labels=("source",)) is counter
    assert host.failures.n == 0
    for _ in range(3):
        host.metrics.gauge("songs").set(5)
        host.metrics.counter("songs", unit="songs").add()
    host.metrics.timer("songs").observe(1)
    assert host.failures.n == 1
    assert "it is a counter in songs with the labels source already, and can't be a gauge" in str(host.failures.last)
    assert host.flush() == []


async def test_more_metrics_than_may_be_count_nowhere(host: Host):
    for n in range(MOST_METRICS + 1):
        host.metrics.counter(f"m{n}").add()
    assert len(host.flush()) == MOST_METRICS
    assert "100 metrics already" in str(host.failures.last)


def test_series_beyond_the_bound_count_as_other(host: Host):
    counter = host.metrics.counter("songs", labels=("a", "b"))
    for n in range(MOST_SERIES + 950):
        counter.add(1, n, "x")
    found = {point.labels: point.n for point in host.flush()}
    assert len(found) == MOST_SERIES + 1
    assert found["a=other,b=other"] == 950
    assert len(counter._series) == MOST_SERIES
    (hint,) = host.metrics.hints()
    assert "the metric songs has more than 50 different labels" in hint


def test_labels_are_bounded_and_never_a_discord_id(host: Host):
    counter = host.metrics.counter("songs", labels=("a",))
    for value in (1, "1", True, "x" * 99, "a,b=c\n{}", "", " ", 81384788765712384, "<@81384788765712384>", "日本 é"):
        counter.add(1, value)
    assert [point.labels for point in host.flush()] == [
        *("a=1", f"a={'x' * 40}", "a=a_b_c___", "a=other", "a=日本 é"),
    ]


async def test_callback_that_cannot_be_is_said(host: Host):
    async def later() -> float:
        return 1.0

    host.metrics.gauge("a", callback=later)  # type: ignore[arg-type]
    host.metrics.gauge("b", labels=("x",), callback=lambda: 1.0)
    assert host.failures.n == 2
    assert host.flush() == []


# -- threads and loops -------------------------------------------------------------------------------------------------


def test_nothing_is_lost_between_threads(host: Host):
    counter, histogram = host.metrics.counter("songs"), host.metrics.histogram("length")

    def work() -> None:
        for _ in range(5_000):
            counter.add()
            histogram.observe(1)
        counter.add(-1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    points = []
    while any(thread.is_alive() for thread in threads):
        points += host.flush()
    for thread in threads:
        thread.join()
    points += host.flush()
    assert [sum(p.n for p in points if p.name == name) for name in ("songs", "length")] == [20_000, 20_000]
    assert host.failures.n == 1, "what a thread did wrong is said in the loop's thread"


async def test_recorded_once_a_minute_from_the_first_metric_on(host: Host):
    counter = host.metrics.counter("songs")
    counter.add()
    await host.clock.advance(59)
    assert host.points == []
    await host.clock.advance(1)
    assert len(host.points) == 1
    counter.add()
    await host.clock.advance(60)
    assert len(host.points) == 2
    counter.add()
    host.metrics.close()
    assert len(host.points) == 3
    counter.add()
    host.metrics.close()
    await host.clock.advance(600)
    assert len(host.points) == 3


def test_metric_that_is_made_before_any_loop_runs_is_recorded_in_each_that_begins(host: Host):
    counter = host.metrics.counter("songs")

    async def run() -> None:
        host.metrics.begin()
        counter.add()
        await host.clock.advance(60)

    asyncio.run(run())
    asyncio.run(run())
    assert [point.n for point in host.points] == [1, 1]


# -- for others --------------------------------------------------------------------------------------------------------


async def test_alert_rules_see_values_counts_of_an_hour_means_and_percentiles(host: Host):
    metrics = host.metrics
    songs, players, search = metrics.counter("songs"), metrics.gauge("players"), metrics.timer("search")
    assert metrics.recent() == {"songs": 0.0}
    songs.add(5)
    players.set(7)
    search.observe(1)
    search.observe(3)
    assert metrics.recent() == {"songs": 5.0, "players": 7.0, "search": 2.0}
    assert metrics.recent() == {"songs": 5.0, "players": 7.0}
    for n in range(100):
        search.observe(n)
    p95 = metrics.recent()["search.p95"]
    assert abs(p95 - 94) < 2
    await host.clock.advance(1800)
    songs.add(2)
    await host.clock.advance(1740)
    assert metrics.recent()["songs"] == 7.0
    await host.clock.advance(120)
    assert metrics.recent()["songs"] == 2.0
    await host.clock.advance(3600)
    assert metrics.recent()["songs"] == 0.0


def test_exporters_get_base_units_and_totals_since_the_start(host: Host):
    metrics = host.metrics
    metrics.counter("songs_total", unit="songs", what="Queued", labels=("source",)).add(2, "file")
    metrics.gauge("cache", unit="bytes").set(1024)
    timer = metrics.timer("search")
    timer.observe(1.0)
    metrics.counter("never")
    metrics.flush()
    timer.observe(1.0)
    songs, cache, search, never = metrics.collect()
    assert songs == Family("songs", FamilyKind.COUNTER, "Queued (songs)", "", ("source",), [Series(("file",), 2.0)])
    assert (cache.name, cache.unit, cache.kind) == ("cache_bytes", "bytes", FamilyKind.GAUGE)
    assert (search.name, search.unit, search.kind) == ("search_seconds", "seconds", FamilyKind.HISTOGRAM)
    assert search.series == [Series((), Distribution(2, 2.0, {0: 2}))]
    assert never.series == [Series((), 0.0)]
