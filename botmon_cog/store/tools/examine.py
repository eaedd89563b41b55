"""A store looked at from all sides without changing it: what it is, how large, and whether its roll-ups are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.errors import StorageError
from botmon_cog.store.engine import Engine
from botmon_cog.store.migrations import load_migrations
from botmon_cog.store.records import moment
from botmon_cog.store.retention import raw_since
from botmon_cog.store.rollup import RollUps
from botmon_cog.store.schema import ALL_TABLES, LOG_TABLES, VIEWS
from botmon_cog.store.script import Query, Row, Script
from botmon_cog.store.tools.copy import COPYING
from botmon_cog.store.tools.proof import Difference, date_of, differences, provable_days

QUICK_BEYOND_BYTES = 1 << 30
"""Larger files are checked less thoroughly, unless asked for."""

_ODD_VALUES = (ValueError, TypeError, ArithmeticError, LookupError, msgspec.MsgspecError)
"""What counting raises over rows that this package did not write."""
_OURS = frozenset({table.name for table in ALL_TABLES} | set(VIEWS))
_COUNTED = tuple(table for table in LOG_TABLES.values() if not table.is_once)
"""An error group may be older than what is left of the log."""
_SCHEMA_OID = "(SELECT relnamespace FROM pg_class WHERE oid = '@runs'::regclass)"
_NAMES: Mapping[str, str] = {
    "sqlite": """
SELECT type, name FROM sqlite_master WHERE type <> 'index' AND name NOT LIKE 'sqlite|_%' ESCAPE '|' ORDER BY 1, 2
""",
    "postgres": f"""
SELECT CASE relkind WHEN 'v' THEN 'view' ELSE 'table' END, relname FROM pg_class
WHERE relnamespace = {_SCHEMA_OID} AND relkind IN ('r', 'p', 'f', 'v', 'm') ORDER BY 1, 2
""",  # noqa: S608
}
_SIZES: Mapping[str, str] = {
    "sqlite": "SELECT found.tbl_name, SUM(pages.pgsize) FROM dbstat AS pages JOIN sqlite_master AS found USING (name) "
    "GROUP BY 1",
    "postgres": f"SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relnamespace = {_SCHEMA_OID}",  # noqa: S608
}
"""(table, bytes), indexes included. On SQLite it reads the whole file."""
_SETTINGS: Mapping[str, str] = {
    "sqlite": """
SELECT 'journal mode', journal_mode FROM pragma_journal_mode
UNION ALL SELECT 'auto vacuum', CASE auto_vacuum WHEN 0 THEN 'none' WHEN 1 THEN 'full' ELSE 'incremental' END
FROM pragma_auto_vacuum
UNION ALL SELECT 'free pages', freelist_count || ' of ' || page_count FROM pragma_freelist_count, pragma_page_count
UNION ALL SELECT 'page size', page_size || ' bytes' FROM pragma_page_size
UNION ALL SELECT 'SQLite', sqlite_version()
""",
    "postgres": f"""
