"""A database looked at from all sides, without changing it: what it is, how large, and whether its roll-ups add up."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.errors import SchemaTooNewError, StorageError
from botmon_cog.storage import queries, tables
from botmon_cog.storage.migrator import load_migrations, unapplied
from botmon_cog.storage.reading import SqlReading
from botmon_cog.storage.script import Ask, Script
from botmon_cog.storage.upkeep.catalogue import CATALOGUES, is_ours
from botmon_cog.storage.upkeep.rebuilding import (
    COPYING,
    RAW_SINCE,
    REBUILDING,
    Difference,
    days_of_stats,
    days_with_all_rows,
    differences,
    first_whole_day,
    iso_date,
)
from botmon_cog.storage.upkeep.undated import undated_differences

QUICK_BEYOND_BYTES = 1 << 30
"""Larger files are checked less thoroughly, unless asked for."""

ODD_VALUES = (ValueError, TypeError, ArithmeticError, LookupError)
"""What counting raises over rows that this package did not write."""


class TableFacts(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    rows: int
    size_bytes: int | None
    """With its indexes; None where the engine does not tell."""


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """How far a database's tables are.

    Attributes:
        version: the newest migration that was applied; 0 where none was.
        newest: the newest that this package knows.
        trouble: what is wrong, and the remedy; None where the two agree.
    """

    version: int
    newest: int
    trouble: str | None


class Examination(msgspec.Struct, kw_only=True):
    """What was found. It grows while the examination goes on.

    Attributes:
        problems: what is wrong beside differences, as sentences.
        foreign: what is in the database and not ours, which is no fault.
        notes: what is worth knowing of our own rows, which is no fault either.
        oldest: of all raw rows.
        newest: likewise.
        raw_since: from when on no raw row was removed; None where none was at all.
        days: how many were held against their raw rows.
        n_differences: how many there are in all.
        differences: the first of them.
    """

    database: str
    engine: str
    size_bytes: int | None = None
    schema: Schema | None = None
    integrity: str | None = None
    tables: list[TableFacts] = []
    foreign: list[str] = []
    notes: list[str] = []
    settings: dict[str, str] = {}
    oldest: datetime | None = None
    newest: datetime | None = None
    raw_since: datetime | None = None
    days: int = 0
    n_differences: int = 0
    differences: list[Difference] = []
    problems: list[str] = []

    @property
    def is_clean(self) -> bool:
        return not self.problems and not self.n_differences


async def read_schema(storage: SqlReading) -> Schema:
    """How far the tables are. Reads only, whatever it finds."""
    migrations = load_migrations(storage.engine)
    newest = migrations[-1].version
    found = await storage.rows(CATALOGUES[storage.engine].columns, {})
    columns = {str(column).lower() for table, column in found if table == "schema_migrations"}
    if not any(is_ours(table) for table, _ in found):
        return Schema(
            version=0, newest=newest, trouble="it holds no tables of botmon; a bot with the extension makes them"
        )
    versions: set[int] = set()
    if "version" in columns:
        versions = {int(row[0]) for row in await storage.rows("SELECT version FROM schema_migrations", {})}
    version = max(versions, default=0)
    try:
        waiting = unapplied(migrations, columns, versions)
    except SchemaTooNewError as error:
        return Schema(version=version, newest=newest, trouble=str(error))
    trouble = (
        f"its schema has version {version}, this botmon_cog uses {newest}; a bot that starts with it upgrades it, "
        "and so does: python -m botmon_cog rebuild"
    )
    return Schema(version=version, newest=newest, trouble=trouble if waiting else None)


class Examiner:
    """Examines one database. The storage neither upgrades nor heals it.

    Args:
        storage: the database.
        is_thorough: whether large files are checked as thoroughly as small ones.
        most: how many differences are kept.
    """

    def __init__(self, storage: SqlReading, *, description: str, is_thorough: bool, most: int) -> None:
        self._storage = storage
        self._catalogue = CATALOGUES[storage.engine]
        self._is_thorough = is_thorough
        self._most = most
        self._is_lost = False
        self.found = Examination(database=description, engine=storage.engine)

    async def look_around(self, size_bytes: int) -> None:
        """All but the roll-ups.

        Raises:
            StorageError: it can't be read at all.
        """
        found = self.found
        found.size_bytes = size_bytes
        found.schema = await read_schema(self._storage)
        if found.schema.trouble:
            found.problems.append(found.schema.trouble)
        is_quick = size_bytes > QUICK_BEYOND_BYTES and not self._is_thorough
        with self._noted("the file can't be checked"):
            await self._check_integrity(is_quick=is_quick)
        with self._noted("the tables can't be read"):
            await self._measure(is_quick=is_quick)
            found.settings = {str(name): str(value) for name, value in await self._rows(self._catalogue.settings)}
        if not found.schema.trouble:
            with self._noted("the raw rows can't be read"):
                await self._date()

    async def days(self) -> list[int]:
        """Those that can be checked: none where the schema is another one."""
        if self.found.schema is None or self.found.schema.trouble:
            return []
        with self._noted("the days can't be read"):
            return await self._storage.look(checkable_days(self._storage))
        return []

    async def check_day(self, day: int) -> bool:
        """Hold a day's roll-ups against its raw rows; False where the database can't be read any more."""

        def check() -> Script[list[Difference] | None]:
            if day < (yield from first_whole_day()):
                return None  # raw rows of it were removed meanwhile
            return (yield from differences(day, self._storage.dialect))

        self._is_lost = False
        with self._noted(f"{date_of(day)} can't be counted"):
            found = await self._storage.look(check())
            if found is not None:
                self.found.days += 1
                self._add(found)
        return not self._is_lost

    async def check_undated(self) -> None:
        """The same for what belongs to no day."""
        with self._noted("command_seen and guild_names can't be counted"):
            self._add(await self._storage.look(undated_differences(self._storage.dialect)))

    @contextmanager
    def _noted(self, what: str) -> Generator[None, None, None]:
        """What fails becomes a problem."""
        try:
            yield
        except StorageError as error:
            self._is_lost = not isinstance(error.__cause__, ODD_VALUES)
            self.found.problems.append(f"{what}: {error}")
        except ODD_VALUES as error:
            self.found.problems.append(f"{what}: {error}")

    def _add(self, found: Sequence[Difference]) -> None:
        self.found.n_differences += len(found)
        self.found.differences += found[: self._most - len(self.found.differences)]

    async def _rows(self, query: str) -> Sequence[Any]:
        return await self._storage.rows(query, {})

    async def _check_integrity(self, *, is_quick: bool) -> None:
        if self._storage.engine != "sqlite":
            return
        check = "quick_check" if is_quick else "integrity_check"
        rows = [str(row[0]) for row in await self._rows(f"PRAGMA {check}(20)")]
        self.found.integrity = f"{check}: {rows[0]}"
        if rows != ["ok"]:
            self.found.problems += [f"the file is damaged: {row}" for row in rows]

    async def _measure(self, *, is_quick: bool) -> None:
        columns = [(str(table), str(column)) for table, column in await self._rows(self._catalogue.columns)]
        names = list(dict.fromkeys(table for table, _ in columns))
        sizes: dict[str, int] = {}
        if self._storage.engine != "sqlite" or not is_quick:
            with suppress(StorageError):  # not every SQLite is built to tell
                sizes = {str(name): int(n) for name, n in await self._rows(self._catalogue.sizes)}
        ours = [name for name in names if is_ours(name)]
        counts = await self._storage.look(_counts(ours))
        self.found.tables = [
            TableFacts(name=name, rows=n, size_bytes=sizes.get(name)) for name, n in zip(ours, counts, strict=True)
        ]
        described = {table.name: {"id", *table.columns} for table in tables.ALL_TABLES}
        self.found.foreign = [
            *(f"table {name}" for name in names if not is_ours(name)),
            *(f"column {t}.{c}" for t, c in columns if t in described and c not in described[t]),
            *(f"{kind} {name} on {table}" for kind, name, table in await self._rows(self._catalogue.others)),
        ]

    async def _date(self) -> None:
        ((undated,),) = await self._rows(self._catalogue.undated)
        ((older,),) = await self._rows(self._catalogue.older)
        if older:
            self.found.notes.append(f"{older} rows of audit_logs were written by an older bot")
        if undated:
            self.found.notes.append(f"{undated} rows of audit_logs have no date and are in no roll-up")
        dated = f"{self._storage.dialect.epoch} IS NOT NULL" if undated else "true"
        ends: list[datetime] = []
        for table in tables.RAW_TABLES.values():
            query = f"SELECT MIN(timestamp), MAX(timestamp) FROM {table.name} WHERE {dated}"  # noqa: S608
            for found in (await self._rows(query))[0]:
                with suppress(ValueError, OverflowError):
                    ends.append(self._storage.when(found))
        self.found.oldest, self.found.newest = min(ends, default=None), max(ends, default=None)
        if await self._storage.rows(queries.GET_MARK, {"name": COPYING}):
            self.found.problems.append("it is an unfinished copy; the same copy command goes on from there")
        if await self._storage.rows(queries.GET_MARK, {"name": REBUILDING}):
            self.found.notes.append("a rebuild was interrupted; python -m botmon_cog rebuild goes on from there")
        marks = await self._storage.rows(queries.GET_MARK, {"name": RAW_SINCE})
        self.found.raw_since = self._storage.when(datetime.fromisoformat(marks[0][0])) if marks else None


def checkable_days(storage: SqlReading) -> Script[list[int]]:
    """Those of which all raw rows are there, `bot_stats` without any included."""
    days = set((yield from days_with_all_rows(storage.dialect)))
    first = yield from first_whole_day()
    days.update(day for day in (yield from days_of_stats()) if day >= first)
    return sorted(days)


def _counts(names: Iterable[str]) -> Script[list[int]]:
    found: list[int] = []
    for name in names:
        ((n,),) = yield Ask(f"SELECT COUNT(*) FROM {name}", {})  # noqa: S608 (one of ours)
        found.append(int(n))
    return found


def date_of(day: int) -> str:
    try:
        return iso_date(day)
    except OverflowError:
        return f"day {day}"
