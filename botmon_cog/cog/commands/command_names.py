"""Which commands a bot has, and which were used: what a name that somebody typed is held against."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.discord_ui.desk import Desk

_PACKAGE = f"{__name__.partition('.')[0]}."
KNOWN_FOR = timedelta(days=90)
"""What was not used for longer is forgotten."""


async def known_commands(desk: Desk, guild_id: str | None) -> set[str]:
    """The names of all commands that can be used in a guild or were; of the whole bot without one.

    Raises:
        StorageError: the database can't be read.
    """
    used = await desk.system.store.reports.last_used(guild_id, desk.system.clock.now() - KNOWN_FOR)
    return {*used, *_in_tree(desk, guild_id), *_with_prefix(desk)}


def _in_tree(desk: Desk, guild_id: str | None) -> Iterator[str]:
    tree = desk.bot.tree
    guilds = [None] if guild_id is None else [None, discord.Object(int(guild_id))]
    for guild in guilds:
        for command in tree.walk_commands(guild=guild):
            if isinstance(command, app_commands.Command) and not _is_ours(command):
                yield command.qualified_name
        for kind in (discord.AppCommandType.user, discord.AppCommandType.message):
            yield from (menu.name for menu in tree.get_commands(guild=guild, type=kind))


def _with_prefix(desk: Desk) -> Iterator[str]:
    """Not those that are hidden: a server's admins need not know them."""
    for command in desk.bot.walk_commands():
        if not (command.hidden or any(parent.hidden for parent in command.parents) or _is_ours(command)):
            yield command.qualified_name


def _is_ours(command: app_commands.Command[Any, ..., Any] | commands.Command[Any, ..., Any]) -> bool:
    """Our own commands are in no report."""
    return command.callback.__module__.startswith(_PACKAGE)
