"""`vacuum`: give what is free in a database back to the file system."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from botmon_cog.cli.console import make_console
from botmon_cog.cli.progress import progress
from botmon_cog.clock import SystemClock
from botmon_cog.config import Config, load_config
from botmon_cog.database_url import is_postgres, sqlite_path
from botmon_cog.domain import text
from botmon_cog.runtime import make_storage
from botmon_cog.storage.sqlite.vacuum import VacuumedFile
from botmon_cog.storage.upkeep.maintained import VACUUM_POSTGRES

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_S = 86_400.0
"""For one table of PostgreSQL."""


def run(arguments: argparse.Namespace) -> int:
    """Make a database as small as what it holds.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: rich is not installed, or the driver of the server that is named.
        StorageError: there is no such database, another process has locked it, or the disk is too small for it.
    """
    console = make_console(None)
    config = load_config()
    url = arguments.database or config.storage.url
    if is_postgres(url):
        asyncio.run(_vacuum_server(url, config, console))
    else:
        _vacuum_file(Path(sqlite_path(url)), config, console)
    return 0


def _vacuum_file(path: Path, config: Config, console: Console) -> None:
    with VacuumedFile(path, config.storage.busy_timeout_s) as file:
        before = file.size_bytes
        if file.can_shrink:
            with progress(console, "giving back pages", file.free_pages) as advance:
                asyncio.run(file.give_back(SystemClock(), advance))
        else:
            with progress(console, "rewriting the file", None):
                file.rewrite()
            console.print("The file was written anew; from now on it can shrink in small steps.", style="dim")
        if not file.empty_log():
            console.print("Another process is reading: its log is emptied, and the file shrinks, once it is done.")
    console.print(f"{path}: {text.bytes_(before)} before, {text.bytes_(file.size_bytes)} now.", soft_wrap=True)


async def _vacuum_server(url: str, config: Config, console: Console) -> None:
    patient = msgspec.structs.replace(config.storage, command_timeout_s=_LONGEST_S)
    storage = make_storage(url, msgspec.structs.replace(config, storage=patient))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(storage.close)
        before = await storage.ping()
        with progress(console, "vacuuming tables", len(VACUUM_POSTGRES)) as advance:
            for statement in VACUUM_POSTGRES:
                await storage.execute(statement, {})
                advance(1)
        after = await storage.ping()
        console.print(f"{storage.description}: {text.bytes_(before)} before, {text.bytes_(after)} now.", soft_wrap=True)
