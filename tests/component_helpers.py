"""Views for the tests, and what is done with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord.ext import commands

from botmon_cog.domain.reports import HistoryEntry
from botmon_cog.testing import LoopbackDiscord
from tests.harness import Rig

Interaction = discord.Interaction


async def send(
    bot: commands.Bot, loopback: LoopbackDiscord, view: discord.ui.View, content: str | None = "Look"
) -> Any:
    """Let the bot show a view; returns the message as its users see it."""
    channel: Any = bot.get_channel(loopback.channel.id)
    await (channel.send(view=view) if content is None else channel.send(content, view=view))
    return await loopback.channel.next_message()


async def show(rig: Rig, view: Any, content: str | None = "Look") -> Any:
    """The same in a rig."""
    return await send(rig.bot, rig.discord, view, content)


async def used(rig: Rig, *, seconds: float = 3.1) -> HistoryEntry:
    """The only row, once so much time has passed."""
    await rig.discord.settled()
    await rig.clock.advance(seconds)
    await rig.discord.settled()
    return await rig.only_row()


async def answer(interaction: Interaction) -> None:
    await interaction.response.send_message("done")


def calling(callback: Callable[[Interaction], Awaitable[None]]) -> discord.ui.View:
    """A view of one button, `Go`."""
    button: discord.ui.Button[Any] = discord.ui.Button(label="Go", custom_id="go")
    button.callback = callback
    return discord.ui.View(timeout=None).add_item(button)


def dead(custom_id: str = "go") -> discord.ui.View:
    """A view of which nobody knows any more once it was sent and stopped."""
    return discord.ui.View(timeout=None).add_item(discord.ui.Button(label="Go", custom_id=custom_id))


class Panel(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.told: list[tuple[str, str]] = []

    @discord.ui.button(label="Break", custom_id="break")
    async def break_(self, interaction: Interaction, _: discord.ui.Button[Panel]) -> None:
        raise LookupError("hunter2 was not found")

    @discord.ui.button(label="Think", custom_id="think")
    async def think(self, interaction: Interaction, _: discord.ui.Button[Panel]) -> None:
        await interaction.response.defer(thinking=True)

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: Interaction, _: discord.ui.Button[Panel]) -> None:
        await interaction.response.defer()

    @discord.ui.button(label="Silent", custom_id="silent")
    async def silent(self, interaction: Interaction, _: discord.ui.Button[Panel]) -> None:
        """Says nothing."""

    async def on_error(self, interaction: Interaction, error: Exception, item: discord.ui.Item[Any], /) -> None:
        assert self.children[0] is item
        self.told.append((type(error).__name__, type(item).__name__))
