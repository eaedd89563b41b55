"""Mentionable selects: people and roles in one menu."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


class Invite(discord.ui.View):
    @discord.ui.select(cls=discord.ui.MentionableSelect["Invite"], placeholder="Guests", max_values=25)
    async def choose(self, interaction: discord.Interaction, select: discord.ui.MentionableSelect[Invite]) -> None:
        guests = [f"{type(guest).__name__} {guest.mention}" for guest in select.values]
        await interaction.response.send_message("\n".join(guests))


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def party(interaction: discord.Interaction) -> None:
        """Invites guests."""
        await interaction.response.send_message("Whom?", view=Invite())

    return bot


async def test_people_and_roles_are_chosen(loopback: LoopbackDiscord):
    dancers = loopback.guild.add_role("Dancers")
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        message = (await loopback.user.slash(loopback.channel, "party")).message
        answer = await loopback.user.select(message, "Guests", loopback.admin, dancers)
        lines = answer.message.content.splitlines()
        assert sorted(lines) == [f"Member {loopback.admin.mention}", f"Role {dancers.mention}"]
