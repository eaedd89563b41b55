"""Modals: text inputs and a select menu, filled in, refused and answered."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


class Feedback(discord.ui.Modal, title="Feedback"):
    subject = discord.ui.TextInput["Feedback"](label="Subject", max_length=20)
    text = discord.ui.TextInput["Feedback"](
        label="What happened?", style=discord.TextStyle.paragraph, required=False, default="Nothing."
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        if self.subject.value == "spam":
            raise ValueError("no spam")
        await interaction.response.send_message(f"{self.subject}: {self.text}", ephemeral=True)

    async def on_error(self, interaction: discord.Interaction, error: Exception) -> None:
        await interaction.response.send_message(f"Oops, {error}.", ephemeral=True)


class Survey(discord.ui.Modal, title="Survey"):
    colour = discord.ui.Label["Survey"](
        text="Colour",
        component=discord.ui.Select["Survey"](
            options=[discord.SelectOption(label="Red", value="r"), discord.SelectOption(label="Blue", value="b")]
        ),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        assert isinstance(self.colour.component, discord.ui.Select)
        await interaction.response.send_message(f"You like {self.colour.component.values[0]}.")


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def feedback(interaction: discord.Interaction) -> None:
        """Asks for feedback."""
        await interaction.response.send_modal(Feedback())

    @bot.tree.command()
    async def survey(interaction: discord.Interaction) -> None:
        """Asks for a colour."""
        await interaction.response.send_modal(Survey())

    return bot


async def test_a_modal_is_filled_in(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        opened = await loopback.user.slash(loopback.channel, "feedback")
        assert opened.modal is not None
        assert opened.modal["title"] == "Feedback"
        answer = await loopback.user.submit(opened, **{"Subject": "Login", "What happened?": "It hangs."})
        assert answer.message.content == "Login: It hangs."
        assert answer.message.ephemeral


async def test_what_is_left_alone_keeps_its_default(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        opened = await loopback.user.slash(loopback.channel, "feedback")
        with pytest.raises(ValueError, match="must be filled in"):
            await loopback.user.submit(opened)
        with pytest.raises(ValueError, match="to 20 characters"):
            await loopback.user.submit(opened, Subject="x" * 21)
        answer = await loopback.user.submit(opened, Subject="Login")
        assert answer.message.content == "Login: Nothing."


async def test_a_modal_that_fails_says_so(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        opened = await loopback.user.slash(loopback.channel, "feedback")
        answer = await loopback.user.submit(opened, Subject="spam")
        assert answer.message.content == "Oops, no spam."


async def test_a_select_menu_in_a_modal(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        opened = await loopback.user.slash(loopback.channel, "survey")
        answer = await loopback.user.submit(opened, Colour="Blue")
        assert answer.message.content == "You like b."
