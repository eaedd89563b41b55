"""What is told to the outside: two addresses, and a push that ends when the bot is not well."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.config import Config, HeartbeatConfig
from botmon_cog.config.checking import check
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import ComponentHealth, HealthReport, Problem
from botmon_cog.domain.samples import GatewaySample, ShardSample
from botmon_cog.errors import ConfigError
from botmon_cog.exporters.heartbeat import HeartbeatPush, filled
from botmon_cog.exporters.http import MOST_CONNECTIONS, HttpServer
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.testing import ManualClock
from tests.harness import until
from tests.outside import Outside, counting

ANYWHERE = "127.0.0.1:0"


# -- /healthz and /readyz ----------------------------------------------------------------------------------------------


async def ready() -> tuple[str, ...]:
    return ()


@asynccontextmanager
async def serving(
    readiness: Callable[[], Awaitable[tuple[str, ...]]] = ready, headers_s: float = 5.0
) -> AsyncIterator[HttpServer]:
    server = HttpServer(ANYWHERE, readiness, Failures(ManualClock()), headers_s)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(server: HttpServer, path: str, method: str = "GET") -> tuple[int, str]:
    url = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url) as response:
        return response.status, await response.text()


async def test_alive_whatever_else_is():
    async def away() -> tuple[str, ...]:
        return ("the database does not answer",)

    async with serving(away) as server:
        status, body = await ask(server, "/healthz")
        assert (status, json.loads(body)) == (200, {"status": "alive"})


async def test_ready_or_why_not():
    reasons: list[str] = []

    async def now() -> tuple[str, ...]:
        return tuple(reasons)

    async with serving(now) as server:
        status, body = await ask(server, "/readyz")
        assert (status, json.loads(body)) == (200, {"status": "ready"})
        reasons += ["the gateway is not connected", "the database does not answer"]
        status, body = await ask(server, "/readyz")
        assert (status, json.loads(body)) == (503, {"status": "not ready", "reasons": reasons})
        reasons.clear()
        server.is_stopping = True
        status, body = await ask(server, "/readyz")
        assert (status, json.loads(body)["reasons"]) == (503, ["the bot is shutting down"])
        assert (await ask(server, "/healthz"))[0] == 200


async def test_a_failure_of_ours_is_an_answer_too(caplog: pytest.LogCaptureFixture):
    async def broken() -> tuple[str, ...]:
        raise RuntimeError("secret inside")

    async with serving(broken) as server:
        status, body = await ask(server, "/readyz")
        assert status == 503
        assert "secret" not in body
        assert "secret inside" in caplog.text


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/healthz", "POST", 405)])
async def test_nothing_else_is_served(path: str, method: str, status: int):
    async with serving() as server:
        assert (await ask(server, path, method))[0] == status
        assert (await ask(server, "/readyz", "HEAD")) == (200, "")


async def test_a_port_that_is_taken_costs_the_feature_and_says_so(caplog: pytest.LogCaptureFixture):
    async with serving() as first:
        second = HttpServer(f"127.0.0.1:{first.port}", ready, Failures(ManualClock()))
        await second.start()
        assert second.port is None
        assert second.problem is not None
        assert second.problem == (
            f"/healthz and /readyz are off: can't listen on 127.0.0.1:{first.port} ({os.strerror(errno.EADDRINUSE)})"
        )
        assert second.problem in caplog.text
        await second.stop()
        assert (await ask(first, "/healthz"))[0] == 200


async def test_the_port_is_free_again_after_the_end():
    async with serving() as server:
        port = server.port
    again = HttpServer(f"127.0.0.1:{port}", ready, Failures(ManualClock()))
    await again.start()
    assert (again.port, again.problem) == (port, None)
    await again.stop()


async def raw(server: HttpServer, request: bytes) -> bytes:
    """All that comes back until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_client_that_does_not_end_its_headers_is_cut_off(sent: bytes):
    async with serving(headers_s=0.1) as server:
        assert await raw(server, sent) == b""
        assert (await ask(server, "/healthz"))[0] == 200


