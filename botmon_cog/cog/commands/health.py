"""/health: the verdict, its reason, and what it rests on."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import discord
from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.charts.uptime import calendar
from botmon_cog.cog.commands.health_admin import admin_view, effects, without_names
from botmon_cog.cog.commands.perf import errors_command
from botmon_cog.cog.views.buttons import HealthView, calendar_buttons, health_buttons
from botmon_cog.discord_ui.parts import NEUTRAL
from botmon_cog.discord_ui.pictures import draw_picture, without_picture
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, Scope, SlashCommand
from botmon_cog.domain.reports import HealthReport
from botmon_cog.domain.reports.fleet import FleetHealth
from botmon_cog.health.components.database import DatabaseSample

_DAY = timedelta(days=1)
_HISTORY = timedelta(days=7)


def health_command(responder: Responder, name: str) -> SlashCommand:
    async def health(
        interaction: AnyInteraction, scope: Scope | None = None, view: Literal["details", "history"] | None = None
    ) -> None:
        shown: HealthView = view or "glance"

        has_calendar = False

        async def draw(guild_id: str | None) -> discord.Embed:
            nonlocal has_calendar
            is_owner = await responder.bot.is_owner(interaction.user)
            has_calendar = is_owner and responder.charts.can_draw
            return await health_embed(responder, guild_id, shown, is_owner=is_owner)

        await responder.answer(
            interaction, scope, draw, lambda guild_id: health_buttons(shown, guild_id, has_calendar=has_calendar)
        )

    command: SlashCommand = app_commands.Command(
        name=name, description="Is the bot well? And if not, why?", callback=health
    )
    return app_commands.describe(
        scope="Whose commands to count (all guilds: the bot's owners only)",
        view="Every component in numbers, or how it has been",
    )(command)


async def health_embed(
    responder: Responder, guild_id: str | None, view: HealthView = "glance", *, is_owner: bool
) -> discord.Embed:
    """The health as it is now, or how it has been: all of it for owners, else what concerns the server and its admins.

    A database that does not answer is part of the report.

    Raises:
        StorageError: the history can't be read.
    """
    if view == "history":
        return await _history_embed(responder, guild_id, is_owner=is_owner)
    system = responder.system
    report = await system.health.report()
    can_read = _answers(report)
    now = system.clock.now()
    moments = await system.store.log.health_history(system.instance, now - _DAY) if can_read else []
    uptimes = await system.uptime.report() if can_read else ()
    if not is_owner:
        if guild_id is None:
            raise ValueError("only owners may see what is of all servers")
        seen = await admin_view(system, report, guild_id, moments, uptimes, can_read=can_read)
        return embeds.details_for_admins(seen, now) if view == "details" else embeds.health_for_admins(seen, now)
    guild = None if guild_id is None else responder.bot.get_guild(int(guild_id))
    glance = embeds.Glance(
        commands_1h=None if guild is None or not can_read else await responder.last_hour(guild_id),
        scope=None if guild is None else guild.name,
        calm_since=await system.store.log.last_trouble(system.instance) if can_read else None,
        uptimes=uptimes,
        fleet=await system.fleet.report() if can_read else FleetHealth(processes=()),
        instance=system.instance,
        cause=await system.alert_causes.of(report.problems[0]) if can_read and report.problems else None,
        errors_command=errors_command(responder),
    )
    components = system.health.components
    if view == "details":
        return embeds.health_details(report, components, glance, now)
    return embeds.health(report, components, glance, moments, now)


async def calendar_answer(responder: Responder, guild_id: str | None) -> Answer:
    """The uptime by day, for the bot's owners. Raises as `health_embed`."""
    system = responder.system
    zone = await system.settings.zone(guild_id)
    _, _, month = await system.uptime.report()
    chart = calendar(await system.uptime.days(zone), month, zone)
    picture = await draw_picture(responder.charts, chart, "uptime")
    if picture is None:
        embed = await _history_embed(responder, guild_id, is_owner=True)
        return Answer(without_picture(embed), calendar_buttons(guild_id))
    heading = discord.Embed(title="Uptime, last 30 days", colour=NEUTRAL)
    return Answer(picture.show_in(heading), calendar_buttons(guild_id), files=(picture.file(),))


def _answers(report: HealthReport) -> bool:
    """Whether the database does."""
    sample = report.sample("database", DatabaseSample)
    return sample is None or sample.error is None


async def _history_embed(responder: Responder, guild_id: str | None, *, is_owner: bool) -> discord.Embed:
    system = responder.system
    now = system.clock.now()
    await system.recorder.settle()
    moments = await system.store.log.health_changes(system.instance, now - _HISTORY)
    zone = await system.settings.zone(guild_id)
    uptimes = await system.uptime.report()
    if is_owner:
        return embeds.health_history(embeds.changes_for_owners(moments), uptimes, now, zone)
    changes = embeds.changes_for_admins(effects(moments))
    return embeds.health_history(changes, without_names(uptimes), now, zone)
