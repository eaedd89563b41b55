"""`copy`: a whole history moved to another database, and held against the old one."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from botmon_cog.cli.console import make_console
from botmon_cog.cli.databases import to_read, to_write
from botmon_cog.cli.progress import progress
from botmon_cog.config import Config, load_config
from botmon_cog.database_url import is_postgres
from botmon_cog.domain import text
from botmon_cog.storage.upkeep.copying import Copy, fingerprint, newest_ids, refuse_source, refuse_target

if TYPE_CHECKING:
    from rich.console import Console

    from botmon_cog.storage.upkeep.comparing import Comparison

_FAILED = 1
_MEANWHILE = (
    "Meanwhile something wrote to the source, and that is not in the copy. To move for good, stop the bot, and copy to "
    "an empty database once more."
)


def run(arguments: argparse.Namespace) -> int:
    """Copy; what was interrupted goes on where it was. 1 where the two sides are not the same in the end.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: rich is not installed, or the driver of the server is not.
        StorageError: one of the two can't be used, or failed.
    """
    console = make_console(None)
    try:
        is_same = asyncio.run(_copy(arguments.source, arguments.target, console))
    except KeyboardInterrupt:
        sys.stderr.write("botmon: interrupted; the same command goes on from here\n")
        raise
    return 0 if is_same else _FAILED


async def _copy(from_url: str, to_url: str, console: Console) -> bool:
    config = load_config()
    source = to_read(from_url, config, is_upgraded=True)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(source.close)
        await refuse_source(source)
        known = await fingerprint(source)
        await _look_at_target(to_url, known, config)
        target = to_write(to_url, config, is_new=True)
        stack.push_async_callback(target.close)
        await target.open()
        async with source.snapshot() as seen:
            is_same = await _copy_seen(Copy(seen, source.engine, target, fingerprint=known), console)
            before = await newest_ids(seen)
        if is_same and await newest_ids(source.rows) != before:
            console.print(_MEANWHILE, style="bold yellow", soft_wrap=True)
        elif is_same:
            console.print("The bot can use the new database now.", style="bold green")
    return is_same


async def _copy_seen(work: Copy, console: Console) -> bool:
    """Copy the source as it is at one moment; whether both sides are the same."""
    total, done = await work.begin()
    if done:
        told = f"{text.count(done)} of {text.count(total)} rows were copied before."
        console.print(f"Going on: {told}", soft_wrap=True)
    with progress(console, "copying rows", total) as advance:
        advance(done)
        await work.copy(advance)
    with progress(console, "verifying rows", total) as advance:
        compared = await work.verify(advance)
    is_same = not any(comparison.differences for comparison in compared)
    if is_same:
        await work.finish()
    _print(console, compared, await work.not_copied())
    return is_same


async def _look_at_target(url: str, source: str, config: Config) -> None:
    """Refuse it before anything in it is made or upgraded."""
    if not is_postgres(url) and not _exists(url):
        return
    target = to_read(url, config, is_upgraded=False)
    try:
        await target.open()
        await refuse_target(target, source)
    finally:
        await target.close()


def _exists(file: str) -> bool:
    return Path(file).exists()


def _print(console: Console, compared: list[Comparison], others: list[str]) -> None:
    from rich.table import Table  # noqa: PLC0415 (an extra)

    drawn = Table(box=None, padding=(0, 1, 0, 0), show_edge=False)
    drawn.add_column("table")
    for title in ("rows there", "rows here", "whole numbers", "others"):
        drawn.add_column(title, justify="right", overflow="fold")
    drawn.add_column("the same")
    for one in compared:
        there, here = one.source, one.target
        integers, reals = sum(here.integers.values()), sum(here.reals.values())
        same = "no" if one.differences else "yes"
        sums = f"{integers:,}", f"{reals:,.3f}" if here.reals else ""
        drawn.add_row(one.table, f"{there.n:,}", f"{here.n:,}", *sums, same)
    console.print(drawn)
    losses = [loss for one in compared for loss in one.losses]
    differences = [difference for one in compared for difference in one.differences]
    if others:
        losses.append(f"not ours, and so not copied: {', '.join(others)}")
    for title, lines in (("What could not be taken along", losses), ("What differs", differences)):
        if lines:
            console.print()
            console.print(f"{title}:", style="bold")
            for line in lines:
                console.print(f"  {text.clean(line)}", soft_wrap=True)
    console.print()
    n = text.count(sum(one.target.n for one in compared))
    if differences:
        console.print(
            "Not the same: something wrote to one of the two between two runs of this copy, or writes to the target. "
            "Stop the bot, empty the target, and copy again.",
            style="bold red",
            soft_wrap=True,
        )
    else:
        console.print(f"Done: {n} rows, the same on both sides.", style="bold green")
