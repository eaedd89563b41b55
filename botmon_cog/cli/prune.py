"""`prune`: what the extension does every hour, done now."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console
from botmon_cog.cli.databases import to_read, to_write
from botmon_cog.cli.progress import progress
from botmon_cog.clock import SystemClock
from botmon_cog.config import RetentionConfig, load_config
from botmon_cog.domain import text
from botmon_cog.store.ages import PATIENCE_MS, Ages
from botmon_cog.store.cleaner import Cleaner
from botmon_cog.store.log import RunKey
from botmon_cog.store.records import moment
from botmon_cog.store.retention import in_words
from botmon_cog.store.store import Store

if TYPE_CHECKING:
    from rich.console import Console

KEYS = ("raw_days", "people_days", "rollup_days", "health_days")


def run(arguments: argparse.Namespace) -> int:
    """Remove what is too old, or say what that would be.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: the driver of the server is not installed.
        StorageError: there is no such database, or it can't be read or written.
    """
    console = make_console(None)
    interrupts.run(_prune(arguments, console))
    return 0


async def _prune(arguments: argparse.Namespace, console: Console) -> None:
    config = load_config()
    given = {key: days for key in KEYS if (days := getattr(arguments, key)) is not None}
    kept = msgspec.structs.replace(config.retention, **given)
    url = arguments.database or config.storage.url
    engine = to_read(url, config) if arguments.dry_run else to_write(url, config)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        await engine.open()
        store = Store(engine, RunKey.new(config.instance, clock.now()))
        cleaner = Cleaner(store, clock, kept)
        if arguments.dry_run:
            await _tell(console, cleaner, kept)
        else:
            await _remove(console, cleaner, store)


async def _tell(console: Console, cleaner: Cleaner, kept: RetentionConfig) -> None:
    found = [(cut, n) for cut, n in await cleaner.preview() if n]
    for cut, n in found:
        console.print(f"  {in_words(cut.aged.table.name, n)} from before {moment(cut.end_ms):%Y-%m-%d}", style="dim")
    total = text.count(sum(n for _, n in found))
    console.print(f"{total} rows are too old (days in UTC). Nothing was removed." if found else "Nothing is too old.")
    _tell_doubt(console, await cleaner.ages())
    excess = await cleaner.excess_bytes()
    if excess:
        console.print(
            f"The database is {text.bytes_(excess)} above the {kept.disk_cap_mb:,} MB of [retention] disk_cap_mb. If "
            "that does not free enough, the oldest single rows go too."
        )


async def _remove(console: Console, cleaner: Cleaner, store: Store) -> None:
    total = sum(n for _, n in await cleaner.preview())
    with progress(console, "pruning", total) as advance:
        removed = await cleaner.clean(advance)
    _print_lines(console, (in_words(name, n) for name, n in removed.items()))
    size = text.bytes_(await store.engine.ping())
    n = sum(removed.values())
    said = f"{text.count(n)} {text.plural(n, 'row', 'rows')} removed" if n else "Nothing is too old"
    console.print(f"{said}; the database takes {size}.")
    _tell_doubt(console, await cleaner.ages())


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(f"  {line}", style="dim")


def _tell_doubt(console: Console, ages: Ages) -> None:
    if ages.doubted_at_ms is None:
        return
    last = "never" if ages.as_of_ms is None else f"last on {moment(ages.as_of_ms):%Y-%m-%d}"
    console.print(
        f"What has grown old since the last clean-up ({last}) is kept for now, in case the clock is wrong. Prune again "
        f"after {moment(ages.doubted_at_ms + PATIENCE_MS):%Y-%m-%d %H:%M} UTC to remove it."
    )
