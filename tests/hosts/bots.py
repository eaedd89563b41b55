"""Hosts as they are found in the field, each with commands of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands


class Host(commands.Bot):
    """A bot with handlers of its own.

    Attributes:
        heard: what its handlers were called with.
        extensions_wanted: what it loads besides its own cogs.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("!", intents=discord.Intents.all(), help_command=None, **options)
        self.heard: list[tuple[str, str]] = []
        self.extensions_wanted: Sequence[str] = ()
        self.tree.error(self.on_tree_error)

    async def on_tree_error(self, interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        self.heard.append(("tree", type(error).__name__))
        await interaction.response.send_message("Something went wrong.")

    async def on_command_error(self, context: commands.Context[Any], error: commands.CommandError) -> None:
        self.heard.append(("command", type(error).__name__))
        await context.send("Something went wrong.")

    async def on_app_command_completion(self, _: discord.Interaction, command: Any) -> None:
        self.heard.append(("completion", command.name))


class General(commands.Cog, name="general"):
    """With the `/help` of the template that is copied most."""

    def __init__(self, bot: commands.Bot) -> None:
        self.bot = bot

    @commands.hybrid_command(name="help", description="List all commands")
    async def help_(self, context: commands.Context[Any]) -> None:
        sections = []
        for name in self.bot.cogs:
            cog = self.bot.get_cog(name.lower())
            lines = [f"{command.name} - {command.description}" for command in cog.get_commands()]
            if lines:
                sections.append("\n".join([name.capitalize(), *lines]))
        await context.send("\n\n".join(sections))

    @commands.hybrid_command(description="Either way")
    async def both(self, context: commands.Context[Any]) -> None:
        await context.send("both")

    @commands.command()
    async def fail(self, context: commands.Context[Any]) -> None:
        raise ValueError("as it should")

    @app_commands.command(description="Slash only")
    async def slashed(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("slashed")

    @app_commands.command(description="Fails")
    async def broken(self, interaction: discord.Interaction) -> None:
        raise ValueError("as it should")


class Template(Host):
    """Loads everything in `setup_hook`, the extension after its own."""

    async def setup_hook(self) -> None:
        await self.add_cog(General(self))
        for extension in self.extensions_wanted:
            await self.load_extension(extension)


class Lazy(Host):
    """Loads its cogs in `on_ready`, if it has none yet, and the extension with them; a reconnect loads nothing."""

    loads_extensions_early = False

    async def setup_hook(self) -> None:
        self.loaded = asyncio.Event()
        if self.loads_extensions_early:
            await self._load_extensions()

    async def on_ready(self) -> None:
        if self.cogs != {}:
            return
        await self.add_cog(General(self))
        if not self.loads_extensions_early:
            await self._load_extensions()
        await self.tree.sync()
        self.loaded.set()

    async def _load_extensions(self) -> None:
        for extension in self.extensions_wanted:
            await self.load_extension(extension)


class EarlyLazy(Lazy):
    """Likewise, but it has loaded the extension before it was ready: then the extension's is its only cog."""

    loads_extensions_early = True


class Overriding(Template):
    """Counts what it invokes, and says goodbye when it closes."""

    async def invoke(self, context: commands.Context[Any], /) -> None:
        self.heard.append(("invoke", context.invoked_with or ""))
        await super().invoke(context)

    async def close(self) -> None:
        self.heard.append(("close", ""))
        await super().close()