async def test_client_that_drips_its_headers_is_cut_off_all_the_same():
    async with serving(headers_s=0.2) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        ended = asyncio.ensure_future(reader.read())
        drops = 0
        async with asyncio.timeout(10):
            while not ended.done():
                writer.write(b"x" if drops else b"GET /healthz HTTP/1.1\r\nX-Slow: ")
                drops += 1
                await asyncio.wait([ended], timeout=0.02)
        assert ended.exception() is not None or ended.result() == b""
        writer.close()


async def test_one_connection_too_many_is_told_so():
    async with serving() as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(MOST_CONNECTIONS)]
        assert (await raw(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
        for reader, writer in held:
            writer.close()
            assert await reader.read() == b""
        assert (await ask(server, "/healthz"))[0] == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 s3cret\r\n\r\n",
        b"s3cret\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\ns3cret\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nX: " + b"s3cret" * 5_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nContent-Length: s3cret\r\n\r\n",
    ],
)
async def test_malformed_request_is_refused_without_a_word_in_any_log(sent: bytes, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    async with serving() as server:
        assert (await raw(server, sent)).startswith(b"HTTP/1.0 400 ")
        assert "Traceback" not in caplog.text
        assert "s3cret" not in caplog.text
        assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.INFO]
        assert (await ask(server, "/healthz"))[0] == 200


# -- the push ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def outside() -> Iterator[Outside]:
    with counting() as outside:
        yield outside


@asynccontextmanager
async def pushing(url: str, is_well: Callable[[], bool], clock: ManualClock) -> AsyncIterator[HeartbeatPush]:
    push = HeartbeatPush(HeartbeatConfig(url=url, interval_s=60), is_well, clock, Failures(clock))
    push.start()
    try:
        yield push
    finally:
        await push.stop()


async def test_each_run_is_told_whether_or_not_it_pushes(outside: Outside):
    clock = ManualClock()
    loops = LoopRuns(clock)
    config = HeartbeatConfig(url=outside.url, interval_s=60)
    push = HeartbeatPush(config, lambda: False, clock, Failures(clock), loops)
    push.start()
    await until(lambda: loops.runs()[0].last_at is not None)
    await clock.advance(600)
    (run,) = loops.runs()
    assert (run.name, run.last_at, run.is_late) == ("heartbeat push", clock.now(), False)
    await push.stop()
    assert loops.runs() == ()
    assert outside.paths == []


async def test_pushed_every_interval_while_the_bot_is_well(outside: Outside):
    clock, well = ManualClock(), [True]
    async with pushing(outside.url, lambda: well[0], clock) as push:
        await until(lambda: push.n == 1)
        await clock.advance(59)
        assert push.n == 1
        await clock.advance(1)
        await until(lambda: push.n == 2)
        well[0] = False
        await clock.advance(600)
        assert push.n == 2
        well[0] = True
        await clock.advance(60)
        await until(lambda: push.n == 3)
    assert outside.paths == ["/ping/s3cret-uuid"] * 3
    await clock.advance(600)
    assert len(outside.paths) == 3


