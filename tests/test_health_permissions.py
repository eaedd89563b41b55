"""What is gathered for a server's admins, from a real store: their own server, effects, and nothing of the owners'."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.health_admin import admin_view, effects, without_names
from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import Alert, AlertsOverview
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import ComponentHealth, HealthMoment, HealthReport, Problem
from botmon_cog.domain.uptime import Gap, Uptime
from botmon_cog.health.component import Effect
from botmon_cog.health.components import COMPONENTS
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.harness import make_config

HERE, ELSEWHERE = 1, 2
SECRET = "s3cret"
EVERY_REASON = [
    each.reason(**dict.fromkeys(("who", "where", "inside", "said", "command", "error", "message", "ways"), SECRET))
    for kind in COMPONENTS
    for each in kind.troubles
]


@pytest.fixture
async def system() -> AsyncIterator[MonitoringSystem]:
    made = MonitoringSystem(make_config(), clock=ManualClock(datetime.now(UTC)))
    await made.open()
    made.writer.start()
    yield made
    await made.close()


def report_of(system: MonitoringSystem, *problems: Problem) -> HealthReport:
    now = system.clock.now()
    components = {each.key: ComponentHealth(status=each.severity, problems=(each,)) for each in problems}
    return HealthReport(
        overall_status="unhealthy", components=components, uptime_s=60.0, watched_s=60.0, checked_at=now
    )


def problem(system: MonitoringSystem, what: str, key: str, minutes: int = 10) -> Problem:
    since = system.clock.now() - timedelta(minutes=minutes)
    return Problem(key=key, severity="critical", reason=Reason.of(what, command="play"), since=since)


async def test_admin_reads_of_their_own_server_alone(system: MonitoringSystem) -> None:
    for n in range(8):
        await system.command_log.record(HERE, 5, "play", duration=0.2 if n else 3.0, success=n != 3)
    await system.command_log.record(ELSEWHERE, 5, SECRET, duration=9.0, success=False)
    view = await admin_view(system, report_of(system), str(HERE), [], (), can_read=True)
    assert view.server is not None
    assert (view.server.commands, view.server.failed, view.server.slow) == (8, 1, 1)
    assert view.server.typical_s == pytest.approx(0.2, rel=0.02)
    assert [(each.command, each.n, each.faults) for each in view.server.by_command] == [("play", 8, 1)]
    empty = await admin_view(system, report_of(system), "3", [], (), can_read=True)
    assert empty.server == embeds.ServerHour()


@pytest.mark.parametrize("reason", EVERY_REASON, ids=lambda reason: reason.what)
async def test_no_value_of_a_reason_reaches_an_admin(reason: Reason, system: MonitoringSystem) -> None:
    now = system.clock.now()
    trouble = Problem(key=f"{reason.what}.{SECRET}", severity="critical", reason=reason, since=now)
    moments = [HealthMoment(occurred_at=now, status="unhealthy", reason=reason)]
    gap = Gap(kind="crash", began_at=now - timedelta(hours=2), ended_at=now - timedelta(hours=1), running=(SECRET,))
    uptimes = without_names((Uptime(hours=24, up_share=0.9, watched_s=86_400.0, gaps=(gap,)),))
    view = await admin_view(system, report_of(system, trouble), str(HERE), moments, uptimes, can_read=True)
    assert SECRET not in repr(view)
    history = embeds.health_history(embeds.changes_for_admins(effects(moments)), uptimes, now)
    drawn = [embeds.health_for_admins(view, now), embeds.details_for_admins(view, now), history]
    assert SECRET not in json.dumps([embed.to_dict() for embed in drawn], ensure_ascii=False)


async def test_worst_effect_is_told_and_since_when(system: MonitoringSystem) -> None:
    report = report_of(
        system,
        problem(system, "monitor.lost", "monitor.lost", 50),
        problem(system, "commands.slow", "commands.slow.play", 20),
        problem(system, "gateway.latency", "gateway.latency", 5),
    )
    view = await admin_view(system, report, str(HERE), [], (), can_read=False)
    assert view.effect is Effect.SLOW
    assert view.since == system.clock.now() - timedelta(minutes=20)
    assert view.server is None
    worse = report_of(system, *report.problems, problem(system, "commands.failing", "commands.failing", 1))
    assert (await admin_view(system, worse, str(HERE), [], (), can_read=False)).effect is Effect.FAILING


async def test_owner_counts_as_told_of_what_is_felt_alone(
    system: MonitoringSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_at = system.clock.now() - timedelta(minutes=7)

    async def overview() -> AlertsOverview:
        alert = Alert(
            scope="main",
            key="commands.slow.play",
            state="firing",
            severity="warning",
            reason=Reason.of("commands.slow"),
            since=told_at,
            seen_at=told_at,
            told="warning",
            told_at=told_at,
        )
        return AlertsOverview(firing=(alert,))

    monkeypatch.setattr(system.alerts, "overview", overview)
    slow, lost = problem(system, "commands.slow", "commands.slow.play"), problem(system, "monitor.lost", "monitor.lost")
    seen = await admin_view(system, report_of(system, slow, lost), str(HERE), [], (), can_read=False)
    assert (seen.told_at, seen.is_alerting) == (told_at, True)
    assert (await admin_view(system, report_of(system, lost), str(HERE), [], (), can_read=False)).told_at is None
    silent = msgspec.structs.replace(system.config, alerts=AlertsConfig(enabled=False))
    monkeypatch.setattr(system, "config", silent)
    assert not (await admin_view(system, report_of(system, slow), str(HERE), [], (), can_read=False)).is_alerting


async def test_owners_verdict_names_the_error_behind_a_failing_command(system: MonitoringSystem) -> None:
    for _ in range(3):
        await system.command_log.record(HERE, 5, "play", duration=0.2, success=False)
    failing = problem(system, "commands.one_failing", "commands.failing.play", 0)
    cause = await system.alert_causes.of(failing)
    assert cause is not None
    assert cause.error is not None
    assert cause.change is not None
    assert (cause.command, cause.error.n, cause.error.servers) == ("play", 3, 1)
    assert cause.change.version is None, "there was no other before"
    assert await system.alert_causes.of(problem(system, "database.away", "database")) is None
