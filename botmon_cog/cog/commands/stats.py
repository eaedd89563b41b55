"""/stats today, weekly, monthly: what a guild did; and settings."""

from __future__ import annotations

import discord
import msgspec
from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.charts.statistics import commands_chart, heat_map
from botmon_cog.cog.commands.perf import errors_command
from botmon_cog.cog.views.stats import StatsView, stats_buttons
from botmon_cog.discord_ui.parts import NARROW_COLUMNS, TABLE_COLUMNS
from botmon_cog.discord_ui.pictures import draw_picture, without_picture
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, Scope, SlashCommand
from botmon_cog.domain.reports import Period, StatisticsReport
from botmon_cog.export.commands import export_command
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


def stats_group(responder: Responder, name: str) -> app_commands.Group:
    group = app_commands.Group(name=name, description="Commands, people and music in this server")
    for period, description in DESCRIPTIONS.items():
        group.add_command(_stats_command(responder, period, description))
    group.add_command(history_command(responder, "history"))
    group.add_command(people_command(responder, "people"))
    group.add_command(settings_command(responder, "settings"))
    group.add_command(export_command(responder, "export"))
    return group


def _stats_command(responder: Responder, period: str, description: str) -> SlashCommand:
    async def stats(interaction: AnyInteraction, scope: Scope | None = None) -> None:
        async def draw(guild_id: str | None) -> discord.Embed:
            is_owner = await responder.bot.is_owner(interaction.user)
            return await statistics_embed(responder, guild_id, period, is_for_owner=is_owner)

        await responder.answer(
            interaction,
            scope,
            draw,
            lambda guild_id: stats_buttons("numbers", period, guild_id, can_draw=responder.charts.can_draw),
        )

    command: SlashCommand = app_commands.Command(name=period, description=description, callback=stats)
    return app_commands.describe(scope="Whose numbers (all guilds: the bot's owners only)")(command)


async def statistics_answer(
    responder: Responder, guild_id: str | None, period: str, view: StatsView, *, is_owner: bool
) -> Answer:
    """One view of the named report, with its buttons. Raises as `statistics_embed`."""
    if view == "heat" and period == "today":
        period = "weekly"  # a single day has but one row
    now, zone = responder.system.clock.now(), await responder.system.settings.zone(guild_id)
    report = await _read(responder, guild_id, responder.system.statistics.period(period, zone))
    buttons = stats_buttons(view, period, guild_id, can_draw=responder.charts.can_draw)
    if view == "numbers":
        return Answer(await _embed(responder, report, is_for_owner=is_owner), buttons)
    chart = heat_map(report, now) if view == "heat" else commands_chart(report, now)
    picture = await draw_picture(responder.charts, chart, "heat-map" if view == "heat" else "commands")
    if picture is None:
        return Answer(without_picture(await _embed(responder, report, is_for_owner=is_owner)), buttons)
    return Answer(picture.show_in(embeds.statistics_heading(report, now)), buttons, files=(picture.file(),))


async def statistics_embed(
    responder: Responder, guild_id: str | None, period: str, *, is_for_owner: bool | None = None
) -> discord.Embed:
    """The named report of one guild, or of all.

    `is_for_owner`: whether one of the bot's owners, and nobody else, reads it; None: if it is of all guilds.

    Raises:
        StorageError: the database can't be read.
    """
    zone = await responder.system.settings.zone(guild_id)
    report = await _read(responder, guild_id, responder.system.statistics.period(period, zone))
    return await _embed(responder, report, is_for_owner=guild_id is None if is_for_owner is None else is_for_owner)


async def posted_report(responder: Responder, guild_id: str | None, period: Period) -> DrawnReport:
    """Of a guild as the readers of a channel may see it, with a chart; of all guilds as the bot's owners may.

    Raises as `statistics_embed`.
    """
    report = await _read(responder, guild_id, period)
    has_content = bool(report.previous_commands) or not report.is_empty
    picture = None
    if guild_id is not None and has_content:
        chart = commands_chart(report, responder.system.clock.now())
        picture = await draw_picture(responder.charts, chart, "commands")
    embed = await _embed(responder, report, is_for_owner=guild_id is None, columns=NARROW_COLUMNS)
    return DrawnReport(embed, has_content, picture)


async def _read(responder: Responder, guild_id: str | None, period: Period) -> StatisticsReport:
    report = await responder.system.statistics.report(guild_id, period)
    return msgspec.structs.replace(report, guild_name=await responder.guild_name(guild_id))


async def _embed(
    responder: Responder, report: StatisticsReport, *, is_for_owner: bool, columns: int = TABLE_COLUMNS
) -> discord.Embed:
    """With tables of so many columns."""
    system = responder.system
    failures = await failure_summary(system.errors, report.guild_id, report.period, is_for_owner=is_for_owner)
    failures = msgspec.structs.replace(
        failures,
        has_alerts=system.config.alerts.enabled,
        errors_command=errors_command(responder) if is_for_owner else None,
    )
    return embeds.statistics(report, system.clock.now(), failures, columns)
