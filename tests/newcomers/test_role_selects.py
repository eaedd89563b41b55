"""Role selects: a member picks the roles it wants to have."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


class PickRoles(discord.ui.View):
    @discord.ui.select(cls=discord.ui.RoleSelect["PickRoles"], placeholder="Your roles", max_values=5)
    async def choose(self, interaction: discord.Interaction, select: discord.ui.RoleSelect[PickRoles]) -> None:
        assert isinstance(interaction.user, discord.Member)
        try:
            await interaction.user.add_roles(*select.values, reason="picked")
        except discord.Forbidden:
            await interaction.response.send_message("I may not give all of these.", ephemeral=True)
        else:
            await interaction.response.send_message("Done.", ephemeral=True)


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def roles(interaction: discord.Interaction) -> None:
        """Offers roles."""
        await interaction.response.send_message("Pick!", view=PickRoles())

    return bot


async def test_the_roles_are_given(loopback: LoopbackDiscord):
    guild = loopback.guild
    guild.add_bot_permissions(discord.Permissions(manage_roles=True))
    red, blue = guild.add_role("Red"), guild.add_role("Blue")
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        message = (await loopback.user.slash(loopback.channel, "roles")).message
        answer = await loopback.user.select(message, "Your roles", red, blue)
        assert answer.message.content == "Done."
        assert {red, blue} <= set(guild.roles_of(loopback.user))


async def test_a_role_above_the_bot_is_out_of_its_reach(loopback: LoopbackDiscord):
    guild = loopback.guild
    guild.add_bot_permissions(discord.Permissions(manage_roles=True))
    chief = guild.add_role("Chief", above_bot=True)
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        message = (await loopback.user.slash(loopback.channel, "roles")).message
        answer = await loopback.user.select(message, "Your roles", chief)
        assert answer.message.content == "I may not give all of these."
        assert chief not in guild.roles_of(loopback.user)
