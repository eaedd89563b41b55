"""`forget` from the command line."""

from __future__ import annotations

import argparse
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import discord

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console
from botmon_cog.cli.forget.discord_commands import find_commands, logged_in
from botmon_cog.cli.forget.files import find_files
from botmon_cog.cli.forget.left import Found
from botmon_cog.cli.program import TOKEN_VARIABLE, program_name
from botmon_cog.config import DEFAULT_FILE, ENV_FILE, Config, load_config
from botmon_cog.database_url import is_postgres
from botmon_cog.domain import text
from botmon_cog.errors import StorageError

if TYPE_CHECKING:
    from rich.console import Console

_FAILED = 1


def run(arguments: argparse.Namespace) -> int:
    """Show what is left, or remove it; returns 1 if a bot still uses it or some of it can't be removed.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: the driver of the server is not installed.
        StorageError: the server can't be reached.
        DiscordError: Discord can't be asked.
    """
    return interrupts.run(_forget(arguments, make_console(None)))


async def _forget(arguments: argparse.Namespace, console: Console) -> int:
    config = load_config()
    url: str = arguments.database or config.storage.url
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    async with AsyncExitStack() as stack:
        found, application_id = Found(), None
        if token:
            bot = await stack.enter_async_context(logged_in(token))
            application_id = bot.application_id
            found.add(await find_commands(bot))
        else:
            found.notes.append(f"Commands at Discord were not looked at: set {TOKEN_VARIABLE} to your bot's token.")
        if is_postgres(url):
            from botmon_cog.cli.forget.schema import find_schema  # noqa: PLC0415 (an extra)

            found.add(await find_schema(url, config, application_id))
        found.add(find_files(url, config, application_id))
        found.kept += _yours(config)
        _print(console, found)
        if not found.left:
            console.print("Nothing of botmon's is left here.", style="bold green")
            return 0
        if not arguments.yes:
            command = f"{program_name()} forget{' --database …' if arguments.database else ''} --yes"
            console.print(f"Nothing was removed. To remove it, stop the bot, then: {command}", soft_wrap=True)
            return 0
        return await _remove(console, found)


async def _remove(console: Console, found: Found) -> int:
    used = [left.name for left in found.left if await left.is_used()]
    if used:
        console.print(f"A bot is using {', '.join(used)}. Stop it first; nothing was removed.", style="bold red")
        return _FAILED
    failed = 0
    for left in found.left:
        try:
            await left.remove()
        except discord.NotFound:  # somebody was faster
            continue
        except (StorageError, discord.HTTPException, aiohttp.ClientError, OSError) as error:
            failed += 1
            console.print(f"Not removed: {left.name}: {error}", style="bold red", soft_wrap=True)
    n = len(found.left) - failed
    if n:
        console.print(f"Removed: {n} {text.plural(n, 'thing', 'things')}.", style="bold green")
    if not failed:
        console.print("The package itself: pip uninstall botmon-cog")
    return _FAILED if failed else 0


def _yours(config: Config) -> list[tuple[str, str]]:
    """What the extension was told to use, and its owner has to decide on."""
    yours: list[tuple[str, str]] = []
    file = Path(os.environ.get(ENV_FILE) or DEFAULT_FILE)
    if file.exists():
        yours.append((str(file), "your configuration"))
    if config.host.database and Path(config.host.database).exists():
        yours.append((config.host.database, "your bot's own database: what was added to its tables stays in it"))
    if config.log.file and Path(config.log.file).exists():
        yours.append((config.log.file, "the log file"))
    return yours


def _print(console: Console, found: Found) -> None:
    lists = (
        ("Made by botmon:", [(left.name, left.what) for left in found.left]),
        ("Stays, also with --yes:", found.kept),
    )
    for title, rows in lists:
        if rows:
            console.print(title, style="bold")
            _print_rows(console, rows)
            console.print()
    for note in found.notes:
        console.print(note, style="yellow", soft_wrap=True)
    if found.notes:
        console.print()


def _print_rows(console: Console, rows: list[tuple[str, str]]) -> None:
    width = max(text.columns(text.clean(name)) for name, _ in rows)
    for name, what in rows:
        console.print(f"  {text.pad(text.clean(name), width)}  {text.clean(what)}", soft_wrap=True)
