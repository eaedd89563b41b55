"""Context menus of messages: reporting one to the moderators."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, Upload


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.context_menu(name="Report")
    async def report(interaction: discord.Interaction, message: discord.Message) -> None:
        assert interaction.guild is not None
        log = discord.utils.get(interaction.guild.text_channels, name="reports")
        assert log is not None
        embed = discord.Embed(title="Reported", description=message.content, url=message.jump_url)
        embed.set_author(name=message.author.display_name)
        embed.add_field(name="Files", value=", ".join(file.filename for file in message.attachments) or "none")
        await log.send(embed=embed)
        await interaction.response.send_message("Thank you.", ephemeral=True)

    return bot


async def test_a_message_is_reported(loopback: LoopbackDiscord):
    reports = loopback.guild.add_text_channel("reports")
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        rude = await loopback.admin.send(loopback.channel, "You fool", Upload("face.png", b"\x89PNG"))
        answer = await loopback.user.context_menu(loopback.channel, "Report", rude)
        assert answer.message.content == "Thank you."
        embed = (await reports.next_message()).embeds[0]
        assert (embed["description"], embed["author"]["name"]) == ("You fool", "Admin")
        assert embed["fields"][0]["value"] == "face.png"
        assert embed["url"].endswith(f"/{loopback.channel.id}/{rude.id}")
