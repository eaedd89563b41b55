"""The checks of a whole monitoring system: what is gathered and kept, what a failing source costs, and readiness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botmon_cog.config import Config, HealthConfig, StorageConfig
from botmon_cog.config.tables import AlertsConfig, RuleConfig
from botmon_cog.domain.models import MetricSample
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports.health import HealthReport
from botmon_cog.domain.samples import GatewaySample, LoopSample, RestSample, ShardSample
from botmon_cog.errors import StorageError
from botmon_cog.health.check import HEALTH_CHECKS
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.health.words import sentence
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.test_windows import invocation

CONNECTED = GatewaySample(
    shards=(ShardSample(shard_id=0, latency_s=0.05, usual_latency_s=0.05, is_connected=True),),
)
DOWN = GatewaySample(shards=(*CONNECTED.shards, ShardSample(shard_id=1, is_connected=False, down_s=5.0)))
SOURCES = ("loop", "gateway", "rest")


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[MonitoringSystem]:
    config = Config(
        storage=StorageConfig(url=str(tmp_path / "bot.db"), linger_ms=0),
        health=HealthConfig(database_timeout_s=0.2),
        alerts=AlertsConfig(rule=(RuleConfig(metric="custom.players", over=2),)),
    )
    async with MonitoringSystem(config, clock=ManualClock()) as system:
        system.sources.gateway = lambda: CONNECTED
        system.sources.loop = lambda: LoopSample(p50_s=0.001, p99_s=0.01, max_s=0.03)
        system.sources.rest = RestSample
        yield system


def fail(*_: object, **__: object):
    raise RuntimeError("in the source")


async def check(system: MonitoringSystem, n: int = 1) -> HealthReport:
    for _ in range(n - 1):
        await system.clock.advance(60)  # pyright: ignore[reportAttributeAccessIssue]
        await system.health.check()
    await system.clock.advance(60)  # pyright: ignore[reportAttributeAccessIssue]
    return await system.health.check()


async def test_everything_is_gathered_judged_and_kept(system):
    system.sources.unreachable = lambda: ("DMs to owner 1 are closed",)
    report = await check(system)
    assert set(report.components) == {*system.config.health.watch} - {"voice"}
    assert sentence(report.reason) == "a way to the owners is closed (DMs to owner 1 are closed)"
    assert report.sample("gateway", GatewaySample) == CONNECTED
    assert report.sample("monitor", MonitorSample).unreachable == ("DMs to owner 1 are closed",)
    assert system.health.latest == report
    await check(system)
    await system.flush()
    moments = await system.store.log.health_history(system.instance, report.checked_at)
    assert [(moment.status, moment.reason) for moment in moments] == [(report.overall_status, report.reason)] * 2


async def test_metrics_of_the_host_are_judged_over_the_time_between_two_checks(system):
    system.recorder.record(MetricSample(name="players", occurred_at=system.clock.now(), value=3.0, unit=""))
    assert [each.key for each in (await check(system)).rules] == ["rule.custom.players"]
    assert system.recorder.operations.recent() == {}


async def test_what_nobody_watches_is_left_out(system):
    for name in SOURCES:
        setattr(system.sources, name, lambda: None)
    report = await check(system)
    assert set(report.components).isdisjoint(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
async def test_a_source_that_fails_costs_its_line_of_which_nothing_is_known(system, name):
    setattr(system.sources, name, fail)
    report = await check(system)
    assert report.components[name].status == "unknown"
    assert system.failures.n == 1
    assert report.reason.what == "monitor.failures"


async def test_a_database_that_is_away_is_told_at_once_and_the_rest_is_there(system, monkeypatch):
    async def gone() -> int:
        raise StorageError("disk I/O error")

    monkeypatch.setattr(system.store.engine, "ping", gone)
    report = await check(system)
    assert (report.overall_status, report.components["database"].status) == ("unhealthy", "critical")
    assert report.components.keys() >= {"gateway", "loop", "memory", "monitor"}
    assert sentence(report.reason) == "the database does not answer (disk I/O error)"


async def test_a_database_that_hangs_is_away_after_its_time_out(system, monkeypatch):
    monkeypatch.setattr(system.store.engine, "ping", asyncio.Event().wait)
    assert sentence((await check(system)).reason) == "the database does not answer (no answer within 0.2 s)"


async def test_a_look_changes_nothing(system):
    for _ in range(30):
        system.recorder.record(invocation(outcome=Outcome.ERROR))
    for _ in range(5):
        await system.clock.advance(60)
        assert not any(each.severity == "critical" for each in (await system.health.report()).problems)
    report = await check(system, 3)
    assert any(each.key.startswith("commands.failing") for each in report.problems)
    for _ in range(5):
        await system.clock.advance(3600)
        assert (await system.health.report()).problems, "it is not over until checks say so"
    await system.flush()
    assert len(await system.store.log.health_history(system.instance, report.checked_at.replace(year=2000))) == 3
    assert system.health.latest == report


async def test_the_loop_of_the_checks_is_late_when_it_does_not_check(system):
    async def overdue() -> list[str]:
        report = await system.health.report()
        return [each.reason.what for each in report.components["monitor"].problems]

    system.loops.begin(HEALTH_CHECKS, 60)
    report = await check(system)
    await system.clock.advance(60)
    (run,) = (await system.health.components["monitor"].sample()).loops
    assert (run.name, run.last_at, run.is_late) == (HEALTH_CHECKS, report.checked_at, False)
    assert await overdue() == []
    await system.clock.advance(121)
    assert await overdue() == ["monitor.loops"]
    assert not system.health.is_well()


# -- readiness ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gateway", "is_ready"), [(CONNECTED, True), (DOWN, False), (GatewaySample(), False), (None, False)]
)
async def test_ready_is_who_is_connected_on_every_shard(system, gateway, is_ready):
    system.sources.gateway = lambda: gateway
    reasons = await system.readiness.look()
    assert reasons == (() if is_ready else ("the gateway is not connected",))


async def test_a_gateway_that_can_not_be_asked_is_not_connected(system):
    system.sources.gateway = fail
    assert await system.readiness.look() == ("the gateway is not connected",)


async def test_who_polls_shares_one_answer_of_the_database_for_a_second(system, monkeypatch):
    asked, answer = 0, asyncio.Event()

    async def ping() -> int:
        nonlocal asked
        asked += 1
        await answer.wait()
        if asked > 1:
            raise StorageError("password 'secret' refused by /home/bot")
        return 4096

    monkeypatch.setattr(system.store.engine, "ping", ping)
    polls = [asyncio.create_task(system.readiness.look()) for _ in range(10)]
    await system.clock.advance(0)
    answer.set()
    assert [await poll for poll in polls] == [()] * 10
    await system.clock.advance(0.9)
    assert await system.readiness.look() == ()
    assert asked == 1
    await system.clock.advance(0.2)
    assert await system.readiness.look() == ("the database does not answer",)
    assert asked == 2
