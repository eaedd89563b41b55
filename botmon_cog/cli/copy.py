"""`copy`: a whole history moved to another database, and held against the old one."""

from __future__ import annotations

import argparse
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from rich.table import Table

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console
from botmon_cog.cli.databases import to_read, to_write, waiting
from botmon_cog.cli.output import complain
from botmon_cog.cli.program import program_name
from botmon_cog.cli.progress import progress
from botmon_cog.config import Config, load_config
from botmon_cog.domain import text
from botmon_cog.errors import SpoolError, StorageError
from botmon_cog.store.engine import Engine
from botmon_cog.store.tools.copy import (
    Comparison,
    Reading,
    begin_copy,
    compare,
    copy_rows,
    count_rows,
    fingerprint,
    finish_copy,
    position,
)

if TYPE_CHECKING:
    from rich.console import Console


_FAILED = 1


def run(arguments: argparse.Namespace) -> int:
    """Copy; what was interrupted goes on from there. Returns 1 if the two sides are not the same in the end.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: the driver of the server is not installed.
        StorageError: one of the two can't be used, or failed.
    """
    console = make_console(None)
    try:
        is_same = interrupts.run(_copy(arguments.source, arguments.target, console))
    except KeyboardInterrupt:
        complain(f"{program_name()}: interrupted; the same command goes on from here")
        raise
    return 0 if is_same else _FAILED


async def _copy(from_url: str, to_url: str, console: Console) -> bool:
    config = load_config()
    source = to_read(from_url, config)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(source.close)
        known = await source.read(fingerprint())
        target = to_write(to_url, config, is_new=True)
        stack.push_async_callback(target.close)
        if await target.write(begin_copy(known)):
            console.print("Going on with the copy that was begun before.")
        async with source.snapshot() as seen:
            before = await seen.read(position())
            is_same = await _copy_seen(seen, target, console)
        has_moved = await source.read(position()) != before
    if not is_same:
        return False
    _print_end(console, left=_left(from_url, config), has_moved=has_moved)
    return True


def _left(url: str, config: Config) -> str | None:
    """What the source is yet to get from its spool, in words; None if that is nothing."""
    try:
        spool = waiting(url, config)
    except (SpoolError, StorageError) as error:
        return f"The spool of the source can't be read: {error}"
    if spool is None or not spool.rows:
        return None
    rows = f"{text.count(spool.rows)} {text.plural(spool.rows, 'row is', 'rows are')}"
    return f"{rows} still in the spool of the source, and not in the copy; a bot that starts there stores them"


async def _copy_seen(source: Reading, target: Engine, console: Console) -> bool:
    """Copy the source as it is at one moment; returns whether both sides are the same."""
    total = await source.read(count_rows())
    with progress(console, "copying rows", total) as advance:
        advance(await target.read(count_rows()))
        await copy_rows(source, target, advance)
    with progress(console, "verifying rows", total) as advance:
        compared = await compare(source, target, advance)
    is_same = not any(comparison.differences for comparison in compared)
    if is_same:
        await target.write(finish_copy())
    _print(console, compared)
    return is_same


def _print(console: Console, compared: list[Comparison]) -> None:
    drawn = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    drawn.add_column("table")
    for title in ("source", "target"):
        drawn.add_column(title, justify="right")
    drawn.add_column("same")
    for one in compared:
        drawn.add_row(one.table, f"{one.source.n:,}", f"{one.target.n:,}", "no" if one.differences else "yes")
    console.print(drawn)
    console.print()
    differences = [difference for one in compared for difference in one.differences]
    if not differences:
        n = text.count(sum(one.target.n for one in compared))
        console.print(f"Done: {n} rows, the same on both sides.", style="bold green")
        return
    for difference in differences:
        console.print(f"  {difference}", soft_wrap=True)
    console.print(
        "Not the same: something wrote to one of the two between two runs of this copy, or writes to the target. "
        "Stop the bot, empty the target, and copy again.",
        style="bold red",
        soft_wrap=True,
    )


def _print_end(console: Console, *, left: str | None, has_moved: bool) -> None:
    if left is not None:
        console.print(f"{left}.", style="bold yellow", soft_wrap=True)
    if has_moved:
        console.print(
            "A bot wrote to the source meanwhile, and that is not in the copy. To move for good, stop the bot, and "
            "copy to an empty database once more.",
            style="bold yellow",
            soft_wrap=True,
        )
    elif left is None:
        console.print("The bot can use the new database now.", style="bold green")
