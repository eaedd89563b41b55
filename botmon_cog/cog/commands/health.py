"""/health: the verdict, its reason, and what it rests on."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import discord
from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.desk import AnyInteraction, Desk, Scope, SlashCommand
from botmon_cog.cog.views import HealthView, health_buttons
from botmon_cog.domain.health import discreet, discreet_moment
from botmon_cog.timezones import find_zone

_DAY = timedelta(days=1)
_HISTORY = timedelta(days=7)


def health_command(desk: Desk, name: str) -> SlashCommand:
    async def health(
        interaction: AnyInteraction, scope: Scope | None = None, view: Literal["details", "history"] | None = None
    ) -> None:
        shown: HealthView = view or "glance"

        async def draw(guild_id: str | None) -> discord.Embed:
            is_owner = await desk.bot.is_owner(interaction.user)
            return await health_embed(desk, guild_id, shown, is_owner=is_owner)

        await desk.answer(interaction, scope, draw, lambda guild_id: health_buttons(shown, guild_id))

    command: SlashCommand = app_commands.Command(
        name=name, description="Is the bot well? And if not, why?", callback=health
    )
    return app_commands.describe(
        scope="Whose commands to count (all guilds: the bot's owners only)",
        view="Every component in numbers, or how it has been",
    )(command)


async def health_embed(
    desk: Desk, guild_id: str | None, view: HealthView = "glance", *, is_owner: bool
) -> discord.Embed:
    """The health report as it is now, or how it has been; without `is_owner`, nothing that is the owners' alone.

    A database that does not answer is part of the report.

    Raises:
        StorageError: the history can't be read.
    """
    if view == "history":
        return await _history_embed(desk, is_owner=is_owner)
    system = desk.system
    report = await system.health.report()
    answers = report.database.status != "error"
    now = system.clock.now()
    commands_1h, faults_1h = await desk.last_hour(guild_id) if answers else system.recent.totals()
    # What is counted in memory is of all servers, and may not be called one's own.
    guild = None if guild_id is None or not answers else desk.bot.get_guild(int(guild_id))
    glance = embeds.Glance(
        commands_1h=commands_1h,
        faults_1h=faults_1h,
        scope=None if guild is None else guild.name,
        calm_since=await system.store.log.last_trouble(system.instance) if answers else None,
        uptimes=await system.uptime.report() if answers else (),
    )
    if not is_owner:
        report = discreet(report)
    if view == "details":
        return embeds.health_details(report, glance, now)
    moments = await system.store.log.health_history(system.instance, now - _DAY) if answers else []
    return embeds.health(report, glance, moments if is_owner else [*map(discreet_moment, moments)], now)


async def _history_embed(desk: Desk, *, is_owner: bool) -> discord.Embed:
    system = desk.system
    now = system.clock.now()
    await system.recorder.settle()
    changes = await system.store.log.health_changes(system.instance, now - _HISTORY)
    zone = find_zone(system.config.reports.timezone)
    if not is_owner:
        changes = [*map(discreet_moment, changes)]
    return embeds.health_history(changes, await system.uptime.report(), now, zone)
