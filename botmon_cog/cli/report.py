"""`report`: what /stats, /perf, /health and /botmon overview answer, read from a database without a bot."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import discord
from msgspec.structs import replace

from botmon_cog.cli import interrupts
from botmon_cog.cli.arguments import OF_ALL_SERVERS, PERIODS
from botmon_cog.cli.console import make_console, print_json
from botmon_cog.cli.databases import to_read, to_write
from botmon_cog.cli.drawing import print_embed
from botmon_cog.cli.health import drawn, read_health
from botmon_cog.cli.output import complain
from botmon_cog.cli.program import program_name
from botmon_cog.cog import embeds
from botmon_cog.config import Config, load_config
from botmon_cog.domain import text
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.report import Report
from botmon_cog.errors import BotMonError, ConfigError, StorageError
from botmon_cog.growth.embeds import growth_embed, overview_embed
from botmon_cog.growth.gather import growth, overview
from botmon_cog.monitors.failure_summary import failure_summary
from botmon_cog.monitors.performance_context import performance_context
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.engine import Engine
from botmon_cog.store.rollup import RollUps
from botmon_cog.store.tools.examine import counted_until

if TYPE_CHECKING:
    from rich.console import Console

_PERFORMANCE_DAYS = 7
_ERRORS = "{} errors"
_BUSIEST = 5
_LONGEST_NAME = 40


class UnknownServerError(BotMonError):
    """The database knows nothing of a server."""


def run(arguments: argparse.Namespace) -> int:
    """Print one report, or with `--watch` one after another until Ctrl-C; returns 0.

    Raises:
        ConfigError: the configuration is wrong, or one server was asked for of a report that is of all.
        StorageError: there is no such database, or it can't be read.
        UnknownServerError: nothing is known of the server that was asked for.
    """
    if arguments.guild is not None and arguments.report in OF_ALL_SERVERS:
        raise ConfigError("--guild", None, f"{arguments.report} is of all servers; leave it out")
    console = None if arguments.json else make_console(arguments.width)
    interrupts.run(_watch(arguments, console) if arguments.watch else _print(arguments, console))
    return 0


async def _watch(arguments: argparse.Namespace, console: Console | None) -> None:
    """Print the report anew every few seconds. What goes wrong after the first time is shown in its place."""
    is_first = True
    while True:
        try:
            await _print(arguments, console)
        except StorageError as error:
            if is_first:
                raise
            complain(f"{program_name()}: {error}")
        is_first = False
        await asyncio.sleep(arguments.every)


async def _print(arguments: argparse.Namespace, console: Console | None) -> None:
    config = load_config()
    url: str = arguments.database or config.storage.url
    engine = to_read(url, config)
    guild_id: str | None = arguments.guild
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        if arguments.report != "health":
            await _count(url, engine, config)
        system = MonitoringSystem(config, engine=engine)
        await _check_server(system, guild_id)
        report, embed = await _read(system, arguments.report, guild_id)
        names_none = arguments.report in {"health", *OF_ALL_SERVERS}
        busiest = [] if guild_id is not None or names_none else await _busiest(system)
    if console is None:
        print_json(report, is_line=arguments.watch)
        return
    with console.capture() as printed:  # all at once, so that nothing flickers
        print_embed(console, embed.to_dict(), system.clock.now())
        _print_busiest(console, arguments.report, busiest)
        if arguments.watch:
            console.print(_footer(arguments.every, console), style="dim")
    if arguments.watch and console.is_terminal:
        console.clear()
    console.file.write(printed.get())
    console.file.flush()


def _footer(every_s: float, console: Console) -> str:
    now = f"{datetime.now(UTC):%H:%M:%S} UTC"
    return f"\n{now}, again every {every_s:g} s; Ctrl-C ends it" if console.is_terminal else ""


async def _check_server(system: MonitoringSystem, guild_id: str | None) -> None:
    """Refuse a server that is not in the database, rather than show zeros.

    Raises:
        UnknownServerError: it has no name, which comes with its first command, and no song was played there.
    """
    if guild_id is None or await system.store.reports.guild_name(guild_id) is not None:
        return
    system.recorder.catch_up = _nothing
    month = await system.statistics.report(guild_id, system.statistics.period("monthly"))
    if not month.total_commands and not month.total_songs:
        raise UnknownServerError(
            f"nothing is known of a server {guild_id} in {system.store.engine.description}; "
            f"{program_name()} report weekly lists the busiest ones"
        )


async def _count(url: str, engine: Engine, config: Config) -> None:
    """Roll up what is new in the log, as a bot does before a report; say so if the database can't be written."""
    if not await RollUps(engine).rows_behind():
        return
    try:
        writer = to_write(url, config)
        try:
            await RollUps(writer).catch_up()
        finally:
            await writer.close()
    except StorageError as error:
        if until := await engine.read(counted_until()):
            told = f"this report counts up to {until:%Y-%m-%d %H:%M} UTC, because the database can't be written"
            complain(f"{program_name()}: {told}: {error}")


async def _read(system: MonitoringSystem, name: str, guild_id: str | None) -> tuple[Report, discord.Embed]:
    now = system.clock.now()
    if name == "health":
        seen = await read_health(system, guild_id)
        return seen.report, drawn(seen, now)
    system.recorder.catch_up = _nothing  # what can be counted was counted, and nothing was recorded here
    if name == "overview":
        seen_overview = await overview(system, "weekly")
        return seen_overview, overview_embed(seen_overview, now)
    if name == "growth":
        seen_growth = await growth(system)
        return seen_growth, growth_embed(seen_growth)
    if name in PERIODS:
        period = system.statistics.period(name, await system.settings.zone(guild_id))
        statistics = await system.statistics.report(guild_id, period)
        failures = await failure_summary(system.errors, guild_id, statistics.period, is_for_owner=True)
        failures = replace(failures, errors_command=_ERRORS.format(program_name()))
        return statistics, embeds.statistics(statistics, now, failures)
    performance = await system.performance.report(guild_id, last_days(_PERFORMANCE_DAYS, now))
    beside = await performance_context(performance, system.store.reports, system.errors, now, is_for_owner=True)
    beside = replace(beside, timezone=str(await system.settings.zone(guild_id)))
    return performance, embeds.performance(performance, now, beside)


async def _nothing() -> None:
    """What is left to do before a report."""


async def _busiest(system: MonitoringSystem) -> list[tuple[str, str, int]]:
    """(id, name, commands lately) of the servers with most commands."""
    reports = system.store.reports
    guilds = await reports.busiest_guilds(_BUSIEST)
    return [(guild_id, await reports.guild_name(guild_id) or "", n) for guild_id, n in guilds]


def _print_busiest(console: Console, report: str, guilds: list[tuple[str, str, int]]) -> None:
    if not guilds:
        return
    console.print()
    console.print(f"For one server: {program_name()} report {report} --guild ID, for example", style="dim")
    for guild_id, name, n in guilds:
        shown = text.fit(text.clean(name), _LONGEST_NAME)
        console.print(f"  {guild_id}  {shown}  {text.count(n)} {text.plural(n, 'command', 'commands')}", style="dim")