SELECT CASE name WHEN 'server_version' THEN 'PostgreSQL' ELSE replace(name, '_', ' ') END, setting FROM pg_settings
WHERE name IN ('server_version', 'autovacuum', 'fsync', 'synchronous_commit', 'full_page_writes', 'server_encoding')
UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE oid = {_SCHEMA_OID} ORDER BY 1
""",  # noqa: S608
}
_BEHIND = "SELECT id, rolled_up_seq FROM @runs WHERE rolled_up_seq < last_seq"
_MARK = "SELECT value FROM @marks WHERE name = :name"
_RUNS = "SELECT COUNT(*), COUNT(DISTINCT instance) FROM @runs"
_RECOUNTED = "SELECT COUNT(*) FROM @runs WHERE rolled_up_seq < recount_seq"

# Two queries: asked for both ends at once, SQLite reads the whole table.
_ENDS = "SELECT (SELECT MIN({moment}) FROM @{table}), (SELECT MAX({moment}) FROM @{table})"


class TableFacts(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    rows: int
    size_bytes: int | None
    """With its indexes; None if the engine does not tell."""


class Examination(msgspec.Struct, kw_only=True):
    """What was found. It grows as the examination goes on.

    Attributes:
        runs: starts of bots.
        instances: of bots, by name.
        rows_behind: rows of the log that are yet to be counted, which is no fault.
        oldest: of all rows of the log.
        newest: likewise.
        raw_since: since when no row was removed from the log; None if none ever was.
        foreign: what is in the database and not ours, which is no fault.
        notes: what else is worth knowing.
        days: how many were proved.
        n_differences: how many there are in all.
        differences: the first of them.
        problems: what else is wrong, as sentences.
    """

    database: str
    engine: str
    version: int
    size_bytes: int | None = None
    integrity: str | None = None
    settings: dict[str, str] = {}
    tables: list[TableFacts] = []
    runs: int = 0
    instances: int = 0
    rows_behind: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    raw_since: datetime | None = None
    foreign: list[str] = []
    notes: list[str] = []
    days: int = 0
    n_differences: int = 0
    differences: list[Difference] = []
    problems: list[str] = []

    @property
    def is_clean(self) -> bool:
        return not self.problems and not self.n_differences


class Examiner:
    """Examines one store.

    Args:
        engine: over the store, opened for reading only.
        is_thorough: whether large files are checked as thoroughly as small ones.
        most: how many differences are kept.
    """

    def __init__(self, engine: Engine, *, is_thorough: bool, most: int) -> None:
        self._engine = engine
        self._is_thorough = is_thorough
        self._most = most
        version = load_migrations(engine.name)[-1].version  # any other is refused when it is opened
        self.found = Examination(database=engine.description, engine=engine.name, version=version)

    async def look_around(self) -> None:
        """Find out all but whether the roll-ups are right.

        Raises:
            StorageError: it can't be opened.
        """
        await self._engine.open()
        try:
            size_bytes = self.found.size_bytes = await self._engine.ping()
            is_quick = size_bytes > QUICK_BEYOND_BYTES and not self._is_thorough
            if self._engine.name == "sqlite":
                await self._check_integrity("quick_check" if is_quick else "integrity_check")
            await self._measure(is_quick=is_quick)
            self.found.settings = {str(name): str(value) for name, value in await self._rows(_SETTINGS)}
            await self._engine.read(_log_facts(self.found))
            self.found.rows_behind = await RollUps(self._engine).rows_behind()
        except StorageError as error:
            self.found.problems.append(f"the database can't be read: {error}")

    async def days(self) -> list[int]:
        """Those that can be proved (since 1970); none if the database can't be read."""
        try:
            return await self._engine.read(provable_days())
        except (StorageError, *_ODD_VALUES) as error:
            self.found.problems.append(f"the days can't be read: {error}")
            return []

    async def prove(self, day: int) -> None:
        """Hold a day's roll-ups against the log, both as they are at one moment."""
        try:
            proved = await self._engine.read(differences(day, self._most - len(self.found.differences)))
        except (StorageError, *_ODD_VALUES) as error:
            self.found.problems.append(f"{date_of(day)} can't be counted: {error}")
            return
        if proved is not None:
            n, first = proved
            self.found.days += 1
            self.found.n_differences += n
            self.found.differences += first

    async def _rows(self, queries: Mapping[str, str]) -> Sequence[Row]:
        return await self._engine.read(_query(queries[self._engine.name]))

    async def _check_integrity(self, check: str) -> None:
        rows = [str(row[0]) for row in await self._engine.read(_query(f"PRAGMA {check}(20)"))]
        self.found.integrity = f"{check}: {rows[0]}"
        if rows != ["ok"]:
            self.found.problems += [f"the file is damaged: {row}" for row in rows]

    async def _measure(self, *, is_quick: bool) -> None:
        sizes: dict[str, int] = {}
        if self._engine.name != "sqlite" or not is_quick:
            with suppress(StorageError):  # not every SQLite is built to tell
                sizes = {str(name): int(n) for name, n in await self._rows(_SIZES)}
        counts = await self._engine.read(_counts())
        self.found.tables = [TableFacts(name=name, rows=n, size_bytes=sizes.get(name)) for name, n in counts.items()]
        self.found.foreign = [f"{kind} {name}" for kind, name in await self._rows(_NAMES) if name not in _OURS]


def _query(sql: str) -> Script[Sequence[Row]]:
    return (yield Query(sql))


def _counts() -> Script[dict[str, int]]:
    found: dict[str, int] = {}
    for table in ALL_TABLES:
        found[table.name] = (yield Query(f"SELECT COUNT(*) FROM @{table.name}"))[0][0]  # noqa: S608 (names)
    return found


def _log_facts(found: Examination) -> Script[None]:
    found.runs, found.instances = (yield Query(_RUNS))[0]
    if (yield Query(_RECOUNTED))[0][0]:
        found.notes.append("a rebuild is going on, or was interrupted; a bot, a report or rebuild goes on with it")
    if (yield Query(_MARK, {"name": COPYING})):
        found.problems.append("it is an unfinished copy; the same copy command goes on from there")
    ends: list[Any] = []
    for table in _COUNTED:
        ends += (yield Query(_ENDS.format(moment=table.moment, table=table.name)))[0]
    known = [moment(ms) for ms in ends if ms is not None]
    found.oldest, found.newest = min(known, default=None), max(known, default=None)
    since = yield from raw_since()
    found.raw_since = None if since is None else moment(since)


def counted_until() -> Script[datetime | None]:
    """When the oldest row was recorded that is not rolled up yet; None if there is none."""
    found: list[int] = []
    for run_id, upto in (yield Query(_BEHIND)):
        for table in _COUNTED:
            query = f"SELECT MIN({table.moment}) FROM @{table.name} WHERE run_id = :run_id AND seq > :upto"  # noqa: S608 (names)
            found += [ms for (ms,) in (yield Query(query, {"run_id": run_id, "upto": upto})) if ms is not None]
    return moment(min(found)) if found else None
