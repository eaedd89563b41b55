"""Health: what it gathers, what a failing source costs, and what a look leaves as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botmon_cog.config import Config, HealthConfig, StorageConfig
from botmon_cog.domain.models import MetricSample
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import HealthReport
from botmon_cog.domain.samples import GatewaySample, LoopSample, RestSample, ShardSample
from botmon_cog.errors import StorageError
from botmon_cog.monitors.health import HEALTH_CHECKS, Health
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.test_windows import invocation

CONNECTED = GatewaySample(shards=(ShardSample(shard_id=0, latency_s=0.05, is_connected=True),))
DOWN = GatewaySample(shards=(*CONNECTED.shards, ShardSample(shard_id=1, is_connected=False, down_s=5.0)))
SOURCES = ("loop", "gateway", "rest")


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[MonitoringSystem]:
    health = HealthConfig(checks_to_enter=2, checks_to_leave=2, database_timeout_s=0.2)
    config = Config(storage=StorageConfig(url=str(tmp_path / "bot.db"), linger_ms=0), health=health)
    async with MonitoringSystem(config, clock=ManualClock()) as system:
        system.health.sources.gateway = lambda: CONNECTED
        system.health.sources.loop = lambda: LoopSample(p50_s=0.001, p99_s=0.01, max_s=0.03)
        system.health.sources.rest = RestSample
        yield system


def fail(*_: object, **__: object):
    raise RuntimeError("in the source")


def failing(system: MonitoringSystem, errors: int = 30) -> None:
    for _ in range(errors):
        system.recorder.record(invocation(outcome=Outcome.ERROR))


async def check(system: MonitoringSystem) -> HealthReport:
    await system.clock.advance(60)  # pyright: ignore[reportAttributeAccessIssue]
    return await system.health.check()


async def test_everything_is_gathered_judged_and_kept(system):
    system.recorder.record(MetricSample(name="players", occurred_at=system.clock.now(), value=3.0, unit=""))
    system.health.sources.unreachable = lambda: ("DMs to owner 1 are closed",)
    system.health.sources.broken = lambda: ("/healthz is off: no port",)
    assert system.health.latest_samples is None
    report = await check(system)
    assert (report.overall_status, len(report.components)) == ("degraded", 10)
    assert report.reason == "a way to the owners is closed: DMs to owner 1 are closed"
    samples = system.health.latest_samples
    assert samples.monitor.broken == report.monitor.broken == ("/healthz is off: no port",)
    assert samples.taken_at == report.checked_at == system.clock.now()
    assert (samples.custom, samples.gateway) == ({"players": 3.0}, CONNECTED)
    assert None not in (samples.process, samples.loop, samples.rest, samples.commands, samples.database)
    await check(system)
    assert system.health.latest_samples.custom == {}
    await system.flush()
    moments = await system.store.log.health_history(system.instance, report.checked_at)
    assert [(moment.status, moment.reason) for moment in moments] == [(report.overall_status, report.reason)] * 2


async def test_what_nobody_watches_is_left_out(system):
    for name in SOURCES:
        setattr(system.health.sources, name, lambda: None)
    report = await check(system)
    assert set(report.components).isdisjoint(SOURCES)
    assert report.overall_status == "healthy"


@pytest.mark.parametrize("name", SOURCES)
async def test_a_source_that_fails_costs_its_line_of_which_nothing_is_known(system, name):
    setattr(system.health.sources, name, fail)
    report = await check(system)
    assert report.components[name].status == "unknown"
    assert name in report.unknown
    assert system.failures.n == 1
    assert report.reason == "the monitor itself failed within the last hour"


@pytest.mark.parametrize(
    ("probe", "lost"),
    [
        ("_process", {"memory", "cpu", "files"}),
        ("_commands", {"error_rate", "commands"}),
        ("_monitor", {"monitor"}),
    ],
)
async def test_a_probe_of_our_own_that_fails_costs_its_lines_of_which_nothing_is_known(
    system, monkeypatch, probe, lost
):
    monkeypatch.setattr(getattr(system.health, probe), "sample", fail)
    report = await check(system)
    assert {name for name, component in report.components.items() if component.status == "unknown"} >= lost
    assert lost <= set(report.unknown)
    assert system.failures.n == 1


async def test_a_database_that_is_away_is_told_at_once_and_the_rest_is_there(system, monkeypatch):
    async def gone() -> int:
        raise StorageError("disk I/O error")

    monkeypatch.setattr(system.store.engine, "ping", gone)
    report = await check(system)
    assert (report.overall_status, report.database.status) == ("unhealthy", "error")
    assert len(report.components) == 10
    assert (await system.health.database()).reason == "the database does not answer: disk I/O error"


async def test_a_look_changes_nothing(system):
    failing(system)
    for _ in range(5):
        await system.clock.advance(60)
        report = await system.health.report()
        assert report.problems == ()
        assert (await system.health.error_rate()).status == "healthy"
    assert report.error_rate.error_rate == 1.0, "the numbers are those of now"
    assert (await check(system)).problems == ()
    report = await check(system)
    assert [problem.key for problem in report.problems] == ["error_rate"]
    for _ in range(5):
        await system.clock.advance(3600)
        assert (await system.health.report()).problems, "it is not over until checks say so"
    await system.flush()
    assert len(await system.store.log.health_history(system.instance, report.checked_at.replace(year=2000))) == 2
    assert system.health.latest_samples.taken_at == report.checked_at


async def test_each_component_may_be_asked_for_alone(system):
    health: Health = system.health
    await system.clock.advance(60)
    memory, cpu, monitor = await health.memory(), await health.cpu(), health.monitor()
    assert (memory.status, cpu.status, monitor.status) == ("healthy", "healthy", "healthy")
    assert 0 < memory.rss_bytes < memory.limit_bytes
    assert cpu.percent >= 0
    assert ((await health.database()).status, (await health.error_rate()).total) == ("healthy", 0)


async def test_the_loop_of_the_checks_is_late_when_it_does_not_check(system):
    system.loops.begin(HEALTH_CHECKS, 60)
    assert (await check(system)).components["monitor"].loops[0].last_at is None
    await system.clock.advance(60)
    (run,) = system.health.monitor().loops
    assert (run.name, run.last_at, run.is_late) == (HEALTH_CHECKS, system.health.latest_samples.taken_at, False)
    await system.clock.advance(121)
    late = system.health.monitor()
    assert late.reason == "a loop of the monitor should have run long since: health checks"


# -- readiness ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gateway", "is_ready"), [(CONNECTED, True), (DOWN, False), (GatewaySample(), False), (None, False)]
)
async def test_ready_is_who_is_connected_on_every_shard(system, gateway, is_ready):
    system.health.sources.gateway = lambda: gateway
    readiness = await system.health.readiness()
    assert readiness.is_ready == is_ready
    assert readiness.reasons == (() if is_ready else ("the gateway is not connected",))


async def test_a_gateway_that_can_not_be_asked_is_not_connected(system):
    system.health.sources.gateway = fail
    assert (await system.health.readiness()).reasons == ("the gateway is not connected",)


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
    polls = [asyncio.create_task(system.health.readiness()) for _ in range(10)]
    await system.clock.advance(0)
    answer.set()
    assert all([(await poll).is_ready for poll in polls])
    await system.clock.advance(0.9)
    assert (await system.health.readiness()).is_ready
    assert asked == 1
    await system.clock.advance(0.2)
    assert (await system.health.readiness()).reasons == ("the database does not answer",)
    assert asked == 2
