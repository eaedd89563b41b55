"""String selects: one choice, several, and what the menu does not offer."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


class Toppings(discord.ui.View):
    @discord.ui.select(
        placeholder="Your toppings",
        min_values=1,
        max_values=2,
        options=[
            discord.SelectOption(label="Cheese", value="cheese", emoji="🧀", default=True),
            discord.SelectOption(label="Olives", value="olives", description="Black ones"),
            discord.SelectOption(label="Pineapple", value="pineapple"),
        ],
    )
    async def choose(self, interaction: discord.Interaction, select: discord.ui.Select[Toppings]) -> None:
        await interaction.response.edit_message(content="With " + " and ".join(select.values), view=None)


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def pizza(interaction: discord.Interaction) -> None:
        """Orders a pizza."""
        await interaction.response.send_message("What on it?", view=Toppings())

    return bot


async def test_several_values_are_chosen(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "pizza")
        await loopback.user.select(answer.message, "Your toppings", "Olives", "cheese")
        assert answer.message.content == "With olives and cheese"
        assert answer.message.components == []


async def test_what_cannot_be_chosen(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        message = (await loopback.user.slash(loopback.channel, "pizza")).message
        with pytest.raises(LookupError, match="does not offer 'Ham'"):
            await loopback.user.select(message, "Your toppings", "Ham")
        with pytest.raises(ValueError, match="1 to 2 values"):
            await loopback.user.select(message, "Your toppings")
        assert message.content == "What on it?"
