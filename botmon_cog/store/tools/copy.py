"""Copying a whole store into an empty one, of either engine.

Both engines have the same columns, so a row is copied as it is, its ids included. Each chunk is one transaction with
the mark of how far its table is: however a copy ends, the next one goes on from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from botmon_cog.errors import StorageError
from botmon_cog.store.columns import Table, Type
from botmon_cog.store.engine import Engine
from botmon_cog.store.schema import ALL_TABLES, LABEL_TEXTS, LABELS, MARKS, RUNS
from botmon_cog.store.script import Exclude, Execute, Insert, Query, Row, Script

T = TypeVar("T")

COPYING = "copying"
"""The mark of an unfinished copy; its value is the source's fingerprint."""
COPIED = tuple(LABEL_TEXTS if table is LABELS else table for table in ALL_TABLES if table is not MARKS)
"""What is copied row by row."""

_CHUNK_ROWS = 5_000
_DIGEST_BITS = 64
_MARKS = "SELECT name, value FROM @marks"
_DROP_MARK = "DELETE FROM @marks WHERE name = :name"
_OWN_MARKS = frozenset({COPYING, "schema_version"})
"""Marks that say something of the database and not of the history."""
_FIRST_RUN = "SELECT token FROM @runs ORDER BY id LIMIT 1"
_POSITION = "SELECT COUNT(*), COALESCE(SUM(last_seq), 0) FROM @runs"
_ADVANCE = "SELECT setval(pg_get_serial_sequence('@{table}', 'id'), COALESCE(MAX(id), 1)) FROM @{table}"
_NUMBERS = frozenset({Type.INTEGER, Type.SMALL})

Advance = Callable[[int], None]


class Reading(Protocol):
    """What scripts read from: an engine, or a snapshot of one."""

    async def read(self, script: Script[T]) -> T: ...


