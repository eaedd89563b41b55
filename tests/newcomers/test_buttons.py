"""Buttons: counting, confirming, only for who asked, links, and after a restart (persistent views)."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


class Counter(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="0", style=discord.ButtonStyle.green, custom_id="counter")
    async def count(self, interaction: discord.Interaction, button: discord.ui.Button[Counter]) -> None:
        assert interaction.message is not None
        button.label = str(int(interaction.message.components[0].children[0].label) + 1)
        await interaction.response.edit_message(view=self)


class Confirm(discord.ui.View):
    def __init__(self, asker: discord.abc.User) -> None:
        super().__init__()
        self.asker = asker
        self.is_confirmed: bool | None = None
        self.add_item(discord.ui.Button(label="Help", url="https://example.com/help"))

    async def interaction_check(self, interaction: discord.Interaction) -> bool:
        if interaction.user != self.asker:
            await interaction.response.send_message("These are not your buttons.", ephemeral=True)
        return interaction.user == self.asker

    @discord.ui.button(label="Delete it", style=discord.ButtonStyle.danger)
    async def confirm(self, interaction: discord.Interaction, button: discord.ui.Button[Confirm]) -> None:
        self.is_confirmed = True
        await interaction.response.defer()
        self.stop()

    @discord.ui.button(emoji="👋")
    async def cancel(self, interaction: discord.Interaction, button: discord.ui.Button[Confirm]) -> None:
        self.is_confirmed = False
        await interaction.response.defer()
        self.stop()


class CounterBot(commands.Bot):
    def __init__(self) -> None:
        super().__init__("!", intents=discord.Intents.default())
        self.tree.command(name="counter", description="Counts clicks")(counter)
        self.tree.command(name="wipe", description="Deletes everything")(wipe)

    async def setup_hook(self) -> None:
        self.add_view(Counter())
        await self.tree.sync()


async def counter(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("Click!", view=Counter())


async def wipe(interaction: discord.Interaction) -> None:
    view = Confirm(interaction.user)
    await interaction.response.send_message("Really?", view=view)
    await view.wait()
    await interaction.edit_original_response(content="Deleted." if view.is_confirmed else "Kept.", view=None)


async def test_a_button_counts_also_after_a_restart(loopback: LoopbackDiscord):
    async with loopback.running(CounterBot()):
        message = (await loopback.user.slash(loopback.channel, "counter")).message
        await loopback.user.click(message, "0")
        await loopback.admin.click(message, "1")
    async with loopback.running(CounterBot()):
        await loopback.user.click(message, "counter")
        assert message.components[0]["components"][0]["label"] == "3"


@pytest.mark.parametrize(("button", "outcome"), [("Delete it", "Deleted."), ("👋", "Kept.")])
async def test_a_question_is_for_who_asked(loopback: LoopbackDiscord, button: str, outcome: str):
    async with loopback.running(CounterBot()):
        asked = await loopback.user.slash(loopback.channel, "wipe")
        refused = await loopback.admin.click(asked.message, button)
        assert refused.message.content == "These are not your buttons."
        await loopback.user.click(asked.message, button, wait=False)
        assert (await asked.next_message()).content == outcome
        with pytest.raises(LookupError, match="it has none"):
            await loopback.user.click(asked.message, button)


async def test_a_link_does_not_reach_the_bot(loopback: LoopbackDiscord):
    async with loopback.running(CounterBot()):
        asked = await loopback.user.slash(loopback.channel, "wipe")
        with pytest.raises(LookupError, match="is a link"):
            await loopback.user.click(asked.message, "Help")
        await loopback.user.click(asked.message, "👋", wait=False)
        await loopback.settled()
