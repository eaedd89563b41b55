"""/health: the verdict, its reason, and what it rests on."""

from __future__ import annotations

from datetime import timedelta

import discord
from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.desk import AnyInteraction, Desk, Scope, SlashCommand

_DAY = timedelta(days=1)


def health_command(desk: Desk, name: str) -> SlashCommand:
    async def health(interaction: AnyInteraction, scope: Scope | None = None, details: bool = False) -> None:
        async def draw(guild_id: str | None) -> discord.Embed:
            return await health_embed(desk, guild_id, details=details)

        await desk.answer(interaction, scope, draw)

    command: SlashCommand = app_commands.Command(
        name=name, description="Is the bot well? And if not, why?", callback=health
    )
    return app_commands.describe(
        scope="Whose commands to count (all guilds: the bot's owners only)",
        details="Show every component in numbers",
    )(command)


async def health_embed(desk: Desk, guild_id: str | None, *, details: bool = False) -> discord.Embed:
    """The health report as it is now. A database that does not answer is part of the report."""
    system = desk.system
    report = await system.health.get_full_health_report()
    answers = report.database.status != "error"
    now = system.clock.now()
    commands_1h, faults_1h = await desk.last_hour(guild_id) if answers else system.recent.totals()
    guild = None if guild_id is None else desk.bot.get_guild(int(guild_id))
    glance = embeds.Glance(
        commands_1h=commands_1h,
        faults_1h=faults_1h,
        scope=None if guild is None else guild.name,
        calm_since=await system.storage.last_trouble() if answers else None,
    )
    if details:
        return embeds.health_details(report, glance, now)
    moments = await system.storage.health_history(now - _DAY) if answers else []
    return embeds.health(report, glance, moments, now)
