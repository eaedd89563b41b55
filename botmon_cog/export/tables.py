"""What stands in a file: columns with plain headings, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Generic, TypeVar

import msgspec

from botmon_cog.domain.models import HistoryEntry
from botmon_cog.domain.reports import CommandCounts, StatisticsReport
from botmon_cog.store.history import Page
from botmon_cog.store.records import moment

T = TypeVar("T")
Cell = str | int | float | None

BOM = "\ufeff"
"""At the beginning of a file: without it, spreadsheets take UTF-8 for something else."""
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (wide ones count too)
"""What a cell begins with that a spreadsheet runs."""
_MS_PER_MINUTE = 60_000
_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of a file.

    Attributes:
        heading: in the first line.
        cells: of all rows at once.
        is_owners: whether it is left out for everybody but the bot's owners.
    """

    heading: str
    cells: Callable[[T, tzinfo], Sequence[Cell]]
    is_owners: bool = False


def defused(cell: Cell) -> Cell:
    """Text that a spreadsheet would run, behind an apostrophe; numbers as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell


def _all_defused(cells: Sequence[Cell]) -> Sequence[Cell]:
    changed = {cell: safe for cell in set(cells) if (safe := defused(cell)) is not cell}
    return [changed.get(cell, cell) for cell in cells] if changed else cells


def heading_of(columns: Sequence[Column[T]]) -> str:
    """The first line of CSV, behind the BOM."""
    return BOM + _csv([[column.heading for column in columns]])


def csv_of(columns: Sequence[Column[T]], rows: T, zone: tzinfo) -> str:
    """The lines behind it, as RFC 4180 has them."""
    return _csv(zip(*(_all_defused(column.cells(rows, zone)) for column in columns), strict=True))


def _csv(lines: Iterable[Iterable[Cell]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(lines)
    return out.getvalue()


# -- rows --------------------------------------------------------------------------------------------------------------


def _field(name: str) -> Callable[[Page, tzinfo], Sequence[Cell]]:
    return lambda page, _: page.field(name)


def _seconds(name: str) -> Callable[[Page, tzinfo], Sequence[Cell]]:
    return lambda page, _: [None if value is None else round(value, 3) for value in page.field(name)]


def _times(page: Page, zone: tzinfo, form: str, end: str = "") -> Sequence[str]:
    """To the second. All of a minute begin with the same text, which is made once."""
    started_ms: Sequence[int] = page.stored("started_ms")
    minutes = {ms // _MS_PER_MINUTE for ms in started_ms}
    begin = {minute: moment(minute * _MS_PER_MINUTE).astimezone(zone).strftime(form) for minute in minutes}
    seconds = [f"{second:02}{end}" for second in range(60)]
    return [begin[ms // _MS_PER_MINUTE] + seconds[ms // 1000 % 60] for ms in started_ms]


def _local(page: Page, zone: tzinfo) -> Sequence[str]:
    """As spreadsheets read times: without the zone, which the heading cannot name for every row."""
    return _times(page, zone, "%Y-%m-%d %H:%M:")


def _utc(page: Page, _: tzinfo) -> Sequence[str]:
    return _times(page, UTC, "%Y-%m-%dT%H:%M:", "Z")


ROWS: tuple[Column[Page], ...] = (
    Column("time", _local),
    Column("time (UTC)", _utc),
    Column("server", _field("guild_name")),
    Column("server id", _field("guild_id")),
    Column("channel id", _field("channel_id")),
    Column("person", _field("username")),
    Column("person id", _field("user_id")),
    Column("command", _field("command")),
    Column("kind", _field("kind")),
    Column("outcome", _field("outcome")),
    Column("seconds", _seconds("duration_s")),
    Column("seconds to the first answer", _seconds("response_s")),
    Column("missing permission", _field("lacks")),
    Column("seconds on the way", _seconds("gateway_delay_s"), is_owners=True),
    Column("arguments", _field("parameters"), is_owners=True),
    Column("error", _field("error_type"), is_owners=True),
    Column("message", _field("error_message"), is_owners=True),
    Column("process", _field("instance"), is_owners=True),
    Column("shard", _field("shard_id"), is_owners=True),
)


def json_lines(rows: Page) -> bytes:
    """A `HistoryEntry` in each."""
    names = HistoryEntry.__struct_fields__
    fields = zip(*map(rows.field, names), strict=True)
    return _JSON.encode_lines([dict(zip(names, values, strict=True)) for values in fields])


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


def _each(
    value: Callable[[CommandLine], Cell],
) -> Callable[[Sequence[CommandLine], tzinfo], Sequence[Cell]]:
    return lambda lines, _: [value(line) for line in lines]


COMMANDS: tuple[Column[Sequence[CommandLine]], ...] = (
    Column("command", _each(lambda line: line.counts.command)),
    Column("used", _each(lambda line: line.counts.executed)),
    Column("used in the period before", _each(lambda line: line.before)),
    Column("succeeded", _each(lambda line: line.counts.ok)),
    Column("used wrongly", _each(lambda line: line.counts.user_error)),
    Column("not allowed", _each(lambda line: line.counts.denied)),
    Column("refused by Discord", _each(lambda line: line.counts.refused)),
    Column("failed", _each(lambda line: line.counts.faults)),
    Column("cancelled", _each(lambda line: line.counts.cancelled)),
    Column("all", _each(lambda line: line.counts.n)),
)
