"""`prune`: what the extension does every hour, done now."""

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
from botmon_cog.config import Config, RetentionConfig, load_config
from botmon_cog.database_url import is_postgres, sqlite_path
from botmon_cog.domain import text
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.janitor import Janitor
from botmon_cog.runtime import make_storage
from botmon_cog.storage.sqlite.readonly import ReadOnlyStorage, check_current

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from botmon_cog.runtime import AnyStorage

KEYS = ("raw_days", "hourly_days", "daily_days", "health_days")


def run(arguments: argparse.Namespace) -> int:
    """Remove what is too old, or say what that would be.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: rich is not installed, or the driver of the server that is named.
        StorageError: there is no such database, or it can't be read or written.
    """
    console = make_console(None)
    asyncio.run(_prune(arguments, console))
    return 0


async def _prune(arguments: argparse.Namespace, console: Console) -> None:
    config = load_config()
    given = {key: days for key in KEYS if (days := getattr(arguments, key)) is not None}
    kept = msgspec.structs.replace(config.retention, **given)
    storage = _storage(arguments.database or config.storage.url, config, is_read_only=arguments.dry_run)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(storage.close)
        await storage.open()
        clock = SystemClock()
        janitor = Janitor(storage, clock, kept, Failures(clock))
        if arguments.dry_run:
            await _tell(console, janitor, kept)
        else:
            await _remove(console, janitor, storage)


def _storage(url: str, config: Config, *, is_read_only: bool) -> AnyStorage:
    if is_postgres(url):
        return make_storage(url, config)
    file = Path(sqlite_path(url))
    if is_read_only:
        return ReadOnlyStorage(file, instance=config.instance, busy_timeout_s=config.storage.busy_timeout_s)
    check_current(file, config.storage.busy_timeout_s)
    return make_storage(url, config)


async def _tell(console: Console, janitor: Janitor, kept: RetentionConfig) -> None:
    found = [(cut.table.name, n, f"from before {cut.end:%Y-%m-%d}") for cut, n in await janitor.preview() if n]
    _print_counts(console, found)
    n = sum(n for _, n, _ in found)
    console.print(f"{_rows(n)} would go, by days of UTC. Nothing was changed." if n else "Nothing is too old.")
    excess = await janitor.excess_bytes()
    if excess:
        console.print(
            f"The database takes {text.bytes_(excess)} more than the {kept.disk_cap_mb:,} MB of [retention] "
            "disk_cap_mb: where that does not suffice, the oldest single rows would go too."
        )


async def _remove(console: Console, janitor: Janitor, storage: AnyStorage) -> None:
    total = sum(n for _, n in await janitor.preview())
    with progress(console, "pruning", total) as advance:
        removed = await janitor.clean(advance)
    _print_counts(console, ((name, n, "removed") for name, n in removed.items()))
    size = text.bytes_(await storage.ping())
    n = sum(removed.values())
    console.print(f"{_rows(n)} removed; the database takes {size}." if n else f"Nothing is too old; it takes {size}.")


def _print_counts(console: Console, counts: Iterable[tuple[str, int, str]]) -> None:
    for name, n, what in counts:
        console.print(f"  {name:<15} {text.count(n):>12} {text.plural(n, 'row ', 'rows')} {what}", style="dim")


def _rows(n: int) -> str:
    return f"{text.count(n)} {text.plural(n, 'row', 'rows')}"
