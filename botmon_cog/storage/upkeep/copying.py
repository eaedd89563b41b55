"""A whole history moved to another database, in chunks: each one and how far it came are one transaction.

The source is read as it was when the copy began, by the order of the primary keys. So a copy that was interrupted goes
on where it was, and nothing comes twice or goes missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from botmon_cog.errors import ConfigError, StorageError
from botmon_cog.storage import queries, tables
from botmon_cog.storage.engine import Query
from botmon_cog.storage.reading import SqlReading
from botmon_cog.storage.rows import Row
from botmon_cog.storage.script import Ask, Do, Put, Script
from botmon_cog.storage.tables import Table, Type
from botmon_cog.storage.upkeep.catalogue import CATALOGUES, is_ours
from botmon_cog.storage.upkeep.comparing import Comparison, Totals
from botmon_cog.storage.upkeep.converting import Conversion
from botmon_cog.storage.upkeep.examining import read_schema
from botmon_cog.storage.upkeep.rebuilding import COPYING

_CHUNK = 2_000
_SINCE = "_since"
"""How the names of those marks end that say something about the rows."""
_MARKS = "SELECT name, value FROM marks ORDER BY name"
_WITH_ID = (*tables.RAW_TABLES.values(), tables.BOT_STATS, tables.RUNS, tables.GATEWAY_LOSSES)
COPIED: tuple[Table, ...] = (
    *(replace(table, columns={"id": Type.INTEGER, **table.columns}, key=("id",), merges={}) for table in _WITH_ID),
    *(replace(table, merges={}) for table in tables.ROLLUP_TABLES if table not in _WITH_ID),
    tables.LEGACY_STATS,
    tables.ALERTS,
    tables.ALERT_MESSAGES,
    tables.ALERT_MUTES,
)
_ADVANCE = (
    "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM {table}), false)"
)
_DATABASE = """
SELECT current_database(), current_schema(), oid FROM pg_database WHERE datname = current_database()
"""
_SERVER = "SELECT system_identifier FROM pg_control_system()"
_ADDRESS = "SELECT CAST(inet_server_addr() AS TEXT), inet_server_port()"

Advance = Callable[[int], None]


async def fingerprint(storage: SqlReading) -> str:
    """The same for the same database, however it was named; nobody learns from it what that is."""
    named = _resolved(storage.description) if storage.engine == "sqlite" else await _named(storage)
    return hashlib.sha256(f"{storage.engine} {named}".encode()).hexdigest()[:32]


def _resolved(file: str) -> str:
    return str(Path(file).resolve())


async def _named(storage: SqlReading) -> str:
    database = [tuple(row) for row in await storage.rows(_DATABASE, {})]
    try:
        server = await storage.rows(_SERVER, {})
    except StorageError:  # not every server tells
        server = await storage.rows(_ADDRESS, {})
    return repr((database, [tuple(row) for row in server]))


async def refuse_target(target: SqlReading, source: str) -> None:
    """Refuse a target that can't take a copy. Reads only, whatever schema it has.

    `source`: the fingerprint of the other database.

    Raises:
        ConfigError: it is the source.
        StorageError: it holds something that is no unfinished copy of it.
    """
    if await fingerprint(target) == source:
        raise ConfigError("copy", None, "the source and the target are the same database")
    found = {str(table) for table, _ in await target.rows(CATALOGUES[target.engine].columns, {})}
    await target.look(_refuse(found, source))


def _refuse(found: Collection[str], source: str) -> Script[bool]:
    """Whether it holds an unfinished copy of the source already."""
    mark = (yield Ask(queries.GET_MARK, {"name": COPYING})) if tables.MARKS.name in found else ()
    if mark:
        if mark[0][0] != source:
            raise StorageError("the target holds an unfinished copy of another database; name an empty one")
        return True
    for table in COPIED:
        if table.name in found and (yield Ask(f"SELECT 1 FROM {table.name} LIMIT 1", {})):  # noqa: S608
            raise StorageError(
                f"the target holds rows already (in {table.name}), and they are not an unfinished copy; "
                "name an empty database"
            )
    return False


async def newest_ids(query: Query) -> list[int | None]:
    """Of each raw table; what is written later has larger ones."""
    return [(await query(f"SELECT MAX(id) FROM {t.name}", {}))[0][0] for t in tables.RAW_TABLES.values()]  # noqa: S608


class Copy:
    """One copy, of a source that is only read to a target that is written.

    Args:
        source: the database as it was at one moment.
        engine: the source's.
        target: is open.
        fingerprint: the source's.
    """

    def __init__(self, source: Query, engine: str, target: SqlReading, *, fingerprint: str) -> None:
        self._source = source
        self._engine = engine
        self._target = target
        self._fingerprint = fingerprint
        self._needed: dict[str, set[str]] = {}

    async def begin(self) -> tuple[int, int]:
        """Mark the target as ours; (rows to copy, rows that an earlier run copied).

        Raises:
            StorageError: the target can't take this copy.
        """
        if await self._source(queries.GET_MARK, {"name": COPYING}):
            raise StorageError("the source is itself an unfinished copy; finish that one first")
        await self._target.transact(_begin(self._fingerprint))
        for table, column in await self._target.rows(CATALOGUES[self._target.engine].needed, {}):
            self._needed.setdefault(str(table), set()).add(str(column))
        return await self._count(self._source), await self._count(self._target.rows)

    async def copy(self, advance: Advance) -> None:
        """Copy what is missing.

        Raises:
            StorageError: one of the two failed; what is there is there.
        """
        for table in COPIED:
            conversion = self._conversion(table)
            last = await self._last_key(table)
            async for chunk in _chunks(self._source, table, last):
                made = [conversion.bound(row) for found in chunk if (row := conversion.neutral(found)) is not None]
                key = conversion.key_of(chunk[-1])
                await self._target.transact(_put_chunk(table, made, _encoded(last), _encoded(key)))
                last = key
                advance(len(chunk))
        marks = [(name, value) for name, value in await self._source(_MARKS, {}) if str(name).endswith(_SINCE)]
        await self._target.transact(_settle(marks, self._target.engine))

    async def verify(self, advance: Advance) -> list[Comparison]:
        """Read both sides again and hold them against each other, table by table."""
        compared: list[Comparison] = []
        async with self._target.snapshot() as target:
            for table in COPIED:
                conversion = self._conversion(table)
                there, here = Totals(table), Totals(table)
                async for chunk in _chunks(self._source, table, None):
                    there.add(row for found in chunk if (row := conversion.neutral(found)) is not None)
                    advance(len(chunk))
                stored = Conversion(table, source=self._target.engine, target=self._engine)
                async for chunk in _chunks(target, table, None):
                    here.add(row for found in chunk if (row := stored.neutral(found)) is not None)
                compared.append(Comparison(table=table.name, source=there, target=here, conversion=conversion))
        return compared

    async def finish(self) -> None:
        """Forget that it was a copy."""
        await self._target.transact(_finish())

    async def not_copied(self) -> list[str]:
        """What is in the source and not ours."""
        columns = await self._source(CATALOGUES[self._engine].columns, {})
        described = {table.name: set(table.columns) for table in COPIED}
        others = dict.fromkeys(f"table {table}" for table, _ in columns if not is_ours(table))
        more = [f"column {t}.{c}" for t, c in columns if t in described and c not in described[t]]
        return [*others, *more]

    def _conversion(self, table: Table) -> Conversion:
        needed = self._needed.get(table.name, ())
        return Conversion(table, source=self._engine, target=self._target.engine, needed=needed)

    async def _last_key(self, table: Table) -> Row | None:
        found = await self._target.rows(queries.GET_MARK, {"name": _name(table)})
        return tuple(msgspec.json.decode(str(found[0][0]))) if found else None

    async def _count(self, query: Query) -> int:
        return sum([int((await query(f"SELECT COUNT(*) FROM {table.name}", {}))[0][0]) for table in COPIED])  # noqa: S608


async def _chunks(query: Query, table: Table, last: Row | None) -> AsyncGenerator[Sequence[Row], None]:
    """The rows behind the one with the key `last`, in the order of the keys."""
    positions = [list(table.columns).index(name) for name in table.key]
    while True:
        found = await query(_select(table, is_first=last is None), _bound(table, last))
        if not found:
            return
        yield found
        last = tuple(found[-1][position] for position in positions)


def _select(table: Table, *, is_first: bool) -> str:
    keys = ", ".join(table.key)
    behind = "" if is_first else f"WHERE ({keys}) > ({', '.join(f':after_{name}' for name in table.key)}) "
    return f"SELECT {', '.join(table.columns)} FROM {table.name} {behind}ORDER BY {keys} LIMIT {_CHUNK}"  # noqa: S608


def _bound(table: Table, last: Row | None) -> Mapping[str, Any]:
    return {f"after_{name}": value for name, value in zip(table.key, last or (), strict=last is not None)}


def _name(table: Table) -> str:
    """The mark that has the key of the last row that is there."""
    return f"{COPYING}:{table.name}"


def _encoded(key: Row | None) -> str | None:
    return None if key is None else msgspec.json.encode(key).decode()


def _begin(source: str) -> Script[None]:
    if not (yield from _refuse({table.name for table in tables.ALL_TABLES}, source)):
        yield Do(queries.PUT_MARK, {"name": COPYING, "value": source})


def _put_chunk(table: Table, rows: Sequence[Row], last: str | None, key: str | None) -> Script[None]:
    found = yield Ask(queries.GET_MARK, {"name": _name(table)})
    if (found[0][0] if found else None) != last:
        raise StorageError("another copy to the same target is running")
    if (yield Put(table, rows)) != len(rows):
        raise StorageError(f"something else wrote to {table.name} of the target; empty it and begin again")
    yield Do(queries.PUT_MARK, {"name": _name(table), "value": key})


def _settle(marks: Sequence[tuple[str, str]], engine: str) -> Script[None]:
    """What is to be done once all rows are there."""
    for name, value in marks:
        yield Do(queries.PUT_MARK, {"name": name, "value": value})
    if engine == "postgres":
        for table in _WITH_ID:
            yield Ask(_ADVANCE.replace("{table}", table.name), {})


def _finish() -> Script[None]:
    for name in (COPYING, *map(_name, COPIED)):
        yield Do(queries.DELETE_MARK, {"name": name})


async def refuse_source(source: SqlReading) -> None:
    """Refuse a source whose schema is another one.

    Raises:
        StorageError: it has; the message names the remedy.
    """
    trouble = (await read_schema(source)).trouble
    if trouble:
        raise StorageError(f"the source can't be copied: {trouble}")
