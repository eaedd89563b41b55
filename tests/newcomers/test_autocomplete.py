"""Autocomplete: suggestions that depend on what was typed, and on the other options."""

from __future__ import annotations

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord

CITIES = {"Germany": ["Berlin", "Bonn", "Hamburg"], "France": ["Bordeaux", "Paris"]}


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def weather(interaction: discord.Interaction, country: str, city: str) -> None:
        """Tells the weather."""
        await interaction.response.send_message(f"It rains in {city}, {country}.")

    @weather.autocomplete("country")
    async def suggest_country(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name, value=name) for name in CITIES if current.lower() in name.lower()]

    @weather.autocomplete("city")
    async def suggest_city(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        cities = CITIES[interaction.namespace.country]
        return [app_commands.Choice(name=f"{city}!", value=city) for city in cities if city.startswith(current)]

    return bot


async def test_suggestions_follow_what_is_typed(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        user, channel = loopback.user, loopback.channel
        everything = await user.autocomplete(channel, "weather", focused="country")
        assert [choice["name"] for choice in everything] == ["Germany", "France"]
        some = await user.autocomplete(channel, "weather", focused="city", value="B", country="Germany")
        assert some == [{"name": "Berlin!", "value": "Berlin"}, {"name": "Bonn!", "value": "Bonn"}]
        answer = await user.slash(channel, "weather", country="Germany", city=some[1]["value"])
        assert answer.message.content == "It rains in Bonn, Germany."


async def test_an_autocomplete_that_raises_suggests_nothing(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        with pytest.raises(AssertionError, match="no suggestions came for 'city' of /weather"):
            await loopback.user.autocomplete(
                loopback.channel, "weather", focused="city", country="Atlantis", timeout_s=0.2
            )
