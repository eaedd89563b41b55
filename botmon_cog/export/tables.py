"""What stands in a file: columns with plain headings, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Generic, TypeVar

from botmon_cog.domain.models import HistoryEntry
from botmon_cog.domain.reports import CommandCounts, StatisticsReport

T = TypeVar("T")
Cell = str | int | float | None

BOM = "\ufeff"
"""At the beginning of a file: without it, spreadsheets take UTF-8 for something else."""
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (wide ones count too)
"""What a cell begins with that a spreadsheet runs."""


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of a file.

    Attributes:
        heading: in the first line.
        value: of a row.
        is_owners: whether it is left out for everybody but the bot's owners.
    """

    heading: str
    value: Callable[[T, tzinfo], Cell]
    is_owners: bool = False


def defused(cell: Cell) -> Cell:
    """Text that a spreadsheet would run, behind an apostrophe; numbers as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell


def csv_of(columns: Sequence[Column[T]], rows: Iterable[T], zone: tzinfo, *, has_heading: bool = False) -> str:
    """Lines of CSV, as RFC 4180 has them. The heading begins with the BOM."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    if has_heading:
        out.write(BOM)
        writer.writerow([column.heading for column in columns])
    writer.writerows([defused(column.value(row, zone)) for column in columns] for row in rows)
    return out.getvalue()


# -- rows --------------------------------------------------------------------------------------------------------------


def _local(moment: datetime, zone: tzinfo) -> str:
    """As spreadsheets read times: without the zone, which the heading cannot name for every row."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


ROWS: tuple[Column[HistoryEntry], ...] = (
    Column("time", lambda e, zone: _local(e.started_at, zone)),
    Column("time (UTC)", lambda e, _: e.started_at.strftime("%Y-%m-%dT%H:%M:%SZ")),
    Column("server", lambda e, _: e.guild_name),
    Column("server id", lambda e, _: e.guild_id),
    Column("channel id", lambda e, _: e.channel_id),
    Column("person", lambda e, _: e.username),
    Column("person id", lambda e, _: e.user_id),
    Column("command", lambda e, _: e.command),
    Column("kind", lambda e, _: e.kind.value),
    Column("outcome", lambda e, _: e.outcome.value),
    Column("seconds", lambda e, _: _seconds(e.duration_s)),
    Column("seconds to the first answer", lambda e, _: _seconds(e.response_s)),
    Column("missing permission", lambda e, _: e.lacks),
    Column("seconds on the way", lambda e, _: _seconds(e.gateway_delay_s), is_owners=True),
    Column("arguments", lambda e, _: e.parameters, is_owners=True),
    Column("error", lambda e, _: e.error_type, is_owners=True),
    Column("message", lambda e, _: e.error_message, is_owners=True),
    Column("process", lambda e, _: e.instance, is_owners=True),
    Column("shard", lambda e, _: e.shard_id, is_owners=True),
)


def seen_by(columns: Sequence[Column[T]], *, is_owner: bool) -> tuple[Column[T], ...]:
    """Those that this reader gets."""
    return tuple(column for column in columns if is_owner or not column.is_owners)


# -- commands of a period ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command in a period, and how often it ran in the period before."""

    counts: CommandCounts
    before: int


def command_lines(report: StatisticsReport) -> list[CommandLine]:
    """Those that were used, most used first; then those that were used in the period before alone."""
    used = [CommandLine(counts, report.previous_by_command.get(counts.command, 0)) for counts in report.commands]
    known = {counts.command for counts in report.commands}
    gone = [
        CommandLine(CommandCounts(command=command), n)
        for command, n in sorted(report.previous_by_command.items())
        if command not in known
    ]
    return used + gone


COMMANDS: tuple[Column[CommandLine], ...] = (
    Column("command", lambda line, _: line.counts.command),
    Column("used", lambda line, _: line.counts.executed),
    Column("used in the period before", lambda line, _: line.before),
    Column("succeeded", lambda line, _: line.counts.ok),
    Column("used wrongly", lambda line, _: line.counts.user_error),
    Column("not allowed", lambda line, _: line.counts.denied),
    Column("refused by Discord", lambda line, _: line.counts.refused),
    Column("failed", lambda line, _: line.counts.faults),
    Column("cancelled", lambda line, _: line.counts.cancelled),
    Column("all", lambda line, _: line.counts.n),
)
