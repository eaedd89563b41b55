"""The bot under test: its commands answer at once and do nothing else."""

from __future__ import annotations

import asyncio
import time

import discord
from _answers import Session
from _payloads import BOT_ID, GUILDS, guild, user
from discord import app_commands
from discord.ext import commands


class Callbacks:
    """When callbacks began and ended.

    Attributes:
        sent: interaction id to when it was given to discord.py; perf_counter seconds.
        waited: seconds from there to the first line of the callback.
    """

    def __init__(self) -> None:
        self.sent: dict[int, float] = {}
        self.waited: list[float] = []
        self._to_end = 0
        self._ended = asyncio.Event()

    def after(self, n: int) -> asyncio.Event:
        """An event that is set when `n` more have ended."""
        self._to_end = n
        self._ended = asyncio.Event()
        return self._ended

    def began(self, interaction: discord.Interaction) -> None:
        self.waited.append(time.perf_counter() - self.sent.pop(interaction.id))

    def end(self) -> None:
        self._to_end -= 1
        if not self._to_end:
            self._ended.set()


async def make_bot(session: Session) -> tuple[commands.Bot, Callbacks]:
    """A bot that has logged in and knows its guilds, without a connection."""
    bot = commands.Bot("!", intents=discord.Intents.default(), help_command=None)
    await bot._async_setup_hook()  # noqa: SLF001 (what login() does before it goes to Discord)
    state = bot._connection  # noqa: SLF001 (the gateway's end of it)
    state.http._HTTPClient__session = session  # noqa: SLF001 (where discord.py keeps it)
    state.user = discord.ClientUser(state=state, data=user(BOT_ID, bot=True))
    state.application_id = BOT_ID
    for number in range(GUILDS):
        state.parse_guild_create(guild(number))
    callbacks = Callbacks()
    _add_commands(bot, callbacks)
    bot._ready.set()  # noqa: SLF001 (what the gateway's READY leads to)
    return bot, callbacks


def _add_commands(bot: commands.Bot, callbacks: Callbacks) -> None:
    @bot.tree.command(description="Answer")
    async def ping(interaction: discord.Interaction) -> None:
        callbacks.began(interaction)
        await interaction.response.send_message("Pong")
        callbacks.end()

    @bot.tree.command(description="Say it again")
    async def echo(interaction: discord.Interaction, text: str, times: int) -> None:
        callbacks.began(interaction)
        await interaction.response.send_message(text * times, ephemeral=True)
        callbacks.end()

    @bot.tree.command(description="Somebody's profile")
    async def profile(interaction: discord.Interaction, who: discord.Member) -> None:
        callbacks.began(interaction)
        embed = discord.Embed(title=who.display_name).add_field(name="Joined", value=str(who.joined_at))
        await interaction.response.send_message(embed=embed)
        callbacks.end()

    queue = app_commands.Group(name="queue", description="The songs to come")

    @queue.command(description="Add a song")
    async def add(interaction: discord.Interaction, song: str) -> None:
        callbacks.began(interaction)
        await interaction.response.send_message(f"Added {song}")
        callbacks.end()

    bot.tree.add_command(queue)
