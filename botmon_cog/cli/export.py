"""`export`: rows or sums as CSV or JSON Lines, into a file or to the output, however much there is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TextIO

import msgspec
from rich.console import Console

from botmon_cog.cli import interrupts
from botmon_cog.cli.databases import to_read
from botmon_cog.cli.output import complain
from botmon_cog.cli.program import program_name
from botmon_cog.cli.progress import progress
from botmon_cog.clock import SystemClock
from botmon_cog.config import load_config
from botmon_cog.domain import text
from botmon_cog.domain.past import past_moment
from botmon_cog.domain.periods import report_period
from botmon_cog.domain.reports import Period
from botmon_cog.errors import BotMonError, ConfigError
from botmon_cog.export.reads import days_of, rows_of
from botmon_cog.export.tables import COMMANDS, ROWS, command_lines, csv_of, heading_of, json_lines
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.history import HistoryFilter
from botmon_cog.store.rollup import RollUps

_JSON = msgspec.json.Encoder()
_PARTIAL = ".part"


class FileExistsAlreadyError(BotMonError):
    """There is a file of that name, and nobody said that it may go."""


def run(arguments: argparse.Namespace) -> int:
    """Write what was asked for; returns 0.

    Raises:
        ConfigError: the configuration is wrong, or a time can't be read.
        StorageError: there is no such database, or it can't be read.
        FileExistsAlreadyError: the file is there, and `--force` is not.
    """
    with _output(arguments.output, is_forced=arguments.force) as out:
        n = interrupts.run(_export(arguments, out))
    if arguments.output:
        size = text.bytes_(Path(arguments.output).stat().st_size)
        what = text.plural(n, "row", "rows") if arguments.what == "rows" else text.plural(n, "command", "commands")
        complain(f"{program_name()}: {text.count(n)} {what}, {size}: {arguments.output}")
    return 0


@contextmanager
def _output(path: str | None, *, is_forced: bool) -> Generator[TextIO, None, None]:
    """Where to write. A file comes into being as a whole, or not at all."""
    if path is None:
        yield sys.stdout
        return
    target = Path(path)
    if target.exists() and not is_forced:
        raise FileExistsAlreadyError(f"{path} is there already; name another file, or add --force to replace it")
    partial = target.with_name(target.name + _PARTIAL)
    try:
        with partial.open("w", encoding="utf-8", newline="") as out:
            yield out
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


async def _export(arguments: argparse.Namespace, out: TextIO) -> int:
    config = load_config()
    engine = to_read(arguments.database or config.storage.url, config)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        system = MonitoringSystem(config, engine=engine)
        zone = await system.settings.zone(arguments.guild)
        period = _period(arguments, zone)
        if arguments.what == "rows":
            return await _rows(arguments, system, period, zone, out)
        return await _commands(arguments, system, period, zone, out)


def _period(arguments: argparse.Namespace, zone: tzinfo) -> Period:
    """What `--period` says, or from `--since` until `--until`."""
    now = SystemClock().now()
    period = report_period(arguments.period or "weekly", now, zone)
    if arguments.period and (arguments.since or arguments.until):
        raise ConfigError("the command line", None, "--period and --since or --until don't go together")
    if arguments.since or arguments.until:
        end = _moment("--until", arguments.until, now, zone) if arguments.until else period.end
        start = _moment("--since", arguments.since, now, zone) if arguments.since else period.start
        if start >= end:
            raise ConfigError("the command line", None, "--since must lie before --until")
        return Period(name="export", start=start, end=end, timezone=str(zone))
    return period


def _moment(option: str, given: str, now: datetime, zone: tzinfo) -> datetime:
    found = past_moment(given, now, zone)
    if found is None:
        raise ConfigError(
            "the command line",
            None,
            f"{option} {given!r} can't be read. Allowed: a moment of the past, such as 2026-11-20, '2026-11-20 14:30', "
            "'3 d' or yesterday",
        )
    return found


async def _rows(
    arguments: argparse.Namespace, system: MonitoringSystem, period: Period, zone: tzinfo, out: TextIO
) -> int:
    engine, is_csv, n = system.store.engine, arguments.format == "csv", 0
    wanted = HistoryFilter(guild_id=arguments.guild, since=period.start, until=period.end)
    is_counted = not await RollUps(engine).rows_behind()
    days = await days_of(engine, wanted, is_counted=is_counted)
    if is_csv:
        out.write(heading_of(ROWS))
    with progress(_console(), "exporting days", len(days)) as advance:
        for day in days:
            async for page in rows_of(engine, wanted, day):
                out.write(csv_of(ROWS, page, zone) if is_csv else json_lines(page).decode())
                n += len(page)
            advance(1)
    return n


async def _commands(
    arguments: argparse.Namespace, system: MonitoringSystem, period: Period, zone: tzinfo, out: TextIO
) -> int:
    system.recorder.catch_up = _nothing  # nothing was recorded here, and the database is only read
    if n := await RollUps(system.store.engine).rows_behind():
        rows = text.plural(n, "row is", "rows are")
        complain(f"{program_name()}: {text.count(n)} new {rows} not counted yet; `report` counts them")
    report = await system.statistics.report(arguments.guild, period)
    lines = command_lines(report)
    if arguments.format == "csv":
        out.write(heading_of(COMMANDS) + csv_of(COMMANDS, lines, zone))
    else:
        headings = [column.heading for column in COMMANDS]
        values = zip(*(column.cells(lines, zone) for column in COMMANDS), strict=True)
        out.write(_JSON.encode_lines([dict(zip(headings, line, strict=True)) for line in values]).decode())
    return len(lines)


async def _nothing() -> None:
    """What is left to do before a report."""


def _console() -> Console:
    """The progress goes where the rows don't."""
    return Console(stderr=True, highlight=False, emoji=False, markup=False)
