"""What all answers have in common: who may see what, deferring before any query, and a sentence when it fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.cog import embeds
from botmon_cog.errors import StorageError
from botmon_cog.runtime import MonitoringSystem

Scope = Literal["this guild", "all guilds"]
"""Choices of the `scope` option."""

AnyInteraction = discord.Interaction[Any]
SlashCommand = app_commands.Command[Any, ..., None]
Draw = Callable[[str | None], Awaitable[discord.Embed]]

_HOUR = timedelta(hours=1)


class Refused(Exception):  # noqa: N818 (an answer, not a failure)
    """The user may not see that; the text says why."""


class Desk:
    """Answers the monitor's app commands for one bot."""

    ADMINS = discord.Permissions(manage_guild=True)
    """Who sees the commands unless a server's admins say otherwise."""

    def __init__(self, bot: commands.Bot, system: MonitoringSystem) -> None:
        self.bot = bot
        self.system = system

    async def answer(self, interaction: AnyInteraction, scope: Scope | None, draw: Draw) -> None:
        """Defer, find out what the user may see, draw it, send it: always so that nobody else sees it.

        `draw` gets the guild's id, or None for all guilds.
        """
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            embed = await draw(await self._guild_id(interaction, scope))
        except Refused as refusal:
            embed = embeds.notice("Not for you", str(refusal))
        except StorageError as error:
            self.system.failures.note("answering an app command", error)
            embed = embeds.notice(
                "The database does not answer",
                "Your bot runs on; what happens meanwhile is kept and written later. Try again in a minute.",
            )
        except Exception as error:
            self.system.failures.note("answering an app command", error)
            embed = embeds.notice("That went wrong", "The bot's log has the details. Nothing else is affected.")
            await interaction.edit_original_response(embed=embed)
            raise  # it is a command like any other: its row says `error`
        await interaction.edit_original_response(embed=embed)

    async def _guild_id(self, interaction: AnyInteraction, scope: Scope | None) -> str | None:
        is_private = interaction.guild_id is None
        if not is_private and scope != "all guilds":
            return str(interaction.guild_id)
        if await self.bot.is_owner(interaction.user):
            return None
        if is_private:
            raise Refused("Here only the bot's owners get an answer. Ask in your server instead.")
        raise Refused("Only the bot's owners may look at all guilds. Leave `scope` out to see this one.")

    async def guild_name(self, guild_id: str | None) -> str | None:
        """A guild's name as Discord or, for one that the bot has left, as the audit log knows it."""
        if guild_id is None:
            return None
        guild = self.bot.get_guild(int(guild_id))
        return guild.name if guild is not None else await self.system.storage.guild_name(guild_id)

    async def last_hour(self, guild_id: str | None) -> tuple[int, int]:
        """(commands, the bot's faults) of the last 60 minutes."""
        minutes = await self.system.storage.outcomes_by_minute(self.system.clock.now() - _HOUR, guild_id)
        return sum(n for _, n, _ in minutes), sum(faults for _, _, faults in minutes)
