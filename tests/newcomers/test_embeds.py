"""Embeds: their parts, a picture attached to the message, and what Discord refuses."""

from __future__ import annotations

import datetime as dt
import io

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def profile(interaction: discord.Interaction, user: discord.Member) -> None:
        """Shows somebody's profile."""
        embed = discord.Embed(
            title=user.display_name,
            colour=discord.Colour.blurple(),
            timestamp=dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
        )
        embed.set_thumbnail(url=user.display_avatar.url)
        embed.add_field(name="Roles", value=str(len(user.roles)), inline=False)
        embed.set_image(url="attachment://chart.png")
        await interaction.response.send_message(embed=embed, file=discord.File(io.BytesIO(b"\x89PNG"), "chart.png"))

    @bot.tree.command()
    async def lyrics(interaction: discord.Interaction, lines: app_commands.Range[int, 1, 1000]) -> None:
        """Shows a long song."""
        embed = discord.Embed(title="Song", description="La la la.\n" * lines)
        try:
            await interaction.response.send_message(embed=embed)
        except discord.HTTPException as error:
            await interaction.response.send_message(f"Too long ({error.code}).")

    return bot


async def test_all_parts_are_shown(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        message = (await loopback.user.slash(loopback.channel, "profile", user=loopback.admin)).message
        (embed,) = message.embeds
        assert (embed["title"], embed["color"]) == ("Admin", 0x5865F2)
        assert embed["timestamp"].startswith("2024-02-29T12:00:00")
        assert embed["fields"] == [{"name": "Roles", "value": "2", "inline": False}]
        assert [attachment.filename for attachment in message.attachments] == ["chart.png"]


async def test_an_embed_that_is_too_long(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "lyrics", lines=10)
        assert answer.message.embeds[0]["description"].count("La") == 10
        answer = await loopback.user.slash(loopback.channel, "lyrics", lines=500)
        assert answer.message.content == "Too long (50035)."
