"""One batch of events, stored and rolled up in one transaction of SQLite.

Several rows go into each statement: a writer thread then gives up the GIL once per statement and not once per row, and
need not win it back from a busy event loop each time. The sizes are few, so that the statements stay prepared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import msgspec

from botmon_cog.domain.models import Event
from botmon_cog.domain.rollup import Rollup
from botmon_cog.storage import tables
from botmon_cog.storage.base import RejectedError
from botmon_cog.storage.rows import Row, bot_stats_rows, raw_rows, rollup_rows, storable_events
from botmon_cog.storage.script import Ask, Put, Step
from botmon_cog.storage.tables import Table, values_statement

_CHUNKS = (128, 32, 8, 1)
"""Rows per statement."""
_KNOWN_USERS = """
SELECT known.day, known.guild_id, known.user_id FROM json_each(?) AS asked JOIN active_users AS known
ON known.day = json_extract(asked.value, '$[0]') AND known.guild_id = json_extract(asked.value, '$[1]')
AND known.user_id = json_extract(asked.value, '$[2]')
"""


class _SomeAreKnown(Exception):  # noqa: N818 (a signal)
    """An event of the batch is stored already."""


def store(db: sqlite3.Connection, events: Sequence[Event], instance: str) -> None:
    """Store events and count them; what is there already changes nothing.

    Raises:
        RejectedError: at least one of these events can never be stored; none of them was.
        sqlite3.Error: none of them was stored this time.
    """
    try:
        fresh = storable_events(events)
        try:
            _store_fresh(db, fresh, instance)
        except _SomeAreKnown:
            _store_fresh(db, fresh, instance, may_know=True)
    except (sqlite3.IntegrityError, sqlite3.DataError, TypeError, ValueError, OverflowError) as error:
        raise RejectedError(f"{type(error).__name__}: {error}") from error
    except (sqlite3.InterfaceError, sqlite3.ProgrammingError) as error:  # a value that SQLite has no type for
        raise RejectedError(f"{type(error).__name__}: {error}") from error


def _store_fresh(db: sqlite3.Connection, events: list[Event], instance: str, *, may_know: bool = False) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        if may_know:
            events = _without_known(db, events)
        for table, rows in raw_rows(events, moment_text, instance).items():
            if insert(db, table, rows) != len(rows):
                raise _SomeAreKnown  # noqa: TRY301 (it has to pass the ROLLBACK)
        add(db, Rollup.of(events))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _without_known(db: sqlite3.Connection, events: list[Event]) -> list[Event]:
    known: set[tuple[type, str]] = set()
    for kind, table in tables.RAW_TABLES.items():
        ids = [event.event_id for event in events if type(event) is kind]
        query = f"SELECT event_id FROM {table.name} WHERE event_id IN (SELECT value FROM json_each(?))"  # noqa: S608
        found = db.execute(query, (msgspec.json.encode(ids).decode(),))
        known.update(zip(repeat(kind), (event_id for (event_id,) in found)))
    return [event for event in events if (type(event), event.event_id) not in known]


def insert(db: sqlite3.Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert rows, or merge them into what is there; returns how many were written."""
    written = position = 0
    for size in _CHUNKS:
        while len(rows) - position >= size:
            values = [value for row in rows[position : position + size] for value in row]
            written += db.execute(values_statement(table, size), values).rowcount
            position += size
    return written


def add(db: sqlite3.Connection, rollup: Rollup) -> None:
    """Add to every roll-up."""
    rows = rollup_rows(rollup)
    rows[tables.BOT_STATS] = bot_stats_rows(rollup, _new_users(db, rollup))  # before they are in active_users
    for table in tables.ROLLUP_TABLES:
        if rows[table]:
            insert(db, table, rows[table])


def _new_users(db: sqlite3.Connection, rollup: Rollup) -> Iterable[tuple[int, str]]:
    if not rollup.users:
        return ()
    known = set(db.execute(_KNOWN_USERS, (msgspec.json.encode(list(rollup.users)).decode(),)))
    return [(day, guild_id) for day, guild_id, user_id in rollup.users if (day, guild_id, user_id) not in known]


def moment_text(moment: datetime) -> str:
    """As the rows have it: UTC, in milliseconds."""
    return moment.astimezone(UTC).isoformat(" ", "milliseconds")[:-6]


def perform(db: sqlite3.Connection, step: Step) -> Any:
    """One step of a script."""
    if isinstance(step, Ask):
        return db.execute(step.query, step.bound).fetchall()
    if isinstance(step, Put):
        return insert(db, step.table, step.rows)
    return db.execute(step.statement, step.bound).rowcount
