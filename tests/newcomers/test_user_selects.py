"""User selects: people come as members, with their names and roles."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


class Team(discord.ui.View):
    @discord.ui.select(cls=discord.ui.UserSelect["Team"], placeholder="Your team", min_values=2, max_values=3)
    async def choose(self, interaction: discord.Interaction, select: discord.ui.UserSelect[Team]) -> None:
        assert all(isinstance(member, discord.Member) for member in select.values)
        names = ", ".join(member.display_name for member in select.values)
        await interaction.response.send_message(f"{interaction.user.display_name} plays with {names}.")


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def team(interaction: discord.Interaction) -> None:
        """Puts together a team."""
        await interaction.response.send_message("Who?", view=Team())

    return bot


async def test_members_are_chosen(loopback: LoopbackDiscord):
    ada = loopback.add_user("Ada", guilds=[loopback.guild])
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        message = (await loopback.user.slash(loopback.channel, "team")).message
        with pytest.raises(ValueError, match="2 to 3 values"):
            await loopback.user.select(message, "Your team", ada)
        answer = await loopback.user.select(message, "Your team", ada, loopback.admin)
        assert answer.message.content == "User plays with Ada, Admin."
