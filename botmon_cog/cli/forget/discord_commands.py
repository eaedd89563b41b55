"""Our commands at Discord, which stay there until somebody deletes them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.cli.forget.left import Found, Left, never
from botmon_cog.cog.commands.table import COMMANDS, make_command
from botmon_cog.discord_ui.responder import Responder
from botmon_cog.errors import BotMonError
from botmon_cog.setup_check.commands_at_discord import Shape, payload_of, shape

MOST_SERVERS = 200
"""Commands that were copied to single servers are looked for in so many."""


class DiscordError(BotMonError):
    """Discord can't be asked."""


@asynccontextmanager
async def logged_in(token: str) -> AsyncGenerator[commands.Bot, None]:
    """The bot of a token, without a connection to the gateway: it does not go online.

    Raises:
        DiscordError: the token is refused, or Discord can't be reached.
    """
    async with commands.Bot("!", intents=discord.Intents.none(), help_command=None) as bot:
        try:
            await bot.login(token)
            yield bot
        except discord.LoginFailure as error:
            raise DiscordError("Discord refuses the token in DISCORD_TOKEN; copy it again") from error
        except (aiohttp.ClientError, OSError, discord.HTTPException) as error:
            raise DiscordError(f"Discord can't be asked: {error}") from error


async def find_commands(bot: commands.Bot) -> Found:
    """Our commands at Discord, in direct messages and all servers, and those copied to single servers.

    Raises:
        aiohttp.ClientError, discord.HTTPException: Discord can't be asked.
    """
    found = Found()
    shapes = _our_shapes(bot)
    names = {spec.key for spec in COMMANDS}
    _sort(await bot.tree.fetch_commands(), shapes, names, "everywhere", found)
    servers = [server async for server in bot.fetch_guilds(limit=MOST_SERVERS + 1)]
    for server in servers[:MOST_SERVERS]:
        try:
            there = await bot.tree.fetch_commands(guild=server)
        except discord.Forbidden:  # the bot was invited there without its commands
            continue
        _sort(there, shapes, names, f"in {server.name}", found)
    if len(servers) > MOST_SERVERS:
        found.notes.append(f"Commands of single servers were looked for in the first {MOST_SERVERS} servers only.")
    return found


def _sort(
    there: Iterable[app_commands.AppCommand], shapes: set[Shape], names: set[str], where: str, found: Found
) -> None:
    for command in there:
        name = f"/{command.name}, {where}"
        if shape(payload_of(command)) in shapes:  # under whichever name
            found.left.append(Left(name=name, what="a command at Discord", remove=command.delete, is_used=never))
        elif command.name in names:
            found.kept.append((name, "your bot's own command, or one of another version of botmon"))


def _our_shapes(bot: commands.Bot) -> set[Shape]:
    responder = Responder(bot, cast("Any", None), cast("Any", None))  # nobody will use these commands
    return {shape(make_command(spec, responder, spec.key).to_dict(bot.tree)) for spec in COMMANDS}
