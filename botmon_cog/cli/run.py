"""`run`: a bot that has nothing but the extension."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import aiohttp
import discord
from discord.ext import commands

from botmon_cog.cli.program import TOKEN_VARIABLE
from botmon_cog.errors import BotMonError

EXTENSION = "botmon_cog"

_log = logging.getLogger(__name__)


class CannotStartError(BotMonError):
    """The bot can't be started; the message says what to do."""


class MonitoredBot(commands.Bot):
    """Loads the extension when it starts."""

    def __init__(self, intents: discord.Intents, *, is_syncing: bool) -> None:
        super().__init__(commands.when_mentioned, intents=intents, help_command=None)
        self._is_syncing = is_syncing

    async def setup_hook(self) -> None:
        await self.load_extension(EXTENSION)
        if self._is_syncing:
            synced = await self.tree.sync()
            _log.info("synced %d commands; Discord shows them at once", len(synced))

    async def on_ready(self) -> None:
        _log.info("ready as %s in %d servers", self.user, len(self.guilds))


def run(*, is_syncing: bool, has_message_content: bool) -> int:
    """Run until SIGTERM or Ctrl-C.

    Raises:
        CannotStartError: the token is missing or refused, an intent is, or Discord can't be reached.
        BotMonError: the extension can't be loaded.
    """
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise CannotStartError(
            f"set the environment variable {TOKEN_VARIABLE} to your bot's token "
            "(https://discord.com/developers/applications, under Bot)"
        )
    discord.utils.setup_logging()
    intents = discord.Intents.default()
    intents.message_content = has_message_content
    asyncio.run(_run(MonitoredBot(intents, is_syncing=is_syncing), token))
    return 0


async def _run(bot: commands.Bot, token: str) -> None:
    task = asyncio.create_task(start(bot, token))
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    except NotImplementedError:  # Windows ends the process at once; what waits longer than linger_ms is on disk by then
        _log.debug("no handler for SIGTERM on this platform")
    await asyncio.wait([task])
    if not task.cancelled():
        await task


async def start(bot: commands.Bot, token: str) -> None:
    """Run the bot until it is closed or cancelled.

    Raises:
        CannotStartError: the token is refused, an intent is, or Discord can't be reached.
        BotMonError: the extension can't be loaded.
    """
    try:
        async with bot:
            await bot.start(token)
    except discord.LoginFailure as error:
        raise CannotStartError(f"Discord refuses the token in {TOKEN_VARIABLE}; copy it again") from error
    except discord.PrivilegedIntentsRequired as error:
        raise CannotStartError(
            "Discord refuses the message content intent: enable it for this application "
            "(https://discord.com/developers/applications, under Bot), or leave --message-content out"
        ) from error
    except (aiohttp.ClientError, OSError, discord.HTTPException, discord.ConnectionClosed) as error:
        raise CannotStartError(f"can't reach Discord: {error}") from error
    except commands.ExtensionFailed as error:
        if isinstance(error.original, BotMonError):
            raise error.original from error
        raise
