"""Gathers what a server's admins may know of the bot's health."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from botmon_cog.cog.embeds.health_admin import AdminView, ServerHour
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports import HealthMoment, HealthReport, Period, Problem
from botmon_cog.domain.rollup import DURATION
from botmon_cog.domain.uptime import Uptime
from botmon_cog.health.component import Effect
from botmon_cog.health.words import trouble_of
from botmon_cog.runtime import MonitoringSystem

_HOUR = timedelta(hours=1)
_MOMENT = timedelta(seconds=1)
"""So that what began just now is in a period that ends then."""
_MIN_FOR_TYPICAL = 5
_WORST_FIRST = (Effect.AWAY, Effect.FAILING, Effect.SLOW, Effect.NONE)


async def admin_view(
    system: MonitoringSystem,
    report: HealthReport,
    guild_id: str,
    moments: list[HealthMoment],
    uptimes: tuple[Uptime, ...],
    *,
    can_read: bool,
) -> AdminView:
    """Without `can_read` the database is away, and nothing is asked of it.

    Raises:
        StorageError: the database can't be read.
    """
    effect, concerned = _worst(report)
    return AdminView(
        status=report.overall_status,
        effect=effect,
        since=min((problem.since for problem in concerned), default=None),
        told_at=await _told_at(system, {problem.key for problem in concerned}),
        is_alerting=system.config.alerts.enabled,
        server=await server_hour(system, guild_id, system.clock.now()) if can_read else None,
        past=tuple((moment.occurred_at, moment.status) for moment in moments),
        uptimes=uptimes,
        watched_s=report.watched_s,
        checked_at=report.checked_at,
    )


def effects(moments: list[HealthMoment]) -> list[tuple[datetime, str, Effect]]:
    """Of each reason only what was noticed of it."""
    return [
        (moment.occurred_at, moment.status, Effect.NONE if moment.reason is None else trouble_of(moment.reason).effect)
        for moment in moments
    ]


def without_names(uptimes: tuple[Uptime, ...]) -> tuple[Uptime, ...]:
    """Uptimes that do not tell what ran when the bot crashed: that may have been in another server."""
    return tuple(
        msgspec.structs.replace(uptime, gaps=tuple(msgspec.structs.replace(gap, running=()) for gap in uptime.gaps))
        for uptime in uptimes
    )


async def server_hour(system: MonitoringSystem, guild_id: str, now: datetime) -> ServerHour:
    """What happened in one server within the last hour.

    Raises:
        StorageError: the database can't be read.
    """
    await system.recorder.catch_up()
    reports, since, until = system.store.reports, now - _HOUR, now + _MOMENT
    calls = [call for call in await reports.sampled_calls(None, guild_id, since, until) if call.outcome.is_rated]
    durations = [call.duration_s for call in calls if call.duration_s is not None]
    week = (await reports.counted(guild_id, last_days(7, now))).latencies(DURATION)
    usual = Histogram.merged(week.values())
    hour = Period(name="last hour", start=since, end=until)
    refusals = await system.errors.refusals(guild_id, hour)
    return ServerHour(
        commands=len(calls),
        failed=sum(call.outcome.is_fault for call in calls),
        slow=sum(duration_s > system.config.thresholds.command_s for duration_s in durations),
        typical_s=_median(Histogram.of(durations)),
        usual_s=_median(usual),
        by_command=tuple((await reports.counted(guild_id, hour)).command_counts()),
        refusals=tuple(refusals),
    )


def _median(durations: Histogram) -> float | None:
    return durations.quantile(0.5) if durations.n >= _MIN_FOR_TYPICAL else None


def _worst(report: HealthReport) -> tuple[Effect, list[Problem]]:
    """The worst effect of what is wrong now, and the problems that have it."""
    by_effect: dict[Effect, list[Problem]] = {}
    for problem in report.problems:
        by_effect.setdefault(trouble_of(problem.reason).effect, []).append(problem)
    effect = next((each for each in _WORST_FIRST if each in by_effect), Effect.NONE)
    return effect, by_effect.get(effect, [])


async def _told_at(system: MonitoringSystem, keys: set[str]) -> datetime | None:
    firing = (await system.alerts.overview()).firing
    return min((alert.told_at for alert in firing if alert.key in keys and alert.told_at is not None), default=None)
