"""What a database tells of a bot's health, without the bot: its last verdict, and the last hour's commands."""

from __future__ import annotations

from datetime import datetime, timedelta

import discord
import msgspec

from botmon_cog.cog import embeds
from botmon_cog.domain import text
from botmon_cog.domain.health import HEALTHY, UNKNOWN, error_rate_health
from botmon_cog.domain.reports import CpuHealth, DatabaseHealth, HealthMoment, HealthReport, MemoryHealth, MonitorHealth
from botmon_cog.runtime import MonitoringSystem

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MISSED_CHECKS = 5


class SeenHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A health report made from the database, and what it was made from."""

    report: HealthReport
    """`unknown` where the bot has not checked lately; what only its process knows is `unknown` always."""
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
    store, limits = system.store, system.config.health
    now, started_s = system.clock.now(), system.clock.monotonic()
    minutes = await store.log.outcomes_by_minute(now - _HOUR)
    own = minutes if guild_id is None else await store.log.outcomes_by_minute(now - _HOUR, guild_id)
    answered_s = system.clock.monotonic() - started_s
    moments = tuple(await store.log.health_history(system.instance, now - _DAY))
    last = moments[-1] if moments else None
    is_stale = last is None or now - last.occurred_at > _MISSED_CHECKS * timedelta(seconds=limits.interval_s)
    is_known = last is not None and not is_stale
    report = HealthReport(
        overall_status=last.status if last and is_known else UNKNOWN,
        reason=last.reason if last and is_known else None,
        remedy=None,
        memory=MemoryHealth(status=UNKNOWN),
        cpu=CpuHealth(status=UNKNOWN),
        database=DatabaseHealth(status=HEALTHY, response_time_s=answered_s, size_bytes=await store.engine.ping()),
        error_rate=error_rate_health(sum(n for _, n, _ in minutes), sum(f for _, _, f in minutes), limits),
        monitor=MonitorHealth(status=UNKNOWN),
        uptime_s=0.0,
        checked_at=last.occurred_at if last else now,
    )
    glance = embeds.Glance(
        commands_1h=sum(n for _, n, _ in own),
        faults_1h=sum(faults for _, _, faults in own),
        scope=None if guild_id is None else await store.reports.guild_name(guild_id) or f"server {guild_id}",
        calm_since=await store.log.last_trouble(system.instance),
    )
    return SeenHealth(report=report, glance=glance, moments=moments, is_stale=is_stale)


def drawn(seen: SeenHealth, now: datetime) -> discord.Embed:
    """As `/health` shows it, without what only the bot's process knows."""
    embed = embeds.health(seen.report, seen.glance, seen.moments, now)
    if seen.is_stale:
        embed.title = "⚪ Not known: the bot is not checking"
        _, _, rest = (embed.description or "").partition("\n\n")
        embed.description = f"{_silence(seen.moments, now)}\n\n{rest}"
    embed.set_footer(text=_footer(seen))
    return embed


def _silence(moments: tuple[HealthMoment, ...], now: datetime) -> str:
    if not moments:
        return "No check of the last 24 hours is on record here. Is the bot running, and does it use this database?"
    last = moments[-1]
    ago = text.duration((now - last.occurred_at).total_seconds())
    because = f" ({text.plain(last.reason)})" if last.reason else ""
    return f"Its last check was {ago} ago; then it was **{last.status}**{because}. Is it running?"


def _footer(seen: SeenHealth) -> str:
    database = seen.report.database
    scope = seen.glance.scope or "all servers"
    return f"read from the database ({text.bytes_(database.size_bytes)}) · commands of {text.clean(scope)}"
