"""The steps of a script on a SQLite connection.

Several rows go into each statement: a thread gives up the GIL once per statement and not once per row, and need not win
it back from a busy event loop each time. The sizes are powers of two: any number of rows takes few statements, and few
different ones, which stay prepared.

A column without a value in any of the rows is NULL in the statement itself. For each None that is bound, Python's
sqlite3 makes an exception and drops it: it looks for an adapter first.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache, partial
from itertools import chain, compress
from operator import is_not
from typing import Any

from botmon_cog.store.columns import Table
from botmon_cog.store.script import (
    Exclude,
    Execute,
    Insert,
    Lookup,
    OnConflict,
    Pause,
    Query,
    Recall,
    Row,
    Session,
    Step,
)
from botmon_cog.store.sql import TABLE, insert_statement

_CHUNKS = (128, 64, 32, 16, 8, 4, 2, 1)
"""Rows per statement."""
_PAUSE_S = 0.001
_is_there = partial(is_not, None)


@cache
def plain(sql: str) -> str:
    """SQL of ours as SQLite takes it: there is one schema."""
    return TABLE.sub(r"\1", sql)


@lru_cache(maxsize=512)
def _insertion(table: Table, n: int, given: Sequence[bool], on_conflict: OnConflict) -> str:
    """`given`: which columns have a value in some row."""
    return plain(insert_statement(table, _values(given, n), on_conflict))


@cache
def _lookup(table: Table, n: int, columns: tuple[str, ...]) -> str:
    on = " AND ".join(f"found.{column} = wanted.{column}" for column in table.key)
    found = ", ".join(f"found.{column}" for column in columns)
    wanted = f"WITH wanted ({', '.join(table.key)}) AS ({_values([True] * len(table.key), n)})"
    return f"{wanted} SELECT {found} FROM wanted CROSS JOIN {table.name} AS found ON {on}"  # noqa: S608 (names from the code)


def _values(given: Iterable[bool], rows: int) -> str:
    row = f"({', '.join('?' if is_given else 'NULL' for is_given in given)})"
    return f"VALUES {', '.join([row] * rows)}"


def performer(db: sqlite3.Connection, session: Session) -> Callable[[Step], Any]:
    """What performs the steps of a script on a connection."""

    def perform(step: Step) -> Any:
        match step:
            case Query(sql, values):
                return db.execute(plain(sql), values).fetchall()
            case Execute(sql, values):
                return db.execute(plain(sql), values).rowcount
            case Insert(table, rows, on_conflict):
                return _insert(db, table, rows, on_conflict)
            case Lookup(table, keys, columns):
                return _find(db, table, keys, tuple(columns))
            case Recall():
                return session
            case Pause():
                time.sleep(_PAUSE_S)
            case Exclude():
                pass  # one that writes excludes all others
        return None

    return perform


def _insert(db: sqlite3.Connection, table: Table, rows: Sequence[Row], on_conflict: OnConflict) -> int:
    given = tuple(any(map(_is_there, column)) for column in zip(*rows, strict=True))
    if not all(given):
        rows = [tuple(compress(row, given)) for row in rows]
    return sum(db.execute(_insertion(table, n, given, on_conflict), values).rowcount for n, values in _chunks(rows))


def _find(db: sqlite3.Connection, table: Table, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
    return [row for n, values in _chunks(keys) for row in db.execute(_lookup(table, n, columns), values)]


def _chunks(rows: Sequence[Row]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """How many rows, and all their values, for one statement after the other."""
    position = 0
    for size in _CHUNKS:
        while len(rows) - position >= size:
            yield size, tuple(chain.from_iterable(rows[position : position + size]))
            position += size
