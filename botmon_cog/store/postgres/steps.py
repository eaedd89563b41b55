"""What the steps of a script become on PostgreSQL."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from botmon_cog.errors import StorageError
from botmon_cog.store.columns import Table, Type
from botmon_cog.store.postgres.asyncpg_types import Connection
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

_PAUSE_S = 0.001
_LOCKS = 0x626F746D  # "botm"
_VALUE = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")
_ARRAYS = {
    Type.INTEGER: "bigint[]",
    Type.SMALL: "smallint[]",
    Type.REAL: "float8[]",
    Type.TEXT: "text[]",
    Type.BLOB: "bytea[]",
}


def qualified(sql: str, schema: str) -> str:
    """The SQL with `"schema".name` for each `@name`."""
    return TABLE.sub(rf'"{schema}".\1', sql)


def exclusion(schema: str, work: str = "rows") -> str:
    """The statement that waits until no other transaction has run it on the schema, and keeps others waiting."""
    name = schema if work == "rows" else f"{schema}.{work}"
    return f"SELECT pg_advisory_xact_lock({_LOCKS << 32 | zlib.crc32(name.encode())})"


class Steps:
    """Performs the steps of scripts over a connection.

    Attributes:
        session: what is known of the database over this connection: a server that crashed or was replaced may lack
            what it had committed last.
    """

    def __init__(self, db: Connection, schema: str) -> None:
        self.db = db
        self.session = Session()
        self._schema = schema

    async def perform(self, step: Step) -> Any:
        """What a script is sent for a step."""
        match step:
            case Query(sql, values):
                return _tuples(await self.db.fetch(*_numbered(sql, values, self._schema)))
            case Execute(sql, values):
                return _count(await self.db.execute(*_numbered(sql, values, self._schema)))
            case Insert():
                return await self._insert(step) if step.rows else 0
            case Lookup(table, keys, columns):
                sql = _lookup_sql(table, tuple(columns), self._schema)
                return _tuples(await self.db.fetch(sql, *zip(*keys, strict=True))) if keys else []
            case Recall():
                return self.session
            case Pause():
                await asyncio.sleep(_PAUSE_S)
            case Exclude(work):
                await self.db.execute(exclusion(self._schema, work))
        return None

    async def _insert(self, step: Insert) -> int:
        table = step.table
        if not step.is_new:
            sql = _insert_sql(table, step.on_conflict, self._schema)
            return _count(await self.db.execute(sql, *zip(*step.rows, strict=True)))
        try:
            status = await self.db.copy_records_to_table(
                table.name, schema_name=self._schema, columns=list(table.columns), records=step.rows
            )
        except (TypeError, ValueError, OverflowError) as error:  # not wrapped by asyncpg here
            raise StorageError(f"{table.name} can't hold one of the values: {error}") from error
        return _count(status)


def _cast(value: object) -> str:
    """The type of a number, else `:since_ms / 1000` would be taken for a division of 32 bits."""
    return "::bigint" if isinstance(value, int) else "::float8" if isinstance(value, float) else ""


def _numbered(sql: str, values: Mapping[str, Any], schema: str) -> tuple[Any, ...]:
    """The SQL with `$1` for the first `:name` and so on, and the values in that order."""
    casts = tuple((name, _cast(value)) for name, value in values.items())
    text, names = _numbered_sql(sql, casts, schema)
    return (text, *(values[name] for name in names))


@lru_cache(maxsize=512)
def _numbered_sql(sql: str, casts: tuple[tuple[str, str], ...], schema: str) -> tuple[str, tuple[str, ...]]:
    numbers: dict[str, int] = {}
    cast_of = dict(casts)

    def number(match: re.Match[str]) -> str:
        name = match[1]
        return f"${numbers.setdefault(name, len(numbers) + 1)}{cast_of[name]}"

    return qualified(_VALUE.sub(number, sql), schema), tuple(numbers)


@cache
def _insert_sql(table: Table, on_conflict: OnConflict, schema: str) -> str:
    # In the order of the keys: two processes that write the same rows wait for one another in one order.
    columns, key = ", ".join(table.columns), ", ".join(table.key)
    source = f"SELECT * FROM {_unnest(table, tuple(table.columns))} AS new ({columns}) ORDER BY {key}"  # noqa: S608 (names from the code)
    return qualified(insert_statement(table, source, on_conflict), schema)


@cache
def _lookup_sql(table: Table, columns: Sequence[str], schema: str) -> str:
    wanted = f"SELECT * FROM {_unnest(table, table.key)}"  # noqa: S608 (names from the code)
    sql = f"SELECT {', '.join(columns)} FROM @{table.name} WHERE ({', '.join(table.key)}) IN ({wanted})"  # noqa: S608 (names from the code)
    return qualified(sql, schema)


def _unnest(table: Table, columns: Sequence[str]) -> str:
    """Rows that come as one array per column."""
    arrays = (f"${n}::{_ARRAYS[table.columns[column]]}" for n, column in enumerate(columns, start=1))
    return f"unnest({', '.join(arrays)})"


def _tuples(records: Sequence[Sequence[Any]]) -> list[Row]:
    return [tuple(record) for record in records]


def _count(status: str) -> int:
    """The number of rows in a status such as `INSERT 0 3`."""
    count = status.rpartition(" ")[2]
    return int(count) if count.isdecimal() else 0
