"""What goes out over OTLP, as a receiver decodes it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import accumulate
from typing import Any

import pytest

from botmon_cog.config import OtelConfig
from botmon_cog.domain.exposed import Distribution, Family, FamilyKind, Series
from botmon_cog.domain.histogram import LOWEST, Histogram, bucket_of
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.exporters.buckets import BOUNDS_S
from botmon_cog.exporters.otlp.destination import destination, interval_s, pairs
from tests.otlp_helpers import NOW, invocation, pushing
from tests.otlp_receiver import Receiver, attributes, receiving

COUNTER, GAUGE, HISTOGRAM = FamilyKind
TIMES_S = [0.0, 0.0012, 0.3, 0.31, 1.0, 2.9, 47.0, 1e6]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def family(kind: FamilyKind, name: str, unit: str = "", *series: Series) -> Family:
    return Family(name, kind, f"What {name} is.", unit, ("command", "outcome"), series)


def times(
    name: str = "botmon_invocation_duration_seconds", unit: str = "seconds", values: list[float] = TIMES_S
) -> Family:
    counts = Histogram.of(values).counts
    return family(HISTOGRAM, name, unit, Series(("play", "ok"), Distribution(len(values), sum(values), counts)))


async def pushed(receiver: Receiver, *families: Family, env: dict[str, str] | None = None) -> dict[str, Any]:
    config = OtelConfig(endpoint=receiver.url, metrics=True)
    async with pushing(config, families, env=env) as pushes:
        await pushes.one("metrics")
    return receiver.metrics()


# -- metrics -----------------------------------------------------------------------------------------------------------


async def test_counters_and_gauges_arrive_with_name_unit_labels_and_value(receiver: Receiver) -> None:
    found = await pushed(
        receiver,
        family(COUNTER, "botmon_invocations", "", Series(("play", "ok"), 12), Series(("skip", "error"), 3.0)),
        family(GAUGE, "botmon_memory_rss_bytes", "bytes", Series(("", ""), 5e7)),
        family(GAUGE, "botmon_cpu_ratio", "ratio", Series(("", ""), 0.25)),
        family(GAUGE, "botmon_custom_voice_players", "players", Series(("", ""), 7), Series(("x", ""), math.nan)),
        family(GAUGE, "botmon_nothing"),
    )
    units = {name: (metric.unit, metric.WhichOneof("data")) for name, metric in found.items()}
    assert units == {
        "botmon.invocations": ("", "sum"),
        "botmon.memory_rss": ("By", "gauge"),
        "botmon.cpu": ("1", "gauge"),
        "botmon.custom_voice_players": ("{players}", "gauge"),
    }
    counter = found["botmon.invocations"]
    assert counter.description == "What botmon_invocations is."
    assert counter.sum.is_monotonic
    assert counter.sum.aggregation_temporality == 2, "cumulative"
    points = counter.sum.data_points
    assert [attributes(point) for point in points] == [
        {"command": "play", "outcome": "ok"},
        {"command": "skip", "outcome": "error"},
    ]
    assert [(point.as_int, point.as_double) for point in points] == [(12, 0), (0, 3.0)]
    assert {point.time_unix_nano for point in points} == {int(NOW.timestamp()) * 10**9}
    assert {point.start_time_unix_nano for point in points} == {0}, "unknown"
    assert [point.as_int for point in found["botmon.custom_voice_players"].gauge.data_points] == [7], "NaN is no value"
    assert found["botmon.memory_rss"].gauge.data_points[0].as_double == 5e7


async def test_explicit_buckets_are_those_that_prometheus_gets(receiver: Receiver) -> None:
    metric = (await pushed(receiver, times()))["botmon.invocation_duration"]
    assert metric.unit == "s"
    (point,) = metric.histogram.data_points
    assert (point.count, point.sum) == (len(TIMES_S), sum(TIMES_S))
    assert not point.HasField("min")
    assert not point.HasField("max")
    bounds = [*point.explicit_bounds]
    assert bounds == [*BOUNDS_S]
    below = [*accumulate(point.bucket_counts)]
    assert below == [*(sum(seconds <= bound for seconds in TIMES_S) for bound in bounds), len(TIMES_S)]


async def test_bounds_reach_as_far_as_counts_of_things_do(receiver: Receiver) -> None:
    metric = await pushed(receiver, times("botmon_custom_queue_songs", "songs", [3.0, 40.0, 7000.0]))
    (point,) = metric["botmon.custom_queue_songs"].histogram.data_points
    filled = [bound for bound, n in zip([*point.explicit_bounds, math.inf], point.bucket_counts, strict=True) if n]
    assert filled == [5, 50, 10_000]


async def test_exponential_buckets_on_the_standard_variable_answer_within_three_percent(receiver: Receiver) -> None:
    values = [0.0001 * 1.037**n for n in range(400)]
    env = {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"}
    metric = (await pushed(receiver, times(values=values), env=env))["botmon.invocation_duration"]
    (point,) = metric.exponential_histogram.data_points
    assert point.count == len(values)
    base = 2 ** (2**-point.scale)
    counts = {point.positive.offset + index: n for index, n in enumerate(point.positive.bucket_counts) if n}
    assert point.zero_count == values_in(values, LOWEST)
    assert point.zero_count + sum(counts.values()) == len(values)
    middles = [base ** (index + 0.5) for index, n in sorted(counts.items()) for _ in range(n)]
    measured = sorted(values)[point.zero_count :]
    worst = max(abs(middle / value - 1) for middle, value in zip(middles, measured, strict=True) if value < 80_000)
    assert worst < 0.032


def values_in(values: list[float], bucket: int) -> int:
    return sum(bucket_of(value) == bucket for value in values)


# -- who tells ---------------------------------------------------------------------------------------------------------


async def test_the_resource_names_bot_process_version_and_sdk(receiver: Receiver) -> None:
    await pushed(receiver, times())
    found = receiver.resource("/v1/metrics")
    assert {key: found[key] for key in ("service.name", "service.instance.id", "service.version")} == {
        "service.name": "Loopback Bot",
        "service.instance.id": "one",
        "service.version": "1.4.2",
    }
    assert found["telemetry.sdk.name"] == "opentelemetry"
    assert found["telemetry.sdk.language"] == "python"
    assert found["telemetry.distro.name"] == "botmon-cog"


async def test_the_environment_names_the_resource(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "jukebox")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=live,service.instance.id=pod-7")
    await pushed(receiver, times())
    found = receiver.resource("/v1/metrics")
    assert (found["service.name"], found["service.instance.id"]) == ("jukebox", "pod-7")
    assert found["deployment.environment.name"] == "live"


# -- where to ----------------------------------------------------------------------------------------------------------


async def test_headers_of_both_places_arrive_and_bodies_are_compressed_on_wish(receiver: Receiver) -> None:
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url + "/",
        "OTEL_EXPORTER_OTLP_HEADERS": "X-Scope=a%20b, authorization=Bearer env",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    config = OtelConfig(metrics=True, headers={"Authorization": "Bearer file"})
    async with pushing(config, [times()], env=env) as pushes:
        await pushes.one("metrics")
    path, headers, _ = receiver.requests[0]
    assert path == "/v1/metrics"
    assert (headers["x-scope"], headers["authorization"]) == ("a b", "Bearer file")
    assert headers["content-encoding"] == "gzip"


def test_what_the_file_says_comes_first_then_the_signals_variables_then_those_for_all() -> None:
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://all:4318",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://traces/here",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "4",
        "OTEL_METRIC_EXPORT_INTERVAL": "15000",
    }
    nothing = OtelConfig()
    assert destination(nothing, "metrics", {}).url == "http://localhost:4318/v1/metrics"
    assert destination(nothing, "metrics", env)[::2] == ("http://all:4318/v1/metrics", 4.0, None)
    assert destination(nothing, "traces", env)[::2] == ("http://traces/here", 3.0, None)
    assert destination(OtelConfig(endpoint="http://file/"), "traces", env).url == "http://file/v1/traces"
    assert (interval_s(nothing, env), interval_s(OtelConfig(interval_s=5.0), env), interval_s(nothing, {})) == (
        15,
        5,
        60,
    )
    assert destination(nothing, "metrics", {"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}).timeout_s == 10.0


def test_pairs_that_are_none_are_left_out() -> None:
    assert pairs("a=b=c, D=%3D ,nonsense,") == {"a": "b=c", "d": "="}


# -- spans -------------------------------------------------------------------------------------------------------------


async def test_a_span_tells_the_command_its_times_and_its_end_and_nothing_of_people(receiver: Receiver) -> None:
    failed = Invocation(
        kind=Kind.SLASH,
        command="play song",
        outcome=Outcome.ERROR,
        started_at=NOW,
        duration_s=1.25,
        response_s=0.5,
        gateway_delay_s=0.125,
        guild_id=111_222_333,
        guild_name="Secret Guild",
        channel_id=444_555,
        user_id=666_777,
        username="somebody",
        shard_id=3,
        discord_id=888_999,
        parameters='["query"]',
        details="typed",
        error_type="ValueError",
        error_message="no such song as typed",
    )
    async with pushing(OtelConfig(endpoint=receiver.url, spans=True)) as pushes:
        pushes.recorder.record(failed)
        await pushes.one("traces")
    (span,) = receiver.spans()
    start = int(NOW.timestamp()) * 10**9
    assert (span.name, span.kind) == ("/play song", 2), "2 is a server's"
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (start, start + 1_250_000_000)
    assert (len(span.trace_id), len(span.span_id), span.parent_span_id) == (16, 8, b"")
    assert attributes(span) == {
        "botmon.command": "play song",
        "botmon.kind": "slash",
        "botmon.outcome": "error",
        "botmon.shard": 3,
        "botmon.gateway_delay": 0.125,
        "error.type": "ValueError",
    }
    assert (span.status.code, span.status.message) == (2, "failed"), "2 is an error"
    ((name, at),) = [(event.name, event.time_unix_nano) for event in span.events]
    assert (name, at) == ("first response", start + 500_000_000)
    told = str(receiver.requests[-1])
    for secret in ("Secret", "somebody", "111222333", "444555", "666777", "888999", "query", "typed"):
        assert secret not in told


@pytest.mark.parametrize(
    ("outcome", "code", "error_type"),
    [
        (Outcome.OK, 0, None),
        (Outcome.USER_ERROR, 0, "user_error"),
        (Outcome.DENIED, 0, "denied"),
        (Outcome.LATE, 2, "late"),
        (Outcome.CRASHED, 2, "crashed"),
    ],
)
async def test_only_faults_of_the_bot_are_errors(
    receiver: Receiver, outcome: Outcome, code: int, error_type: str | None
) -> None:
    async with pushing(OtelConfig(endpoint=receiver.url, spans=True)) as pushes:
        pushes.recorder.record(invocation(outcome, duration_s=None))
        await pushes.one("traces")
    (span,) = receiver.spans()
    assert (span.status.code, attributes(span).get("error.type")) == (code, error_type)
    assert span.end_time_unix_nano == span.start_time_unix_nano


async def test_each_invocation_is_one_span_in_order_and_ours_are_none(receiver: Receiver) -> None:
    n = 1_200
    async with pushing(OtelConfig(endpoint=receiver.url, spans=True)) as pushes:
        for index in range(n):
            pushes.recorder.record(invocation(started_at=NOW + timedelta(milliseconds=index)))
            pushes.recorder.record(invocation(is_own=True))
        await pushes.one("traces")
        spans = receiver.spans()
    assert [span.start_time_unix_nano for span in spans] == sorted({span.start_time_unix_nano for span in spans})
    assert len(spans) == n == len({span.span_id for span in spans}) == len({span.trace_id for span in spans})
    assert len(receiver.requests) == 3, "of 512 at the most"
