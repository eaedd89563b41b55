"""Channel selects: only channels of the types that the menu takes."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


class LogChannel(discord.ui.View):
    @discord.ui.select(
        cls=discord.ui.ChannelSelect["LogChannel"],
        placeholder="Where to log",
        channel_types=[discord.ChannelType.text],
    )
    async def choose(self, interaction: discord.Interaction, select: discord.ui.ChannelSelect[LogChannel]) -> None:
        channel = select.values[0].resolve()
        assert isinstance(channel, discord.TextChannel)
        await channel.send("Logs come here.")
        await interaction.response.edit_message(content=f"Logging to {channel.mention}", view=None)


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def setup(interaction: discord.Interaction) -> None:
        """Chooses the channel for logs."""
        await interaction.response.send_message("Where?", view=LogChannel())

    return bot


async def test_a_channel_is_chosen(loopback: LoopbackDiscord):
    logs = loopback.guild.add_text_channel("logs")
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        message = (await loopback.user.slash(loopback.channel, "setup")).message
        await loopback.user.select(message, "Where to log", logs)
        assert message.content == f"Logging to {logs.mention}"
        assert (await logs.next_message()).content == "Logs come here."


async def test_a_channel_of_another_type_is_not_offered(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        message = (await loopback.user.slash(loopback.channel, "setup")).message
        with pytest.raises(LookupError, match="does not offer"):
            await loopback.user.select(message, "Where to log", loopback.voice_channel)
