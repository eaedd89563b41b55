"""How much room a store takes, and how it is given back."""

from __future__ import annotations

from dataclasses import dataclass

from botmon_cog.store import schema
from botmon_cog.store.columns import LogTable, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How an engine's room is measured and given back, as SQL.

    Attributes:
        size_bytes: what the store takes, with what is free within. Quick.
        used_bytes: the same without what is free.
        free_pages: how many pages can be given back to the file system. None: the engine sees to that itself.
        give_back: gives one such page back.
    """

    size_bytes: str
    used_bytes: str
    free_pages: str | None = None
    give_back: str | None = None


_INDEX_ENTRY_BYTES = 40
"""A short key, its pointer and its header, with the room that is left between entries."""
_SAMPLE = 1_000


def _relation_bytes(*tables: Table) -> str:
    return " + ".join(f"pg_total_relation_size('@{table.name}')" for table in tables)


def _live_bytes(table: LogTable) -> str:
    """What the rows of a table would take if it were written anew: no more than it takes."""
    newest = f"SELECT * FROM @{table.name} ORDER BY {table.moment} DESC LIMIT {_SAMPLE}"  # noqa: S608 (names from the code)
    row = f"(SELECT COALESCE(AVG(pg_column_size(found.*)), 0) FROM ({newest}) AS found)"  # noqa: S608
    live = f"(SELECT COUNT(*) FROM @{table.name}) * ({row} + {2 * _INDEX_ENTRY_BYTES})"  # noqa: S608
    return f"LEAST({live}, {_relation_bytes(table)})"


_LOGS = schema.LOG_TABLES.values()
_OTHERS = [table for table in schema.ALL_TABLES if table not in _LOGS]
ROOM = {
    "sqlite": Room(
        size_bytes="SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        used_bytes="SELECT (page_count - freelist_count) * page_size "
        "FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()",
        free_pages="SELECT SUM(freelist_count) FROM pragma_freelist_count(), pragma_auto_vacuum() "
        "WHERE auto_vacuum = 2",
        # One at a time, whatever number it is asked for: of a statement without columns, Python takes one step.
        give_back="PRAGMA incremental_vacuum(1)",
    ),
    # What is free in a table of PostgreSQL is filled before it grows, but not given back. So rows are counted.
    "postgres": Room(
        size_bytes=f"SELECT {_relation_bytes(*schema.ALL_TABLES)}",
        used_bytes=f"SELECT CAST({' + '.join(map(_live_bytes, _LOGS))} + {_relation_bytes(*_OTHERS)} AS BIGINT)",
    ),
}
"""By the engine's name."""
