"""`vacuum`: give what is free in a database back to the file system."""

from __future__ import annotations

import argparse
from contextlib import AsyncExitStack

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console
from botmon_cog.cli.databases import to_write
from botmon_cog.cli.progress import progress
from botmon_cog.clock import SystemClock
from botmon_cog.config import load_config
from botmon_cog.domain import text
from botmon_cog.store.cleaner import Cleaner
from botmon_cog.store.log import RunKey
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.store import Store


def run(arguments: argparse.Namespace) -> int:
    """Make a database as small as what it holds.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: the driver of the server is not installed.
        StorageError: there is no such database, or another process has locked it.
    """
    interrupts.run(_vacuum(arguments))
    return 0


async def _vacuum(arguments: argparse.Namespace) -> None:
    console = make_console(None)
    config = load_config()
    engine = to_write(arguments.database or config.storage.url, config)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        before = await engine.ping()
        if isinstance(engine, SqliteEngine):
            clock = SystemClock()
            cleaner = Cleaner(Store(engine, RunKey.new(config.instance, clock.now())), clock, config.retention)
            with progress(console, "giving back pages", await cleaner.free_pages()) as advance:
                await cleaner.give_back(advance)
        else:
            with progress(console, "vacuuming tables", None):
                await engine.vacuum()
        after = await engine.ping()
    console.print(f"{engine.description}: {text.bytes_(before)} before, {text.bytes_(after)} now.", soft_wrap=True)
