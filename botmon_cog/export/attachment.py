"""A file for Discord: at most so large as it takes everywhere."""

from __future__ import annotations

from datetime import tzinfo
from typing import NamedTuple

from botmon_cog.domain.periods import report_period
from botmon_cog.domain.reports import Period
from botmon_cog.export.reads import NEWEST_FIRST, days_of, rows_of
from botmon_cog.export.tables import COMMANDS, ROWS, command_lines, csv_of, heading_of, seen_by
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.history import HistoryFilter

MOST_BYTES = 8_000_000
"""Discord takes 10 MiB from a bot, in any server."""


class Attachment(NamedTuple):
    """What is sent.

    Attributes:
        n: how many rows or commands are in it.
        is_complete: False: there are more, older rows.
    """

    name: str
    data: bytes
    n: int
    period: Period
    is_complete: bool


async def commands_of(system: MonitoringSystem, guild_id: str | None, name: str) -> Attachment:
    """The commands of one server, or of all, in the named period, with the period before.

    Raises:
        StorageError: the database can't be read.
    """
    zone = await system.settings.zone(guild_id)
    report = await system.statistics.report(guild_id, report_period(name, system.clock.now(), zone))
    lines = command_lines(report)
    text = heading_of(COMMANDS) + csv_of(COMMANDS, lines, zone)
    return Attachment(_name("commands", name, report.period, zone), text.encode(), len(lines), report.period, True)


async def single_rows_of(
    system: MonitoringSystem, guild_id: str | None, name: str, *, is_owner: bool, most_bytes: int = MOST_BYTES
) -> Attachment:
    """Every command of that period, the newest first; only the newest where all would be too large.

    Raises:
        StorageError: the database can't be read.
    """
    zone = await system.settings.zone(guild_id)
    period = report_period(name, system.clock.now(), zone)
    await system.recorder.catch_up()
    columns = seen_by(ROWS, is_owner=is_owner)
    wanted = HistoryFilter(guild_id=guild_id, since=period.start, until=period.end)
    engine, n = system.store.engine, 0
    data = bytearray(heading_of(columns).encode())
    for day in await days_of(engine, wanted, NEWEST_FIRST):
        async for page in rows_of(engine, wanted, day, NEWEST_FIRST):
            piece = csv_of(columns, page, zone).encode()
            if len(data) + len(piece) > most_bytes:
                return Attachment(_name("rows", name, period, zone), bytes(data), n, period, False)
            data += piece
            n += len(page)
    return Attachment(_name("rows", name, period, zone), bytes(data), n, period, True)


def _name(what: str, period_name: str, period: Period, zone: tzinfo) -> str:
    """`commands-weekly-2026-11-27.csv`: the last day that is in it."""
    return f"{what}-{period_name}-{period.end.astimezone(zone):%Y-%m-%d}.csv"
