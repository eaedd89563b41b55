"""`history`: who used what, read from a database without a bot."""

from __future__ import annotations

import argparse
from contextlib import AsyncExitStack
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console, print_json
from botmon_cog.cli.databases import to_read
from botmon_cog.cli.program import program_name
from botmon_cog.clock import SystemClock
from botmon_cog.config import load_config
from botmon_cog.domain import text
from botmon_cog.domain.models import HistoryEntry
from botmon_cog.domain.past import past_moment
from botmon_cog.domain.report import Report
from botmon_cog.errors import BotMonError, ConfigError
from botmon_cog.history.pages import Pages
from botmon_cog.history.values import Asked
from botmon_cog.history.words import ENDED
from botmon_cog.monitors.settings import SettingsBook
from botmon_cog.store.reports import Reports
from botmon_cog.store.settings import SettingsStore

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_NAME = 40
_SHORTEST_WITH_SERVERS = 80
"""Columns: in fewer there is no room for the server's name."""


class UnknownHistoryError(BotMonError):
    """The database knows no such server."""


class HistoryList(Report, frozen=True, kw_only=True):
    """What `--json` prints."""

    guild_id: str | None
    """None: all servers, and direct messages."""
    entries: tuple[HistoryEntry, ...]
    """Newest first."""
    is_complete: bool
    """Whether nothing older fits."""


def run(arguments: argparse.Namespace) -> int:
    """List uses of commands; returns 0.

    Raises:
        ConfigError: the configuration is wrong, or `--since` can't be read.
        StorageError: there is no such database, or it can't be read.
        UnknownHistoryError: nothing is known of the server that was asked for.
    """
    interrupts.run(_list(arguments, None if arguments.json else make_console(arguments.width)))
    return 0


async def _list(arguments: argparse.Namespace, console: Console | None) -> None:
    config = load_config()
    engine = to_read(arguments.database or config.storage.url, config)
    guild_id: str | None = arguments.guild
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        zone = await SettingsBook(SettingsStore(engine), clock, config.reports).zone(guild_id)
        asked = Asked(
            guild_id=guild_id,
            command=arguments.used.lstrip("/") if arguments.used else None,
            outcome=arguments.outcome,
            user_id=arguments.user,
            since=_since(arguments.since, clock.now(), zone),
        )
        page = await Pages(engine, looks=None).page(asked, None, arguments.limit)
        name = None if guild_id is None else await Reports(engine).guild_name(guild_id)
        if guild_id is not None and name is None and not page.entries:
            raise UnknownHistoryError(
                f"nothing is known of a server {guild_id} in {engine.description}; "
                f"{program_name()} report weekly lists the busiest ones"
            )
    if console is None:
        print_json(HistoryList(guild_id=guild_id, entries=page.entries, is_complete=page.older is None))
    elif not page.entries:
        console.print("Nothing matches." if not asked.is_open else "Nothing recorded yet.")
    else:
        _print(console, page.entries, zone, has_servers=guild_id is None)
        if page.older is not None:
            more = f"\nThere is more: --limit {arguments.limit * 10} shows it, --json prints it for other programs"
            console.print(more, style="dim", soft_wrap=True)


def _since(typed: str | None, now: datetime, zone: tzinfo) -> datetime | None:
    if typed is None:
        return None
    found = past_moment(typed, now, zone)
    if found is None:
        told = f"--since {typed!r} can't be read as a time in the past. Try '2 h', '3 d', yesterday or 2026-11-20"
        raise ConfigError("the command line", None, told)
    return found


def _print(console: Console, entries: tuple[HistoryEntry, ...], zone: tzinfo, *, has_servers: bool) -> None:
    has_servers = has_servers and console.width >= _SHORTEST_WITH_SERVERS
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column(f"when ({zone})", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("who", overflow="fold")
    if has_servers:
        table.add_column("where", overflow="fold")
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("how it ended", overflow="fold")
    for entry in entries:
        cells = [
            Text(f"{entry.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"),
            Text(text.clean(entry.command), "bold"),
        ]
        cells.append(Text(_cut(entry.username or entry.user_id or "")))
        if has_servers:
            cells.append(Text(_cut(entry.guild_name or entry.guild_id or "DM")))
        took = "" if entry.duration_s is None else text.duration(entry.duration_s)
        table.add_row(*cells, Text(took), _ended(entry))
    console.print(table)


def _ended(entry: HistoryEntry) -> Text:
    ended = Text(ENDED[entry.outcome], "red" if entry.outcome.is_fault else "dim" if entry.success else "yellow")
    if entry.lacks:
        ended.append(f": lacks {text.clean(entry.lacks)}")
    elif entry.error_type:
        ended.append(f": {text.clean(': '.join(filter(None, (entry.error_type, entry.error_message))))}", "not red dim")
    return ended


def _cut(name: str) -> str:
    return text.fit(text.clean(name), _LONGEST_NAME)