async def test_a_push_that_is_not_taken_is_logged_once_without_the_url(
    outside: Outside, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    clock = ManualClock()
    outside.status = 404
    async with pushing(outside.url, lambda: True, clock) as push:
        await until(lambda: len(outside.paths) == 1 and "HTTP 404" in caplog.text)
        await clock.advance(60)
        await until(lambda: len(outside.paths) == 2)
        outside.status = 200
        await clock.advance(60)
        await until(lambda: push.n == 1)
    assert caplog.text.count("is not taken") == 1
    assert caplog.text.count("taken again") == 1
    assert "s3cret" not in caplog.text
    assert "127.0.0.1" not in caplog.text


async def test_nobody_outside_costs_a_log_line(unused_tcp_port: int, caplog: pytest.LogCaptureFixture):
    clock = ManualClock()
    async with pushing(f"http://127.0.0.1:{unused_tcp_port}/s3cret", lambda: True, clock) as push:
        await until(lambda: "is not taken" in caplog.text)
        assert push.n == 0
    assert "s3cret" not in caplog.text


async def test_a_loop_that_hangs_pushes_nothing(outside: Outside):
    interval_s = 0.05
    clock = SystemClock()
    push = HeartbeatPush(HeartbeatConfig(url=outside.url, interval_s=interval_s), lambda: True, clock, Failures(clock))
    push.start()
    try:
        await until(lambda: push.n >= 2)
        seen = len(outside.paths)
        threading.Event().wait(10 * interval_s)  # nothing else runs on this loop meanwhile
        assert len(outside.paths) - seen <= 1, "at most the one that was under way"
        await until(lambda: len(outside.paths) > seen + 1)
    finally:
        await push.stop()
    assert not [t for t in asyncio.all_tasks() if t.get_name() == "botmon-heartbeat"]


# -- what the push tells -----------------------------------------------------------------------------------------------

KUMA = "/api/push/s3cret?status={status}&msg={message}&ping={ping_ms}"


def report(status: str = "healthy", reason: Reason | None = None) -> HealthReport:
    now = ManualClock().now()
    problems = () if reason is None else (Problem(key="memory", severity="critical", reason=reason, since=now),)
    shards = (ShardSample(shard_id=0, is_connected=True, latency_s=0.0414), ShardSample(shard_id=1, is_connected=True))
    gateway = ComponentHealth(status="healthy", sample=GatewaySample(shards=shards), problems=problems)
    return HealthReport(
        overall_status=status, components={"gateway": gateway}, uptime_s=1.0, watched_s=1.0, checked_at=now
    )


def rule(message: str) -> Reason:
    return Reason.of("rule.broken", metric="players", value=9.0, side="over", limit=5.0, message=message)


def test_url_is_filled_in_percent_encoded():
    assert filled(KUMA, report(), is_well=True) == "/api/push/s3cret?status=up&msg=healthy&ping=41"
    said = filled(KUMA, report("unhealthy", rule("full & {ping_ms} über/50 %")), is_well=False)
    assert said == (
        "/api/push/s3cret?status=down&msg=unhealthy%3A%20full%20%26%20%7Bping_ms%7D%20%C3%BCber%2F50%20%25&ping=41"
    )


@pytest.mark.parametrize(
    ("told", "is_well", "message"),
    [
        (None, True, "starting"),
        (None, False, "no health check so far"),
        (report(), False, "no health check lately"),
        (report("degraded", rule("slow")), True, "degraded: slow"),
    ],
)
def test_message_says_how_it_is(told: HealthReport | None, is_well: bool, message: str):
    assert filled("{message}", told, is_well=is_well).replace("%20", " ").replace("%3A", ":") == message


def test_message_is_shortened():
    assert len(filled("{message}", report("unhealthy", rule("x" * 3_000)), is_well=False)) < 250


async def test_url_that_takes_a_status_is_told_of_trouble_too(outside: Outside):
    clock, well = ManualClock(), [True]
    config = HeartbeatConfig(url=outside.url + "?status={status}&msg={message}&ping={ping_ms}", interval_s=60)
    reports = [report()]
    push = HeartbeatPush(config, lambda: well[0], clock, Failures(clock), latest=lambda: reports[-1])
    push.start()
    await until(lambda: push.n == 1)
    well[0] = False
    reports.append(report("unhealthy", rule("100 % full & blocked")))
    await clock.advance(60)
    await until(lambda: push.n == 2)
    await push.stop()
    assert [dict(parse_qsl(urlsplit(path).query)) for path in outside.paths] == [
        {"status": "up", "msg": "healthy", "ping": "41"},
        {"status": "down", "msg": "unhealthy: 100 % full & blocked", "ping": "41"},
    ]


def test_placeholder_that_is_not_known_is_refused_without_the_url():
    with pytest.raises(ConfigError) as refused:
        check(Config(heartbeat=HeartbeatConfig(url="https://x.test/s3cret?p={ping}")), "config.toml")
    assert "{ping_ms}, {status}, {message}" in str(refused.value)
    assert "s3cret" not in str(refused.value)
    check(Config(heartbeat=HeartbeatConfig(url="https://x.test/s3cret?p={ping_ms}&s={status}&m={message}")), "")
