"""/perf: how quick the bot is, and what slows it down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.desk import AnyInteraction, Desk, Scope, SlashCommand
from botmon_cog.domain.periods import last_days
from botmon_cog.errors import StorageError

_PERIODS = {"24 hours": 1, "7 days": 7, "30 days": 30}
DEFAULT_PERIOD = "7 days"
_MOST_CHOICES = 25
_LONGEST_CHOICE = 100
_KNOWN_FOR = timedelta(days=90)


def perf_command(desk: Desk, name: str) -> SlashCommand:
    async def perf(
        interaction: AnyInteraction, command: str | None = None, period: str | None = None, scope: Scope | None = None
    ) -> None:
        async def draw(guild_id: str | None) -> discord.Embed:
            return await performance_embed(desk, guild_id, period or DEFAULT_PERIOD, command)

        await desk.answer(interaction, scope, draw)

    made: SlashCommand = app_commands.Command(
        name=name, description="How quick is the bot, and what slows it down?", callback=perf
    )
    app_commands.describe(
        command="One command instead of all",
        period="How far to look back (7 days)",
        scope="Whose commands (all guilds: the bot's owners only)",
    )(made)
    app_commands.choices(period=[app_commands.Choice(name=text, value=text) for text in _PERIODS])(made)
    made.autocomplete("command")(_complete_command(desk))
    return made


def _complete_command(desk: Desk) -> Any:
    async def complete(interaction: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        """Commands used in this guild; all of them for an owner in a DM; none for those who get no answer."""
        if not await desk.may_ask(interaction):
            return []
        guild_id = None if interaction.guild_id is None else str(interaction.guild_id)
        try:
            oldest = desk.system.clock.now() - _KNOWN_FOR
            last_used = await desk.system.store.reports.last_used(guild_id, oldest)
        except StorageError as error:
            desk.system.failures.note("completing a command's name", error)
            return []
        wanted = current.lower().lstrip("/")
        names = [
            n for n, hour in last_used.items() if hour >= oldest and wanted in n.lower() and len(n) <= _LONGEST_CHOICE
        ]
        names.sort(key=lambda n: (not n.lower().startswith(wanted), n))
        return [app_commands.Choice(name=n, value=n) for n in names[:_MOST_CHOICES]]

    return complete


async def performance_embed(desk: Desk, guild_id: str | None, period: str, command: str | None) -> discord.Embed:
    """The times of one guild's commands, or of all guilds'.

    Raises:
        StorageError: the database can't be read.
    """
    now = desk.system.clock.now()
    wanted = None if command is None else command.strip().lstrip("/")
    report = await desk.system.performance.report(guild_id, last_days(_PERIODS[period], now), wanted)
    return embeds.performance(report, now)
