"""`rebuild`: the roll-ups counted anew from the log, beside a running bot."""

from __future__ import annotations

import argparse
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console
from botmon_cog.cli.databases import to_write
from botmon_cog.cli.output import complain
from botmon_cog.cli.program import program_name
from botmon_cog.cli.progress import progress
from botmon_cog.config import load_config
from botmon_cog.domain import text
from botmon_cog.domain.rollup import iso_date
from botmon_cog.store.engine import Engine
from botmon_cog.store.rollup import RollUps
from botmon_cog.store.tools.proof import first_provable_day
from botmon_cog.store.tools.rebuild import begin_rebuild

if TYPE_CHECKING:
    from rich.console import Console


def run(arguments: argparse.Namespace) -> int:
    """Rebuild the roll-ups; returns 0.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: the driver of the server is not installed.
        StorageError: there is no such database, or it failed; what was counted is counted.
    """
    console = make_console(None)
    try:
        interrupts.run(_rebuild(arguments, console))
    except KeyboardInterrupt:
        complain(f"{program_name()}: interrupted; the bot, the next report, or the same command goes on from here")
        raise
    return 0


async def _rebuild(arguments: argparse.Namespace, console: Console) -> None:
    config = load_config()
    engine = to_write(arguments.database or config.storage.url, config)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        await engine.open()
        with progress(console, "clearing", None):
            is_new = await engine.write(begin_rebuild())
        if not is_new:
            console.print("Going on with the rebuild that was begun before.")
        counted = await _count(engine, console)
        first = await engine.read(first_provable_day())
    rows = f"{text.count(counted)} {text.plural(counted, 'row', 'rows')}"
    since = f" Days before {iso_date(first)} are no longer in the log; theirs were kept." if first else ""
    console.print(f"Done: the roll-ups match the log, {rows} counted.{since}", style="bold green", soft_wrap=True)


async def _count(engine: Engine, console: Console) -> int:
    """Roll up all that is there by now; returns how many rows it was."""
    rollups = RollUps(engine)
    total = await rollups.rows_behind()
    counted = 0
    with progress(console, "counting rows", total) as advance:
        while counted < total and (n := await rollups.lot()):
            counted += n
            advance(n)
    return counted
