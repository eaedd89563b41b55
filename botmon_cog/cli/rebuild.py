"""`rebuild`: the roll-ups computed anew, day by day, beside a running bot."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import date
from typing import TYPE_CHECKING

from botmon_cog.cli.console import make_console
from botmon_cog.cli.databases import to_write
from botmon_cog.cli.progress import progress
from botmon_cog.config import load_config
from botmon_cog.domain import text
from botmon_cog.domain.rollup import iso_date
from botmon_cog.errors import ConfigError
from botmon_cog.storage.upkeep.rebuild_run import RebuildRun

if TYPE_CHECKING:
    from rich.console import Console

_EPOCH = date(1970, 1, 1)


def run(arguments: argparse.Namespace) -> int:
    """Rebuild; what was interrupted goes on where it was.

    Raises:
        ConfigError: the configuration is wrong, or the last day comes before the first.
        MissingExtraError: rich is not installed, or the driver of the server is not.
        StorageError: there is no such database, or it failed; the days that were done are done.
    """
    console = make_console(None)
    first, last = _day(arguments.first), _day(arguments.last)
    if first is not None and last is not None and last < first:
        raise ConfigError("the command line", None, "--to comes before --from")
    try:
        asyncio.run(_rebuild(arguments, first, last, console))
    except KeyboardInterrupt:
        sys.stderr.write("botmon: interrupted; the same command goes on from here\n")
        raise
    return 0


def _day(given: date | None) -> int | None:
    return None if given is None else (given - _EPOCH).days


async def _rebuild(arguments: argparse.Namespace, first: int | None, last: int | None, console: Console) -> None:
    config = load_config()
    storage = to_write(arguments.database or config.storage.url, config, is_new=False)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(storage.close)
        await storage.open()
        work = RebuildRun(storage, first=first, last=last)
        await work.plan(is_restart=arguments.restart)
        if work.done_before:
            told = f"{text.count(work.done_before)} {text.plural(work.done_before, 'day was', 'days were')}"
            console.print(f"Going on: {told} done before; --restart begins anew.", soft_wrap=True)
        with progress(console, "rebuilding days", len(work.days)) as advance:
            for day in work.days:
                await work.rebuild_day(day)
                advance(1)
        await work.finish()
    console.print(_summary(work), style="bold green", soft_wrap=True)


def _summary(work: RebuildRun) -> str:
    n = len(work.days)
    if not n:
        return (
            "Nothing is left to do: there is no day of which all raw rows are there."
            if not work.done_before
            else "Done."
        )
    span = iso_date(work.days[0]) if n == 1 else f"{iso_date(work.days[0])} to {iso_date(work.days[-1])}"
    return f"Done: the roll-ups of {text.count(n)} {text.plural(n, 'day', 'days')} ({span}) are what the raw rows say."
