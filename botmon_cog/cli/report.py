"""`report`: what /stats, /perf and /health answer, read from a database without a bot."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import discord
import msgspec

from botmon_cog.cli.arguments import PERIODS
from botmon_cog.cli.console import make_console
from botmon_cog.cli.databases import to_read
from botmon_cog.cli.health import drawn, read_health
from botmon_cog.cog import embeds
from botmon_cog.config import load_config
from botmon_cog.domain import text
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports import Report
from botmon_cog.runtime import MonitoringSystem

if TYPE_CHECKING:
    from rich.console import Console

_PERFORMANCE_DAYS = 7
_BUSIEST = 5
_LONGEST_NAME = 40


def run(arguments: argparse.Namespace) -> int:
    """Print one report.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: it is to be drawn, and rich is not installed.
        StorageError: there is no such database, or it can't be read.
    """
    console = None if arguments.json else make_console(arguments.width)
    asyncio.run(_print(arguments, console))
    return 0


async def _print(arguments: argparse.Namespace, console: Console | None) -> None:
    config = load_config()
    storage = to_read(arguments.database or config.storage.url, config, is_upgraded=True)
    system = MonitoringSystem(config, storage=storage)
    guild_id: str | None = arguments.guild
    async with AsyncExitStack() as stack:
        stack.push_async_callback(system.close)
        report, embed = await _read(system, arguments.report, guild_id)
        if console is None:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
            return
        from botmon_cog.cli.drawing import print_embed  # noqa: PLC0415 (needs rich, which JSON does not)

        print_embed(console, embed.to_dict(), system.clock.now())
        if guild_id is None and arguments.report != "health":
            _print_busiest(console, arguments.report, await _busiest(system))


async def _read(system: MonitoringSystem, name: str, guild_id: str | None) -> tuple[Report, discord.Embed]:
    now = system.clock.now()
    if name == "health":
        seen = await read_health(system, guild_id)
        return seen.report, drawn(seen, now)
    if name in PERIODS:
        statistics = await system.statistics.report(guild_id, system.statistics.period(name))
        return statistics, embeds.statistics(statistics, now)
    performance = await system.performance.report(guild_id, last_days(_PERFORMANCE_DAYS, now))
    return performance, embeds.performance(performance, now)


async def _busiest(system: MonitoringSystem) -> list[tuple[str, str, int]]:
    """(id, name, commands ever) of the servers with most commands."""
    guilds = await system.storage.guilds(_BUSIEST)
    return [(guild_id, await system.storage.guild_name(guild_id) or "", n) for guild_id, n in guilds]


def _print_busiest(console: Console, report: str, guilds: list[tuple[str, str, int]]) -> None:
    if not guilds:
        return
    console.print()
    console.print(f"One server alone: report {report} --guild ID, for example", style="dim")
    for guild_id, name, n in guilds:
        shown: Any = text.fit(text.clean(name), _LONGEST_NAME)
        console.print(f"  {guild_id}  {shown}  {text.count(n)} {text.plural(n, 'command', 'commands')}", style="dim")
