"""/stats today, weekly, monthly: what a guild did; and settings."""

from __future__ import annotations

import discord
import msgspec
from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.perf import errors_command
from botmon_cog.discord_ui.buttons import view_of
from botmon_cog.discord_ui.desk import AnyInteraction, Desk, Scope, SlashCommand
from botmon_cog.discord_ui.parts import TABLE_COLUMNS
from botmon_cog.domain.reports import Period
from botmon_cog.export.commands import export_button, export_command
from botmon_cog.history.commands import history_command
from botmon_cog.history.people_command import people_command
from botmon_cog.monitors.failure_summary import failure_summary
from botmon_cog.posting.drawing import DrawnReport
from botmon_cog.settings.command import settings_command

DESCRIPTIONS = {
    "today": "What happened here today",
    "weekly": "The last seven days, and how they compare",
    "monthly": "The last thirty days, and how they compare",
}


def stats_group(desk: Desk, name: str) -> app_commands.Group:
    group = app_commands.Group(name=name, description="Commands, people and music in this server")
    for period, description in DESCRIPTIONS.items():
        group.add_command(_stats_command(desk, period, description))
    group.add_command(history_command(desk, "history"))
    group.add_command(people_command(desk, "people"))
    group.add_command(settings_command(desk, "settings"))
    group.add_command(export_command(desk, "export"))
    return group


def _stats_command(desk: Desk, period: str, description: str) -> SlashCommand:
    async def stats(interaction: AnyInteraction, scope: Scope | None = None) -> None:
        async def draw(guild_id: str | None) -> discord.Embed:
            is_owner = await desk.bot.is_owner(interaction.user)
            return await statistics_embed(desk, guild_id, period, is_for_owner=is_owner)

        await desk.answer(interaction, scope, draw, lambda guild_id: view_of(export_button(period, guild_id)))

    command: SlashCommand = app_commands.Command(name=period, description=description, callback=stats)
    return app_commands.describe(scope="Whose numbers (all guilds: the bot's owners only)")(command)


async def statistics_embed(
    desk: Desk, guild_id: str | None, period: str, *, is_for_owner: bool | None = None
) -> discord.Embed:
    """The named report of one guild, or of all.

    `is_for_owner`: whether one of the bot's owners, and nobody else, reads it; None: if it is of all guilds.

    Raises:
        StorageError: the database can't be read.
    """
    system = desk.system
    zone = await system.settings.zone(guild_id)
    drawn = await period_embed(desk, guild_id, system.statistics.period(period, zone), is_for_owner=is_for_owner)
    return drawn.embed


async def period_embed(
    desk: Desk,
    guild_id: str | None,
    period: Period,
    *,
    is_for_owner: bool | None = None,
    columns: int = TABLE_COLUMNS,
) -> DrawnReport:
    """The same of any period, with tables of so many columns. Raises as `statistics_embed`."""
    system = desk.system
    now = system.clock.now()
    report = await system.statistics.report(guild_id, period)
    report = msgspec.structs.replace(report, guild_name=await desk.guild_name(guild_id))
    is_for_owner = guild_id is None if is_for_owner is None else is_for_owner
    failures = await failure_summary(system.errors, guild_id, report.period, is_for_owner=is_for_owner)
    failures = msgspec.structs.replace(
        failures,
        has_alerts=system.config.alerts.enabled,
        errors_command=errors_command(desk) if is_for_owner else None,
    )
    has_content = bool(report.previous_commands) or not report.is_empty
    return DrawnReport(embeds.statistics(report, now, failures, columns), has_content=has_content)
