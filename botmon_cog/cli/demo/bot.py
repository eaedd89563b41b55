"""The demo's music bot. It knows nothing of being watched, except where it tells of its songs."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.cli.demo.songs import SONGS
from botmon_cog.config import Config
from botmon_cog.original.systems import of
from botmon_cog.runtime import MonitoringSystem

EXTENSION = "botmon_cog"
MENU = "Play this"
SLOW_PLAY_S = 2.1
"""Over the threshold for slow commands, which is 2 s."""

_ONE_PLAY_IN = 12
"""is slow."""
_ONE_LYRICS_IN = 5
"""fails."""

AnyInteraction = discord.Interaction[Any]
AnyContext = commands.Context[Any]


class MusicBot(commands.Bot):
    def __init__(self, config: Config, rng: random.Random) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        super().__init__("!", intents=intents, help_command=None)
        self.botmon_config = config
        self.rng = rng
        self.queue: list[str] = []
        self.tree.error(_apologise)

    async def setup_hook(self) -> None:
        await self.load_extension(EXTENSION)
        await self.add_cog(Music(self))
        await self.tree.sync()

    @property
    def system(self) -> MonitoringSystem:
        return of(self)

    async def work(self, shortest_s: float, longest_s: float) -> None:
        """Take some time, as asking a music service does."""
        await asyncio.sleep(self.rng.uniform(shortest_s, longest_s))

    async def on_command_error(self, context: AnyContext, _: commands.CommandError, /) -> None:
        await context.send("I did not understand that.")


async def _apologise(interaction: AnyInteraction, _: app_commands.AppCommandError) -> None:
    if interaction.response.is_done():
        await interaction.followup.send("Sorry, that did not work.", ephemeral=True)
    else:
        await interaction.response.send_message("Sorry, that did not work.", ephemeral=True)


class Music(commands.Cog):
    def __init__(self, bot: MusicBot) -> None:
        self.bot = bot
        self._plays = 0
        self._lyrics = 0
        self._menu = app_commands.ContextMenu(name=MENU, callback=self._play_message)

    async def cog_load(self) -> None:
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command(description="Play a song")
    @app_commands.describe(song="Its title")
    async def play(self, interaction: AnyInteraction, song: str) -> None:
        await interaction.response.defer(thinking=True)
        self._plays += 1
        async with self.bot.system.performance.track("voice_connect", interaction.guild_id):
            await self.bot.work(0.02, 0.15)
        if self._plays % _ONE_PLAY_IN == 0:
            await asyncio.sleep(SLOW_PLAY_S)
        await self._start(interaction, song)
        await interaction.followup.send(f"Playing {song}")

    @play.autocomplete("song")
    async def _complete_song(self, _: AnyInteraction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=title, value=title) for title in SONGS if typed.lower() in title.lower()]

    @app_commands.command(description="Skip this song")
    async def skip(self, interaction: AnyInteraction) -> None:
        await self.bot.system.statistics.song_skipped(interaction.guild_id or 0, interaction.user.id)
        if self.bot.queue:
            self.bot.queue.pop(0)
        await interaction.response.send_message("Skipped.")

    @app_commands.command(description="What plays next")
    async def queue(self, interaction: AnyInteraction) -> None:
        await self.bot.work(0.01, 0.06)
        await interaction.response.send_message("\n".join(self.bot.queue[-10:]) or "The queue is empty.")

    @app_commands.command(description="Mix the queue")
    async def shuffle(self, interaction: AnyInteraction) -> None:
        self.bot.rng.shuffle(self.bot.queue)
        await interaction.response.send_message("Shuffled.")

    @app_commands.command(description="Pause")
    async def pause(self, interaction: AnyInteraction) -> None:
        await self.bot.system.statistics.song_paused(interaction.guild_id or 0, interaction.user.id)
        await interaction.response.send_message("Paused.")

    @app_commands.command(description="The words of this song")
    async def lyrics(self, interaction: AnyInteraction) -> None:
        await self.bot.work(0.05, 0.2)
        self._lyrics += 1
        if self._lyrics % _ONE_LYRICS_IN == 0:
            raise LookupError("the lyrics service did not answer")
        await interaction.response.send_message("La la la")

    @app_commands.command(description="Empty the queue")
    @app_commands.checks.has_permissions(manage_messages=True)
    async def clear(self, interaction: AnyInteraction) -> None:
        self.bot.queue.clear()
        await interaction.response.send_message("The queue is empty.")

    @commands.hybrid_command(description="How loud")
    async def volume(self, context: AnyContext, percent: commands.Range[int, 0, 200]) -> None:
        await context.send(f"Volume {percent} %")

    @commands.command()
    async def np(self, context: AnyContext) -> None:
        """What plays now."""
        await context.send(self.bot.queue[0] if self.bot.queue else "Nothing is playing.")

    async def _play_message(self, interaction: AnyInteraction, message: discord.Message) -> None:
        await self._start(interaction, message.content)
        await interaction.response.send_message("Added to the queue.", ephemeral=True)

    async def _start(self, interaction: AnyInteraction, song: str) -> None:
        self.bot.queue.append(song)
        await self.bot.system.statistics.song_played(
            interaction.guild_id or 0, SONGS.get(song, 200), interaction.user.id
        )
