"""Permissions: of who uses a command, of the bot itself, and of channels."""

from __future__ import annotations

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    @app_commands.default_permissions(manage_guild=True)
    async def settings(interaction: discord.Interaction) -> None:
        """Only seen by those who manage the server."""
        await interaction.response.send_message("Settings")

    @bot.tree.command()
    @app_commands.checks.has_permissions(manage_guild=True)
    async def secret(interaction: discord.Interaction) -> None:
        """Seen by all."""
        await interaction.response.send_message("Secret", ephemeral=True)

    @bot.tree.command()
    @app_commands.checks.bot_has_permissions(manage_channels=True)
    async def lock(interaction: discord.Interaction) -> None:
        """Locks the channel."""
        assert interaction.guild is not None
        assert isinstance(interaction.channel, discord.TextChannel)
        await interaction.channel.set_permissions(interaction.guild.default_role, send_messages=False)
        await interaction.response.send_message("Locked")

    @bot.tree.command()
    async def announce(interaction: discord.Interaction, channel: discord.TextChannel) -> None:
        """Announces something."""
        try:
            await channel.send("News!")
        except discord.Forbidden as error:
            await interaction.response.send_message(f"I cannot write there ({error.code}).")
        else:
            await interaction.response.send_message("Done.")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        await interaction.response.send_message(str(error), ephemeral=True)

    return bot


async def test_a_command_that_only_managers_see(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        with pytest.raises(PermissionError, match="manage_guild"):
            await loopback.user.slash(loopback.channel, "settings")
        assert (await loopback.admin.slash(loopback.channel, "settings")).message.content == "Settings"


async def test_a_check_says_what_is_missing(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "secret")
        assert answer.message.content == "You are missing Manage Server permission(s) to run this command."
        assert (await loopback.admin.slash(loopback.channel, "secret")).message.content == "Secret"


async def test_the_bot_needs_permissions_too(loopback: LoopbackDiscord):
    guild, channel, user = loopback.guild, loopback.channel, loopback.user
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await user.slash(channel, "lock")
        assert answer.message.content == "Bot requires Manage Channels permission(s) to run this command."
        guild.add_bot_permissions(discord.Permissions(manage_channels=True, manage_roles=True))
        assert (await user.slash(channel, "lock")).message.content == "Locked"
        with pytest.raises(PermissionError, match="may not write"):
            await user.send(channel, "Hello?")


async def test_a_channel_that_the_bot_cannot_write_in(loopback: LoopbackDiscord):
    rules = loopback.guild.add_text_channel("rules")
    loopback.bot_user.set_permissions(rules, discord.Permissions(view_channel=True))
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "announce", channel=rules)
        assert answer.message.content == "I cannot write there (50013)."
        answer = await loopback.user.slash(loopback.channel, "announce", channel=loopback.channel)
        assert answer.message.content == "Done."
