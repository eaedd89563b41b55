"""One batch of events, stored and rolled up in one transaction of PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botmon_cog.domain.models import Event
from botmon_cog.domain.rollup import Rollup
from botmon_cog.storage import tables
from botmon_cog.storage.base import RejectedError
from botmon_cog.storage.postgres.asyncpg_types import Connection, sqlstate_of
from botmon_cog.storage.postgres.sql import arrays_statement, numbered
from botmon_cog.storage.rows import Row, bot_stats_rows, raw_rows, rollup_rows, storable_events
from botmon_cog.storage.script import Ask, Put, Step
from botmon_cog.storage.tables import Table

_NEW_USERS = " RETURNING day, guild_id, (xmax = 0) AS is_new"
"""A row that was inserted and not updated has no xmax; exact also where several processes write."""
_REJECTED = ("22", "23", "54")
"""Classes of SQLSTATE: data exception, integrity constraint violation, program limit exceeded (a key that is longer
than a third of a page)."""


async def store(db: Connection, events: Sequence[Event], instance: str) -> None:
    """Store events and count them; what is there already changes nothing.

    Raises:
        RejectedError: at least one of these events can never be stored; none of them was.
        asyncpg.PostgresError: none of them was stored this time.
    """
    try:
        wanted = storable_events(events)
        async with db.transaction():
            await _store(db, wanted, instance)
    except (TypeError, ValueError, OverflowError) as error:  # asyncpg's DataError is a ValueError
        raise RejectedError(f"{type(error).__name__}: {error}") from error
    except Exception as error:
        if sqlstate_of(error)[:2] in _REJECTED:
            raise RejectedError(f"{type(error).__name__}: {error}") from error
        raise


async def _store(db: Connection, events: list[Event], instance: str) -> None:
    fresh: set[tuple[Table, str]] = set()
    for table, rows in raw_rows(events, lambda moment: moment, instance).items():
        # In the order of their ids: two processes that store the same events wait for each other in one order.
        ordered = sorted(rows, key=lambda row: row[0])
        found = await db.fetch(arrays_statement(table, " RETURNING event_id"), *_columns(ordered))
        fresh.update((table, record[0]) for record in found)
    kept = [event for event in events if (tables.RAW_TABLES[type(event)], event.event_id) in fresh]
    await _add(db, Rollup.of(kept))


async def _add(db: Connection, rollup: Rollup) -> None:
    rows = rollup_rows(rollup)
    for table in tables.ROLLUP_TABLES:
        if table is tables.ACTIVE_USERS and rows[table]:
            found = await db.fetch(arrays_statement(table, _NEW_USERS), *_columns(rows[table]))
            new_users = [(record[0], record[1]) for record in found if record[2]]
            rows[tables.BOT_STATS] = bot_stats_rows(rollup, new_users)
        elif table is tables.BOT_STATS:
            await put(db, table, rows.get(table) or bot_stats_rows(rollup, ()))
        else:
            await put(db, table, rows[table])


async def put(db: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert rows, or merge them into what is there; returns how many were written."""
    if not rows:
        return 0
    status = await db.execute(arrays_statement(table), *_columns(rows))
    return int(status.rpartition(" ")[2])


async def perform(db: Connection, step: Step) -> Any:
    """One step of a script."""
    if isinstance(step, Put):
        return await put(db, step.table, step.rows)
    if isinstance(step, Ask):
        text, values = numbered(step.query, step.bound)
        return await db.fetch(text, *values)
    text, values = numbered(step.statement, step.bound)
    count = (await db.execute(text, *values)).rpartition(" ")[2]
    return int(count) if count.isdecimal() else 0


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
