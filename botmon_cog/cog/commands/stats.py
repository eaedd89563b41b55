"""/stats today, weekly, monthly: what a guild did."""

from __future__ import annotations

import discord
import msgspec
from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.desk import AnyInteraction, Desk, Scope, SlashCommand

DESCRIPTIONS = {
    "today": "What happened here today",
    "weekly": "The last seven days, and how they compare",
    "monthly": "The last thirty days, and how they compare",
}


def stats_group(desk: Desk, name: str) -> app_commands.Group:
    group = app_commands.Group(name=name, description="Commands, people and music in this server")
    for period, description in DESCRIPTIONS.items():
        group.add_command(_stats_command(desk, period, description))
    return group


def _stats_command(desk: Desk, period: str, description: str) -> SlashCommand:
    async def stats(interaction: AnyInteraction, scope: Scope | None = None) -> None:
        async def draw(guild_id: str | None) -> discord.Embed:
            return await statistics_embed(desk, guild_id, period)

        await desk.answer(interaction, scope, draw)

    command: SlashCommand = app_commands.Command(name=period, description=description, callback=stats)
    return app_commands.describe(scope="Whose numbers (all guilds: the bot's owners only)")(command)


async def statistics_embed(desk: Desk, guild_id: str | None, period: str) -> discord.Embed:
    """The named report of one guild, or of all.

    Raises:
        StorageError: the database can't be read.
    """
    now = desk.system.clock.now()
    statistics = desk.system.statistics
    report = await statistics.report(guild_id, statistics.period(period))
    report = msgspec.structs.replace(report, guild_name=await desk.guild_name(guild_id))
    return embeds.statistics(report, now)
