"""How the engines differ where a database is kept small, and what both offer for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from botmon_cog.storage import tables
from botmon_cog.storage.engine import Bound
from botmon_cog.storage.rows import Row
from botmon_cog.storage.script import Script
from botmon_cog.storage.tables import Table
from botmon_cog.storage.upkeep.rebuilding import Dialect

T = TypeVar("T")

RAW = (tables.AUDIT_LOGS, tables.MUSIC_EVENTS, tables.CUSTOM_METRICS)
"""The tables whose rows the roll-ups count."""
OUR_TABLES = (*(table.name for table in (*RAW, tables.HEALTH_CHECKS, *tables.ROLLUP_TABLES)), "legacy_stats")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What keeping a database small needs to know of its engine. Each is SQL; None where the engine does it by itself.

    Attributes:
        size_bytes: what the database takes, with what is free within. Quick.
        used_bytes: the same without what is free.
        free_pages: how many pages can be given back to the file system; no row where none ever can.
        give_back: gives one such page back.
        settle: brings what was written into the file itself, without keeping a writer waiting.
    """

    size_bytes: str
    used_bytes: str
    free_pages: str | None = None
    give_back: str | None = None
    settle: str | None = None


@runtime_checkable
class Maintained(Protocol):
    """A storage that runs scripts: either engine."""

    @property
    def description(self) -> str: ...

    @property
    def dialect(self) -> Dialect: ...

    @property
    def upkeep(self) -> Upkeep: ...

    async def rows(self, query: str, bound: Bound) -> Sequence[Row]:
        """What a query finds; it never waits for a writer."""
        ...

    async def transact(self, script: Script[T]) -> T:
        """Run a script in one transaction that writes."""
        ...

    async def look(self, script: Script[T]) -> T:
        """Run a script that only reads, over one state of the database."""
        ...


_PAGES = "FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"

SQLITE = Upkeep(
    size_bytes=f"SELECT page_count * page_size {_PAGES}",
    used_bytes=f"SELECT (page_count - freelist_count) * page_size {_PAGES}",
    free_pages="SELECT freelist_count FROM pragma_freelist_count(), pragma_auto_vacuum() WHERE auto_vacuum = 2",
    # One at a time, whatever number it is asked for: Python's `execute` takes one step of a statement without columns.
    give_back="PRAGMA incremental_vacuum(1)",
    settle="PRAGMA wal_checkpoint(PASSIVE)",
)

_INDEX_ENTRY_BYTES = 40
"""A short key, its pointer and its header, with the room that is left between entries."""
_SAMPLE = 1_000


def _relation_bytes(names: Sequence[str]) -> str:
    array = ", ".join(f"'{name}'" for name in names)
    sizes = "COALESCE(SUM(pg_total_relation_size(to_regclass(name))), 0)"
    return f"(SELECT {sizes} FROM unnest(ARRAY[{array}]) AS name)"  # noqa: S608 (names from the code)


def _live_bytes(table: Table) -> str:
    """What the rows of a table would take if it were written anew: no more than it takes."""
    name = table.name
    row = (
        f"(SELECT COALESCE(AVG(pg_column_size(found.*)), 0) FROM "  # noqa: S608
        f"(SELECT * FROM {name} ORDER BY timestamp DESC LIMIT {_SAMPLE}) AS found)"
    )
    indexes = f"(SELECT COUNT(*) FROM pg_index WHERE indrelid = to_regclass('{name}'))"  # noqa: S608
    live = f"(SELECT COUNT(*) FROM {name}) * ({row} + {_INDEX_ENTRY_BYTES} * {indexes})"  # noqa: S608
    return f"LEAST({live}, {_relation_bytes([name])})"


_RAW_NAMES = [table.name for table in RAW]
_OTHERS_BYTES = _relation_bytes([name for name in OUR_TABLES if name not in _RAW_NAMES])

# PostgreSQL gives nothing back when rows go: what is free in a table is filled before it grows. So rows are counted.
POSTGRES = Upkeep(
    size_bytes=f"SELECT {_relation_bytes(OUR_TABLES)}",
    used_bytes=f"SELECT CAST({' + '.join([*map(_live_bytes, RAW), _OTHERS_BYTES])} AS BIGINT)",
)

VACUUM_POSTGRES = tuple(f"VACUUM (ANALYZE) {table.name}" for table in tables.ALL_TABLES)
"""Each outside of a transaction."""
