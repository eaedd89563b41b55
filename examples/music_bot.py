"""A music bot that is watched. Its "music" is a timer, so that it needs no voice library.

DISCORD_TOKEN=… python examples/music_bot.py
"""

from __future__ import annotations

import asyncio
import os
import time

import discord
from discord import app_commands
from discord.ext import commands

import botmon_cog
from botmon_cog import MonitoringSystem

SONG_S = 180


class Bot(commands.Bot):
    async def setup_hook(self) -> None:
        await self.load_extension("botmon_cog")  # from here on every command is logged and timed
        await self.add_cog(Music(self))
        await self.tree.sync()

    async def close(self) -> None:
        await self.remove_cog("Music")  # while the extension is still there, so that the last songs count
        await super().close()


class Music(commands.Cog):
    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.players: dict[int, asyncio.Task[None]] = {}

    @property
    def system(self) -> MonitoringSystem:
        """For what the extension can't see by itself, songs and operations. Asked anew: it may have been reloaded."""
        return botmon_cog.of(self.bot)

    async def cog_unload(self) -> None:
        for player in self.players.values():
            player.cancel()
        await asyncio.gather(*self.players.values(), return_exceptions=True)

    @app_commands.command(description="Play a song")
    @app_commands.guild_only()
    async def play(self, interaction: discord.Interaction, song: str) -> None:
        guild_id, user_id = guild_id_of(interaction), interaction.user.id
        await interaction.response.defer()
        async with self.system.performance.track("voice_connect", guild_id, user_id):
            await asyncio.sleep(0.05)  # here a real bot joins the voice channel
        self.stop(guild_id)
        self.players[guild_id] = asyncio.create_task(self.player(guild_id, user_id))
        self.count_players()
        await interaction.followup.send(f"Playing {song}")

    @app_commands.command(description="Skip this song")
    @app_commands.guild_only()
    async def skip(self, interaction: discord.Interaction) -> None:
        guild_id = guild_id_of(interaction)
        was_playing = self.stop(guild_id)
        if was_playing:
            await self.system.statistics.song_skipped(guild_id, interaction.user.id)
        await interaction.response.send_message("Skipped." if was_playing else "Nothing is playing.")

    @app_commands.command(description="Pause")
    @app_commands.guild_only()
    async def pause(self, interaction: discord.Interaction) -> None:
        await self.system.statistics.song_paused(guild_id_of(interaction), interaction.user.id)
        await interaction.response.send_message("Paused.")

    async def player(self, guild_id: int, user_id: int) -> None:
        start_s = time.monotonic()
        try:
            await asyncio.sleep(SONG_S)
        finally:  # played to its end, skipped, or the bot is closing
            await self.system.statistics.song_played(guild_id, time.monotonic() - start_s, user_id)
            self.count_players()

    def count_players(self) -> None:
        """`/botmon metrics` shows how many there were, and `[[alerts.rule]] metric = "custom.players"` can watch it."""
        ending = asyncio.current_task()
        playing = sum(not player.done() and player is not ending for player in self.players.values())
        self.system.metrics.gauge("players", what="Voice channels in which a song plays").set(playing)

    def stop(self, guild_id: int) -> bool:
        player = self.players.pop(guild_id, None)
        return player is not None and player.cancel()


def guild_id_of(interaction: discord.Interaction) -> int:
    """There is one: the commands are `guild_only`."""
    assert interaction.guild_id is not None
    return interaction.guild_id


if __name__ == "__main__":
    Bot(commands.when_mentioned, intents=discord.Intents.default()).run(os.environ["DISCORD_TOKEN"])
