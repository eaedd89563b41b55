"""Pagination: pages turned by buttons that are disabled at both ends and after a time-out."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, SeenMessage


class Pages(discord.ui.View):
    def __init__(self, interaction: discord.Interaction, pages: list[discord.Embed], *, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self.interaction = interaction
        self.pages = pages
        self.at = 0
        self.show()

    def show(self) -> discord.Embed:
        self.back.disabled = self.at == 0
        self.next.disabled = self.at == len(self.pages) - 1
        return self.pages[self.at].set_footer(text=f"Page {self.at + 1} of {len(self.pages)}")

    async def turn(self, interaction: discord.Interaction, by: int) -> None:
        self.at += by
        await interaction.response.edit_message(embed=self.show(), view=self)

    @discord.ui.button(emoji="◀️", custom_id="back")
    async def back(self, interaction: discord.Interaction, button: discord.ui.Button[Pages]) -> None:
        await self.turn(interaction, -1)

    @discord.ui.button(emoji="▶️", custom_id="next")
    async def next(self, interaction: discord.Interaction, button: discord.ui.Button[Pages]) -> None:
        await self.turn(interaction, 1)

    async def on_timeout(self) -> None:
        self.back.disabled = self.next.disabled = True
        await self.interaction.edit_original_response(view=self)


def make_bot(*, timeout: float = 180) -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def book(interaction: discord.Interaction) -> None:
        """Reads a book."""
        pages = [discord.Embed(title=title) for title in ("One", "Two", "Three")]
        view = Pages(interaction, pages, timeout=timeout)
        await interaction.response.send_message(embed=view.pages[0], view=view)

    return bot


def shown(message: SeenMessage) -> tuple[str, list[bool]]:
    """The page, and of each button whether it is disabled."""
    buttons = message.components[0]["components"]
    return message.embeds[0]["title"], [button["disabled"] for button in buttons]


async def test_pages_are_turned(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        message = (await loopback.user.slash(loopback.channel, "book")).message
        assert shown(message) == ("One", [True, False])
        with pytest.raises(LookupError, match="disabled"):
            await loopback.user.click(message, "back")
        await loopback.user.click(message, "▶️")
        assert shown(message) == ("Two", [False, False])
        await loopback.user.click(message, "next")
        assert shown(message) == ("Three", [False, True])
        await loopback.user.click(message, "◀️")
        assert shown(message) == ("Two", [False, False])
        assert message.embeds[0]["footer"]["text"] == "Page 2 of 3"


async def test_after_a_time_out_no_button_works(loopback: LoopbackDiscord):
    async with loopback.running(make_bot(timeout=0.05)) as bot:
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "book")
        message = await answer.next_message()
        assert shown(message) == ("One", [True, True])
        with pytest.raises(LookupError, match="disabled"):
            await loopback.user.click(message, "next")
