"""/health: the verdict, its reason, and what it rests on."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.desk import AnyInteraction, Desk, Scope, SlashCommand
from botmon_cog.cog.views import HealthView, health_buttons
from botmon_cog.domain import text

_DAY = timedelta(days=1)
_HISTORY = timedelta(days=7)
_MOST_LINES = 20


def health_command(desk: Desk, name: str) -> SlashCommand:
    async def health(
        interaction: AnyInteraction, scope: Scope | None = None, view: Literal["details", "history"] | None = None
    ) -> None:
        shown: HealthView = view or "glance"

        async def draw(guild_id: str | None) -> discord.Embed:
            return await health_embed(desk, guild_id, shown)

        await desk.answer(interaction, scope, draw, lambda guild_id: health_buttons(shown, guild_id))

    command: SlashCommand = app_commands.Command(
        name=name, description="Is the bot well? And if not, why?", callback=health
    )
    return app_commands.describe(
        scope="Whose commands to count (all guilds: the bot's owners only)",
        view="Every component in numbers, or how it has been",
    )(command)


async def health_embed(desk: Desk, guild_id: str | None, view: HealthView = "glance") -> discord.Embed:
    """The health report as it is now, or how it has been.

    A database that does not answer is part of the report.

    Raises:
        StorageError: the history can't be read.
    """
    if view == "history":
        return await _history_embed(desk)
    system = desk.system
    report = await system.health.get_full_health_report()
    answers = report.database.status != "error"
    now = system.clock.now()
    commands_1h, faults_1h = await desk.last_hour(guild_id) if answers else system.recent.totals()
    guild = None if guild_id is None else desk.bot.get_guild(int(guild_id))
    glance = embeds.Glance(
        uptime_s=report.uptime_s,
        gateway_latency_s=gateway_latency_s(desk.bot),
        shards_ready=shards_ready(desk.bot),
        commands_1h=commands_1h,
        faults_1h=faults_1h,
        scope=None if guild is None else guild.name,
        waiting=report.monitor.waiting,
        calm_since=await system.storage.last_trouble() if answers else None,
    )
    if view == "details":
        return embeds.health_details(report, glance, now)
    moments = await system.storage.health_history(now - _DAY) if answers else []
    return embeds.health(report, glance, moments, now)


async def _history_embed(desk: Desk) -> discord.Embed:
    """The verdicts of the last week, where they changed."""
    now = desk.system.clock.now()
    lines: list[str] = []
    status: str | None = None
    for moment in await desk.system.storage.health_history(now - _HISTORY):
        if moment.status != status:
            status = moment.status
            reason = f": {text.plain(moment.reason)}" if moment.reason else ""
            lines.append(f"{text.status_emoji(status)} {discord.utils.format_dt(moment.occurred_at, 'f')}{reason}")
    return embeds.notice("The last 7 days", "\n".join(lines[-_MOST_LINES:]) or "Nothing is on record yet.")


def gateway_latency_s(bot: commands.Bot) -> float | None:
    """The worst shard's latency; None before the first heartbeat was answered (NaN or infinity in discord.py)."""
    latencies = [s for _, s in bot.latencies] if isinstance(bot, commands.AutoShardedBot) else [bot.latency]
    known = [latency for latency in latencies if math.isfinite(latency)]
    return max(known) if known else None


def shards_ready(bot: commands.Bot) -> tuple[int, int] | None:
    """(connected, all) shards of this process; None for a bot without shards."""
    if not isinstance(bot, commands.AutoShardedBot):
        return None
    return sum(not shard.is_closed() for shard in bot.shards.values()), len(bot.shards)
