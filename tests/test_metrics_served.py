"""Where /metrics is served, to whom, how much at a time, and what is said where it can't be; and a real Pushgateway."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.config import ENV_HTTP_TOKEN, Config, HttpConfig, PushgatewayConfig, load_config
from botmon_cog.config.checking import check
from botmon_cog.domain.exposed import Distribution, Family, FamilyKind, Series
from botmon_cog.domain.histogram import Histogram
from botmon_cog.errors import ConfigError
from botmon_cog.exporters.buckets import BOUNDS_S, cumulative
from botmon_cog.exporters.http import HttpServer, address_of
from botmon_cog.exporters.prometheus.endpoint import MetricsEndpoint
from botmon_cog.exporters.prometheus.push import MetricsPush
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.testing import ManualClock
from tests.harness import EXTENSION, cog_of, make_bot, make_config, running, until
from tests.monitoring_tools import tool

ONE = (Family("botmon_things", FamilyKind.COUNTER, "Things.", "", ("kind",), (Series(("a",), 3.0),)),)


async def families() -> Sequence[Family]:
    return ONE


async def ready() -> tuple[str, ...]:
    return ()


@asynccontextmanager
async def serving(
    listen: str = "127.0.0.1:0", token: str = "", gather: Any = families
) -> AsyncIterator[tuple[HttpServer, Failures]]:
    failures = Failures(ManualClock())
    server = HttpServer(listen, ready, failures, metrics=MetricsEndpoint(gather, token, failures))
    await server.start()
    try:
        yield server, failures
    finally:
        await server.stop()


async def ask(server: HttpServer, path: str = "/metrics") -> tuple[int, str]:
    url = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


# -- to whom -----------------------------------------------------------------------------------------------------------


async def test_without_a_token_it_is_open_on_this_machine_and_shut_to_others(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as (server, _):
        status, body = await ask(server)
        assert (status, 'botmon_things_total{kind="a"} 3.0' in body) == (200, True)
        assert server.problem is None
    async with serving("0.0.0.0:0") as (server, _):
        assert (await ask(server))[0] == 403
        assert (await ask(server, "/healthz"))[0] == 200
        assert server.problem == "/metrics is off: other machines can reach 0.0.0.0:0, so it needs [http] token"
        assert server.problem in caplog.text
    async with serving("0.0.0.0:0", "a token") as (server, _):
        assert (await ask(server))[0] == 401
        assert server.problem is None


async def test_the_token_is_taken_from_the_environment_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "botmon.toml").write_text('[http]\nlisten = "127.0.0.1:0"\ntoken = "in the file"\n')
    assert load_config({}, tmp_path).http.token == "in the file"
    assert load_config({ENV_HTTP_TOKEN: "around it"}, tmp_path).http.token == "around it"
    (tmp_path / "botmon.toml").write_text("[http]\ntoken = 918273645\n")
    with pytest.raises(ConfigError) as raised:
        load_config({}, tmp_path)
    assert "918273645" not in str(raised.value)


# -- how much ----------------------------------------------------------------------------------------------------------


async def test_one_scrape_at_a_time_and_few_that_wait() -> None:
    going, most, go = 0, 0, asyncio.Event()

    async def slowly() -> Sequence[Family]:
        nonlocal going, most
        going += 1
        most = max(most, going)
        await go.wait()
        going -= 1
        return ONE

    async with serving(gather=slowly) as (server, failures):
        scrapes = [asyncio.ensure_future(ask(server)) for _ in range(6)]
        async with asyncio.timeout(10):
            while sum(scrape.done() for scrape in scrapes) < 2:
                await asyncio.sleep(0)
        go.set()
        assert sorted(status for status, _ in await asyncio.gather(*scrapes)) == [200] * 4 + [503] * 2
        assert (most, failures.n) == (1, 0)


async def test_a_failure_is_an_answer_and_noted() -> None:
    async def broken() -> Sequence[Family]:
        raise LookupError("the shards are gone")

    async with serving(gather=broken) as (server, failures):
        status, body = await ask(server)
        assert (status, "shards" in body) == (500, False)
        assert failures.n == 1
        assert (await ask(server, "/healthz"))[0] == 200


def test_classic_buckets_are_within_two_percent() -> None:
    """Of values that are not that close to a bound, each is where it belongs."""
    values = [bound * factor for bound in BOUNDS_S for factor in (0.97, 1.03)]
    buckets = Histogram.of(values).counts
    counted = cumulative(Distribution(len(values), sum(values), buckets), "seconds")
    assert counted == [(bound, sum(value <= bound for value in values)) for bound in BOUNDS_S]
    assert {1.0, 2.0, 3.0} < set(BOUNDS_S)


# -- where -------------------------------------------------------------------------------------------------------------


def test_auto_takes_the_port_that_a_panel_has_chosen() -> None:
    everywhere = "0.0.0.0"  # noqa: S104 (a panel forwards the port)
    assert address_of("auto", {"SERVER_PORT": "25565", "PORT": "8080"}) == (everywhere, 25565)
    assert address_of("auto", {"SERVER_PORT": "", "PORT": "8080"}) == (everywhere, 8080)
    assert address_of("auto", {"PORT": "http"}) is None
    assert address_of("127.0.0.1:1", {"PORT": "8080"}) == ("127.0.0.1", 1)


async def test_auto_without_a_port_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("SERVER_PORT", raising=False)
    monkeypatch.delenv("PORT", raising=False)
    async with serving("auto") as (server, _):
        assert server.port is None
        assert "neither SERVER_PORT nor PORT" in (server.problem or "")
        assert server.problem in caplog.text


def test_metrics_without_an_address_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"http\.metrics"):
        check(Config(http=HttpConfig(metrics=True)), "botmon.toml")
    check(Config(http=HttpConfig(metrics=True, listen="auto")), "botmon.toml")


async def test_a_missing_extra_is_said_and_costs_metrics_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("botmon_cog.config.extras.find_spec", lambda _: None)
    bot = make_bot()
    bot.botmon_config = make_config(
        http=HttpConfig(listen="127.0.0.1:0", metrics=True), pushgateway=PushgatewayConfig(url="http://127.0.0.1:1")
    )
    async with running(bot) as rig:
        assert (await ask(cog_of(bot).http))[0] == 404
        assert (await ask(cog_of(bot).http, "/healthz"))[0] == 200
        for feature in ("[http] metrics", "[pushgateway] url"):
            assert f"{feature} needs an optional dependency: pip install 'botmon-cog[prometheus]'" in caplog.text
        report = await cog_of(bot).check_health()
        assert report.components["monitor"].status != "healthy"
        await rig.bot.unload_extension(EXTENSION)


# -- pushing -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def pushgateway(port: int) -> AsyncIterator[str]:
    process = subprocess.Popen(  # noqa: ASYNC220 (starts at once)
        [tool("prometheus-pushgateway"), f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def test_a_pushgateway_gets_what_would_be_scraped(unused_tcp_port: int, caplog: pytest.LogCaptureFixture) -> None:
    """It is not there at first: that is said once, without its URL, and pushing goes on."""
    clock, failures = ManualClock(), Failures(ManualClock())
    config = PushgatewayConfig(url=f"http://user:hidden@127.0.0.1:{unused_tcp_port}")
    push = MetricsPush(config, "main", families, clock, failures, LoopRuns(SystemClock()))
    caplog.set_level("INFO", "botmon_cog")
    push.start()
    try:
        await until(lambda: "does not take metrics" in caplog.text)
        async with pushgateway(unused_tcp_port) as url, asyncio.timeout(20):
            while not push.n:
                await clock.advance(config.interval_s)
                await asyncio.sleep(0.02)
            async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
                body = await response.text()
    finally:
        await push.stop()
    assert 'botmon_things_total{instance="main",job="botmon",kind="a"} 3' in body
    assert caplog.text.count("does not take metrics") == 1
    assert "takes metrics again" in caplog.text
    assert "hidden" not in caplog.text
    assert failures.n == 0
