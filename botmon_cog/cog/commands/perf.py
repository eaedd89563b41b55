"""/perf: how quick the bot is, and what slows it down."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from msgspec.structs import replace

from botmon_cog.charts.values import LinesChart
from botmon_cog.cog import embeds
from botmon_cog.cog.charts.performance import percentiles_chart
from botmon_cog.cog.commands.command_names import KNOWN_FOR, known_commands
from botmon_cog.cog.views.stats import PerfView, perf_buttons
from botmon_cog.discord_ui.pictures import draw_picture, without_picture
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, Scope, SlashCommand
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports import PerformanceContext, PerformanceReport
from botmon_cog.errors import StorageError
from botmon_cog.monitors.performance_context import performance_context, suggestions

PERIODS = {"24 hours": 1, "7 days": 7, "30 days": 30}
DEFAULT_PERIOD = "7 days"
CHART_DAYS = 7
"""The fewest that a chart shows."""
_MOST_CHOICES = 25
_LONGEST_CHOICE = 100


def perf_command(responder: Responder, name: str) -> SlashCommand:
    async def perf(
        interaction: AnyInteraction, command: str | None = None, period: str | None = None, scope: Scope | None = None
    ) -> None:
        async def draw(guild_id: str | None) -> discord.Embed:
            is_owner = await responder.bot.is_owner(interaction.user)
            return await performance_embed(
                responder, guild_id, period or DEFAULT_PERIOD, command, is_for_owner=is_owner
            )

        def buttons(guild_id: str | None) -> discord.ui.View | None:
            days = PERIODS[period or DEFAULT_PERIOD]
            return perf_buttons("numbers", days, guild_id, command, can_draw=responder.charts.can_draw)

        await responder.answer(interaction, scope, draw, buttons)

    made: SlashCommand = app_commands.Command(
        name=name, description="How quick is the bot, and what slows it down?", callback=perf
    )
    app_commands.describe(
        command="One command instead of all",
        period="How far to look back (7 days)",
        scope="Whose commands (all guilds: the bot's owners only)",
    )(made)
    app_commands.choices(period=[app_commands.Choice(name=text, value=text) for text in PERIODS])(made)
    made.autocomplete("command")(_complete_command(responder))
    return made


def _complete_command(responder: Responder) -> Any:
    async def complete(interaction: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        """Commands used in this guild; all of them for an owner in a DM; none for those who get no answer."""
        guild_id = None if interaction.guild_id is None else str(interaction.guild_id)
        try:
            if not await responder.may_ask(interaction):
                return []
            oldest = responder.system.clock.now() - KNOWN_FOR
            last_used = await responder.system.store.reports.last_used(guild_id, oldest)
        except StorageError as error:
            responder.system.failures.note("completing a command's name", error)
            return []
        wanted = current.lower().lstrip("/")
        names = [
            n for n, hour in last_used.items() if hour >= oldest and wanted in n.lower() and len(n) <= _LONGEST_CHOICE
        ]
        names.sort(key=lambda n: (not n.lower().startswith(wanted), n))
        return [app_commands.Choice(name=n, value=n) for n in names[:_MOST_CHOICES]]

    return complete


async def performance_answer(
    responder: Responder, guild_id: str | None, days: int, command: str | None, view: PerfView, *, is_owner: bool
) -> Answer:
    """The numbers or the chart, with buttons. Raises as `performance_embed`."""
    days = max(days, CHART_DAYS) if view == "chart" else days  # a single day is no development
    buttons = perf_buttons(view, days, guild_id, command, can_draw=responder.charts.can_draw)
    picture = None
    if view == "chart":
        chart = await _chart(responder, guild_id, days, command, is_owner=is_owner)
        picture = await draw_picture(responder.charts, chart, "percentiles")
        if picture is not None:
            heading = embeds.performance_heading(command, f"{days} days")
            return Answer(picture.show_in(heading), buttons, files=(picture.file(),))
    name = next(name for name, of in PERIODS.items() if of == days)
    embed = await performance_embed(responder, guild_id, name, command, is_for_owner=is_owner)
    return Answer(without_picture(embed) if view == "chart" else embed, buttons)


async def _chart(
    responder: Responder, guild_id: str | None, days: int, command: str | None, *, is_owner: bool
) -> LinesChart:
    system = responder.system
    if command is not None:
        command = _as_known(command.strip().lstrip("/"), await known_commands(responder, guild_id))
    period = last_days(days, system.clock.now())
    return percentiles_chart(
        await system.performance.by_day(guild_id, period, command),
        period,
        await system.errors.deploys(period.start),
        command=command,
        threshold_s=system.config.thresholds.command_s,
        names_versions=is_owner,
    )


async def performance_embed(
    responder: Responder, guild_id: str | None, period: str, command: str | None, *, is_for_owner: bool | None = None
) -> discord.Embed:
    """The times and failures of one guild's commands, or of all guilds'.

    `is_for_owner`: whether one of the bot's owners, and nobody else, reads it; None: if it is of all guilds.

    Raises:
        StorageError: the database can't be read.
    """
    system = responder.system
    now = system.clock.now()
    wanted, known = None, set[str]()
    if command is not None:
        known = await known_commands(responder, guild_id)
        wanted = _as_known(command.strip().lstrip("/"), known)
    report = await system.performance.report(guild_id, last_days(PERIODS[period], now), wanted)
    is_for_owner = guild_id is None if is_for_owner is None else is_for_owner
    context = await performance_context(report, system.store.reports, system.errors, now, is_for_owner=is_for_owner)
    context = replace(context, errors_command=_by_id(responder), timezone=str(await system.settings.zone(guild_id)))
    return embeds.performance(report, now, _completed(context, report, known))


def _as_known(wanted: str, known: set[str]) -> str:
    """The name as it is written, whatever capitals were typed."""
    return wanted if wanted in known else {name.casefold(): name for name in known}.get(wanted.casefold(), wanted)


def _completed(context: PerformanceContext, report: PerformanceReport, known: set[str]) -> PerformanceContext:
    """With names like the one that was asked for, where the bot has no command of that name."""
    if report.command is None or report.command in known or report.outcomes.n or report.duration.n:
        return context
    return replace(context, is_known=False, suggestions=suggestions(report.command, known))


def _by_id(responder: Responder) -> str | None:
    """`/botmon errors id:`, before an id."""
    name = errors_command(responder)
    return None if name is None else f"{name} id:"


def errors_command(responder: Responder) -> str | None:
    """`/botmon errors`; None if the bot does not have it."""
    name = responder.names().get("botmon")
    return None if name is None else f"/{name} errors"