class Totals:
    """What is known of a table after all of its rows were added, in whichever order.

    Attributes:
        n: rows.
        sums: of whole numbers, by column.
        digest: of all values; comparable within this process.
    """

    def __init__(self, table: Table) -> None:
        self._numbers = [(i, name) for i, (name, kind) in enumerate(table.columns.items()) if kind in _NUMBERS]
        self.n = 0
        self.sums: Counter[str] = Counter()
        self.digest = 0

    def add(self, rows: Sequence[Row]) -> None:
        self.n += len(rows)
        self.digest = (self.digest + sum(map(hash, rows))) % (1 << _DIGEST_BITS)
        for i, name in self._numbers:
            self.sums[name] += sum(row[i] or 0 for row in rows)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One table on both sides."""

    table: str
    source: Totals
    target: Totals

    @property
    def differences(self) -> list[str]:
        """In words; empty if the two are the same."""
        there, here = self.source, self.target
        found = [f"{self.table} has {here.n} rows instead of {there.n}"] if there.n != here.n else []
        found += [
            f"{self.table}.{name} sums up to {here.sums[name]} instead of {total}"
            for name, total in there.sums.items()
            if here.sums[name] != total
        ]
        if not found and there.digest != here.digest:
            found.append(f"{self.table} has other values, though as many rows and the same sums")
        return found


# -- before ------------------------------------------------------------------------------------------------------------


def fingerprint() -> Script[str]:
    """What tells a history from any other.

    Raises:
        StorageError: there is none, or it is itself an unfinished copy.
    """
    if COPYING in dict((yield Query(_MARKS))):
        raise StorageError("the source is itself an unfinished copy; finish that one first")
    runs = yield Query(_FIRST_RUN)
    if not runs:
        raise StorageError("the source is empty: there is nothing to copy")
    return str(runs[0][0])


def position() -> Script[tuple[int, int]]:
    """How many runs and rows there were ever: it changes with whatever is recorded."""
    runs, rows = (yield Query(_POSITION))[0]
    return int(runs), int(rows)


def begin_copy(source: str) -> Script[bool]:
    """Make the target the copy of a source, by its fingerprint; whether it was one already, unfinished.

    Raises:
        StorageError: it holds something else.
    """
    yield Exclude()
    copying = dict((yield Query(_MARKS))).get(COPYING)
    if copying == source:
        return True
    if copying is not None:
        raise StorageError("the target is an unfinished copy of another database; finish that one, or empty it")
    runs = yield Query(_FIRST_RUN)
    if runs and str(runs[0][0]) == source:
        raise StorageError("the target holds this history already: it is the source itself, or a finished copy")
    for table in COPIED:
        if (yield Query(f"SELECT 1 FROM @{table.name} LIMIT 1")):  # noqa: S608 (names from the code)
            raise StorageError(f"the target is not empty: there are rows in {table.name}. Copy to an empty database")
    yield Insert(MARKS, [(COPYING, source)])
    return False


def count_rows() -> Script[int]:
    """Of all tables that are copied."""
    n = 0
    for table in COPIED:
        n += (yield Query(f"SELECT COUNT(*) FROM @{table.name}"))[0][0]  # noqa: S608 (names from the code)
    return n


# -- copying -----------------------------------------------------------------------------------------------------------


async def copy_rows(source: Reading, target: Engine, advance: Advance) -> None:
    """Copy what is not there yet. `advance` is told of each chunk how many rows it was.

    Raises:
        StorageError: one of the two failed; what is there is there.
    """
    for table in COPIED:
        last = await target.read(_progress(table))
        async for rows in _chunks(source, table, last):
            key = _key_of(table, rows[-1])
            await target.write(_put(table, rows, last, key))
            last = key
            advance(len(rows))
    marks = [mark for mark in await source.read(_all_marks()) if mark[0] not in _OWN_MARKS]
    await target.write(_settle(marks, target.name))


async def compare(source: Reading, target: Reading, advance: Advance) -> list[Comparison]:
    """Read both sides again, table by table."""
    found: list[Comparison] = []
    for table in COPIED:
        there, here = Totals(table), Totals(table)
        async for rows in _chunks(source, table, None):
            there.add(rows)
            advance(len(rows))
        async for rows in _chunks(target, table, None):
            here.add(rows)
        found.append(Comparison(table=table.name, source=there, target=here))
    return found


def finish_copy() -> Script[None]:
    """Let the target be a store like any other."""
    for name in (COPYING, *map(_mark_of, COPIED)):
        yield Execute(_DROP_MARK, {"name": name})


# -- chunks ------------------------------------------------------------------------------------------------------------


async def _chunks(source: Reading, table: Table, last: Row | None) -> AsyncGenerator[Sequence[Row], None]:
    """The rows behind the one with the key `last`, in the order of the keys."""
    while rows := await source.read(_chunk(table, last)):
        yield rows
        last = _key_of(table, rows[-1])


def _chunk(table: Table, last: Row | None) -> Script[Sequence[Row]]:
    keys = ", ".join(table.key)
    behind = "" if last is None else f"WHERE ({keys}) > ({', '.join(f':{name}' for name in table.key)})"
    query = f"SELECT {', '.join(table.columns)} FROM @{table.name} {behind} ORDER BY {keys} LIMIT {_CHUNK_ROWS}"  # noqa: S608 (names from the code)
    return (yield Query(query, dict(zip(table.key, last or (), strict=last is not None))))


def _key_of(table: Table, row: Row) -> Row:
    columns = list(table.columns)
    return tuple(row[columns.index(name)] for name in table.key)


def _mark_of(table: Table) -> str:
    """The mark that has the key of the last row that was copied."""
    return f"{COPYING}:{table.name}"


def _all_marks() -> Script[Sequence[Row]]:
    return (yield Query(_MARKS))


def _progress(table: Table) -> Script[Row | None]:
    value: Any = dict((yield Query(_MARKS))).get(_mark_of(table))
    return None if value is None else tuple(msgspec.json.decode(value))


def _put(table: Table, rows: Sequence[Row], last: Row | None, key: Row) -> Script[None]:
    if (yield from _progress(table)) != last:
        raise StorageError("another copy to the same target is running")
    yield Insert(table, rows, "fail", is_new=True)
    yield Insert(MARKS, [(_mark_of(table), msgspec.json.encode(key).decode())], "replace")


def _settle(marks: Sequence[Row], engine: str) -> Script[None]:
    """What is to be done once all rows are there."""
    yield Insert(MARKS, marks, "replace")
    if engine == "postgres":  # its next ids follow from what it counted itself
        for table in (RUNS, LABELS):
            yield Query(_ADVANCE.replace("{table}", table.name))
