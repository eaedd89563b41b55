"""A receiver of OTLP that is slow, busy, broken or gone: it costs what it must, is said once, and holds nothing up."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import metrics, trace

from botmon_cog.config import Config, OtelConfig, read_config
from botmon_cog.config.extras import missing_extras
from botmon_cog.domain.exposed import Family, FamilyKind, Series
from botmon_cog.errors import ConfigError
from botmon_cog.exporters.otlp.span_queue import MOST_SENT, MOST_WAITING
from botmon_cog.monitors.loop_runs import LoopRuns
from tests.otlp_helpers import invocation, pushing
from tests.otlp_receiver import Receiver, receiving
from tests.outside import taken_port

SERVICE = "botmon_cog.exporters.otlp.service"
FAMILIES = [Family("botmon_invocations", FamilyKind.COUNTER, "Commands.", "", (), [Series((), 5)])]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == SERVICE]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("botmon")]


async def test_an_outage_is_said_once_and_so_is_its_end(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, SERVICE)
    async with pushing(OtelConfig(endpoint=receiver.url, metrics=True, headers={"k": "s3cret"}), FAMILIES) as pushes:
        receiver.status = 503
        for _ in range(3):
            await pushes.one("metrics")
        assert pushes.push.problems == {"metrics": "HTTP 503"}
        receiver.status = 200
        for _ in range(2):
            await pushes.one("metrics")
        assert pushes.push.problems == {}
        assert pushes.push.pushed["metrics"] == 2
        assert pushes.system.failures.n == 0, "no fault of ours"
    assert said(caplog) == [
        ("WARNING", "OTLP metrics are not taken: HTTP 503; botmon goes on trying"),
        ("INFO", "OTLP metrics are taken again"),
    ]
    assert "s3cret" not in caplog.text


async def test_one_who_is_not_there_is_told_by_kind_and_not_by_address(caplog: pytest.LogCaptureFixture) -> None:
    with taken_port() as port:
        pass  # nobody listens there now
    url = f"http://key:s3cret@127.0.0.1:{port}"
    async with pushing(OtelConfig(endpoint=url, metrics=True), FAMILIES) as pushes:
        await pushes.one("metrics")
        assert pushes.push.problems == {"metrics": "ClientConnectorError"}
    assert "s3cret" not in caplog.text


async def test_a_receiver_that_asks_to_be_left_alone_is(receiver: Receiver) -> None:
    receiver.status, receiver.answer_headers = 429, {"Retry-After": "300"}
    async with pushing(OtelConfig(endpoint=receiver.url, metrics=True), FAMILIES) as pushes:
        await pushes.one("metrics")
        await pushes.clock.advance(299)
        assert len(receiver.requests) == 1
        receiver.status = 200
        await pushes.one("metrics")
        assert len(receiver.requests) == 2


async def test_spans_wait_for_a_receiver_that_is_away_keep_their_ids_and_come_once(receiver: Receiver) -> None:
    async with pushing(OtelConfig(endpoint=receiver.url, spans=True)) as pushes:
        pushes.recorder.record(invocation())
        receiver.status = 503
        await pushes.one("traces")
        pushes.recorder.record(invocation(command="skip"))
        receiver.status = 200
        await pushes.one("traces")
        await pushes.one("traces")
        first, again, later = receiver.spans()
        assert (first.name, first.span_id, first.trace_id) == (again.name, again.span_id, again.trace_id)
        assert later.name == "/skip"
        assert pushes.push.spans.dropped == 0


async def test_of_too_many_spans_the_first_are_kept_and_the_rest_is_counted(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, SERVICE)
    async with pushing(OtelConfig(endpoint=receiver.url, spans=True)) as pushes:
        receiver.status = 503
        for _ in range(MOST_WAITING + 7):
            pushes.recorder.record(invocation())
        await pushes.one("traces")
        assert pushes.push.spans.dropped == 7
        receiver.requests.clear()
        receiver.status = 200
        await pushes.one("traces")
        assert len(receiver.spans()) == MOST_WAITING
        assert len(receiver.requests) == MOST_WAITING // MOST_SENT
    assert said(caplog)[-1] == ("INFO", "OTLP spans are taken again; 7 spans were lost so far")


async def test_what_is_refused_for_good_is_counted_and_not_sent_again(receiver: Receiver) -> None:
    async with pushing(OtelConfig(endpoint=receiver.url, spans=True)) as pushes:
        receiver.status = 400
        pushes.recorder.record(invocation())
        await pushes.one("traces")
        assert pushes.push.spans.dropped == 1
        receiver.status, receiver.rejected = 200, (2, "too\nold")
        for _ in range(5):
            pushes.recorder.record(invocation())
        await pushes.one("traces")
        assert pushes.push.spans.dropped == 3
        assert pushes.push.problems == {"traces": "2 of what was sent were rejected: too old"}
        receiver.rejected = None
        await pushes.one("traces")
        assert len(receiver.spans()) == 6
        assert pushes.push.problems == {}, "with nothing to send there is nothing wrong"


async def test_a_redirect_is_not_followed_with_the_headers(receiver: Receiver) -> None:
    with receiving() as other:
        receiver.status, receiver.answer_headers = 307, {"Location": f"{other.url}/v1/metrics"}
        async with pushing(OtelConfig(endpoint=receiver.url, metrics=True), FAMILIES) as pushes:
            await pushes.one("metrics")
            assert pushes.push.problems == {"metrics": "HTTP 307"}
        assert other.requests == []


async def test_a_receiver_that_never_answers_holds_up_neither_the_bot_nor_its_end(receiver: Receiver) -> None:
    receiver.answers.clear()
    async with pushing(OtelConfig(endpoint=receiver.url, metrics=True, spans=True), FAMILIES) as pushes:
        pushes.recorder.record(invocation())
        await pushes.clock.advance(60)
        while len(receiver.requests) < 2:
            await asyncio.to_thread(lambda: None)
        ending = time.perf_counter()
        await pushes.push.stop()
        assert time.perf_counter() - ending < 1.0
        assert [task.get_name() for task in asyncio.all_tasks() if "otlp" in task.get_name()] == []
        assert "botmon-otlp" not in threads()


async def test_the_slow_are_given_up_after_the_standard_time_out(receiver: Receiver) -> None:
    receiver.answers.clear()
    env = {"OTEL_EXPORTER_OTLP_TIMEOUT": "0.05"}
    async with pushing(OtelConfig(endpoint=receiver.url, metrics=True), FAMILIES, env=env) as pushes:
        await pushes.one("metrics")
        assert pushes.push.problems == {"metrics": "no answer within 0.05 s"}


async def test_the_last_push_tells_what_happened_until_the_end(receiver: Receiver) -> None:
    async with pushing(OtelConfig(endpoint=receiver.url, metrics=True, spans=True), FAMILIES) as pushes:
        pushes.recorder.record(invocation(command="last"))
    assert [span.name for span in receiver.spans()] == ["/last"]
    assert receiver.metrics()["botmon.invocations"].sum.data_points[0].as_int == 5


async def test_a_gathering_that_fails_is_noted_once_and_tried_again(receiver: Receiver) -> None:
    bad = [Family("botmon_invocations", FamilyKind.COUNTER, "Commands.", "", ("command",), [Series((), 5)])]
    async with pushing(OtelConfig(endpoint=receiver.url, metrics=True), bad) as pushes:
        for _ in range(2):
            await pushes.one("metrics")
        assert pushes.system.failures.n == 1
        bad[:] = FAMILIES
        await pushes.one("metrics")
        assert pushes.push.pushed["metrics"] == 1


async def test_nothing_runs_unless_it_is_wanted(receiver: Receiver) -> None:
    for config, env in ((OtelConfig(), {}), (OtelConfig(metrics=True, spans=True), {"OTEL_SDK_DISABLED": "true"})):
        async with pushing(config, FAMILIES, env=env) as pushes:
            assert pushes.recorder.tap is None
            assert "botmon-otlp" not in threads()
            assert pushes.runs.runs() == LoopRuns(pushes.clock).runs()
    assert receiver.requests == []


async def test_the_providers_of_the_host_stay_its_own(receiver: Receiver) -> None:
    before = (metrics.get_meter_provider(), trace.get_tracer_provider())
    async with pushing(OtelConfig(endpoint=receiver.url, metrics=True, spans=True), FAMILIES) as pushes:
        pushes.recorder.record(invocation())
        await pushes.one("metrics")
        assert (metrics.get_meter_provider(), trace.get_tracer_provider()) == before


def test_the_service_can_be_imported_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the extension does whether or not anything is sent."""
    for name in [name for name in sys.modules if name.startswith(("botmon_cog.exporters.otlp", "opentelemetry"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    importlib.import_module("botmon_cog.exporters.otlp.service")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("botmon_cog.exporters.otlp.exporter")
    assert missing_extras(Config()) == ()
    (missing,) = missing_extras(Config(otel=OtelConfig(spans=True)))
    assert missing == "[otel] needs an optional dependency: pip install 'botmon-cog[otel]'"


async def test_all_who_listen_hear_of_each_invocation_until_they_stop() -> None:
    async with pushing(OtelConfig()) as pushes:
        first: list[str] = []
        second: list[str] = []
        stop_first = pushes.recorder.listen(lambda row: first.append(row.command))
        stop_second = pushes.recorder.listen(lambda row: second.append(row.command))
        pushes.recorder.record(invocation(command="a"))
        stop_first()
        stop_first()
        pushes.recorder.record(invocation(command="b"))
        stop_second()
        pushes.recorder.record(invocation(command="c"))
    assert (first, second) == (["a"], ["a", "b"])


def test_a_wrong_header_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "botmon.toml").write_text('[otel]\nheaders = {authorization = "Bearer s3cret", scope = 5}\n')
    with pytest.raises(ConfigError, match=r"otel\.headers.*Allowed: a table of texts") as raised:
        read_config(tmp_path / "botmon.toml")
    assert "s3cret" not in str(raised.value)
