"""What a database tells of a bot's health, without the bot: its last verdict, and the last hour's commands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import discord
import msgspec

from botmon_cog.cog import embeds
from botmon_cog.domain import text
from botmon_cog.domain.reports import ComponentHealth, HealthMoment, HealthReport, Problem
from botmon_cog.domain.reports.health import HEALTHY, UNHEALTHY, UNKNOWN
from botmon_cog.health.components.commands import Commands, CommandsSample
from botmon_cog.health.components.database import Database, DatabaseSample
from botmon_cog.health.words import sentence
from botmon_cog.runtime import MonitoringSystem

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MISSED_CHECKS = 5


class SeenHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A health report made from the database, and what it was made from."""

    report: HealthReport
    """`unknown` where the bot has not checked lately. It has what the last check told, and nothing else."""
    glance: embeds.Glance
    moments: tuple[HealthMoment, ...]
    """Of the last 24 hours, oldest first."""
    is_stale: bool
    """Whether the bot has missed several checks, as one that is not running."""


async def read_health(system: MonitoringSystem, guild_id: str | None) -> SeenHealth:
    """The verdict is the bot's own, at its last check.

    Raises:
        StorageError: the database can't be read.
    """
    store, now = system.store, system.clock.now()
    started_s = system.clock.monotonic()
    minutes = await store.log.outcomes_by_minute(now - _HOUR, guild_id)
    database = DatabaseSample(
        response_time_s=system.clock.monotonic() - started_s, size_bytes=await store.engine.ping()
    )
    moments = tuple(await store.log.health_history(system.instance, now - _DAY))
    last = moments[-1] if moments else None
    lively = _MISSED_CHECKS * timedelta(seconds=system.config.health.interval_s)
    is_stale = last is None or now - last.occurred_at > lively
    n, faults = sum(n for _, n, _ in minutes), sum(faults for _, _, faults in minutes)
    components = {
        Database.name: ComponentHealth(status=HEALTHY, sample=database),
        Commands.name: ComponentHealth(status=UNKNOWN, sample=CommandsSample(total=n, errors=faults)),
    }
    if last is not None and not is_stale and (problem := _trouble(moments)) is not None:
        name = problem.key.partition(".")[0]
        sample = components[name].sample if name in components else None
        components[name] = ComponentHealth(status=problem.severity, problems=(problem,), sample=sample)
    report = HealthReport(
        overall_status=UNKNOWN if last is None or is_stale else last.status,
        components=components,
        uptime_s=0.0,
        watched_s=_DAY.total_seconds(),
        checked_at=now if last is None else last.occurred_at,
    )
    glance = embeds.Glance(
        commands_1h=(n, faults),
        scope=None if guild_id is None else await store.reports.guild_name(guild_id) or f"server {guild_id}",
        calm_since=await store.log.last_trouble(system.instance),
        fleet=await system.fleet.report(),
        instance=system.instance,
    )
    return SeenHealth(report=report, glance=glance, moments=moments, is_stale=is_stale)


def drawn(seen: SeenHealth, now: datetime) -> discord.Embed:
    """As `/health` shows it, without what only the bot's process knows."""
    embed = embeds.health(seen.report, {}, seen.glance, seen.moments, now)
    if seen.is_stale:
        embed.title = "⚪ Not known: the bot is not checking"
        _, _, rest = (embed.description or "").partition("\n\n")
        embed.description = f"{_silence(seen.moments, now)}\n\n{rest}"
    embed.set_footer(text=_footer(seen))
    return embed


def _trouble(moments: Sequence[HealthMoment]) -> Problem | None:
    """What the last check told; None while all was well."""
    last = moments[-1]
    if last.reason is None or last.status == HEALTHY:
        return None
    since = last.occurred_at
    for moment in reversed(moments):
        if moment.status == HEALTHY:
            break
        since = moment.occurred_at
    severity = "critical" if last.status == UNHEALTHY else "warning"
    return Problem(key=last.reason.what, severity=severity, reason=last.reason, since=since)


def _silence(moments: Sequence[HealthMoment], now: datetime) -> str:
    if not moments:
        return "No check of the last 24 hours is on record here. Is the bot running, and does it use this database?"
    last = moments[-1]
    ago = text.duration((now - last.occurred_at).total_seconds())
    because = f" ({text.plain(sentence(last.reason))})" if last.reason else ""
    return f"Its last check was {ago} ago; then it was **{last.status}**{because}. Is it running?"


def _footer(seen: SeenHealth) -> str:
    database = seen.report.sample(Database.name, DatabaseSample)
    size = None if database is None else database.size_bytes
    scope = seen.glance.scope or "all servers"
    return f"read from the database ({text.bytes_(size)}) · commands of {text.clean(scope)}"
