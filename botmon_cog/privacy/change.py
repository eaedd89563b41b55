"""Rows that are to be others, or to go: counted beforehand, or done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from botmon_cog.store.columns import Table
from botmon_cog.store.script import Execute, Query, Script


class Change(NamedTuple):
    """What becomes of some rows of a table.

    Attributes:
        where: which rows, as SQL that is bound to `values`.
        new: what these columns hold afterwards; None: the rows go.
    """

    table: Table
    where: str
    values: Mapping[str, Any]
    new: Mapping[str, Any] | None = None


Changes = Script[list[Change]]
"""Finds out what is to be changed, and changes nothing."""


def made(changes: Changes) -> Script[int]:
    """Change them; returns how many rows that were."""
    n = 0
    for table, where, values, new in (yield from changes):
        if new is None:
            n += yield Execute(f"DELETE FROM @{table.name} WHERE {where}", values)  # noqa: S608 (names)
        else:
            columns = ", ".join(f"{column} = :new_{column}" for column in new)
            given = {f"new_{column}": value for column, value in new.items()}
            n += yield Execute(f"UPDATE @{table.name} SET {columns} WHERE {where}", {**values, **given})  # noqa: S608 (names)
    return n


def counted(changes: Changes) -> Script[int]:
    """How many rows it would be."""
    n = 0
    for table, where, values, _ in (yield from changes):
        n += int((yield Query(f"SELECT COUNT(*) FROM @{table.name} WHERE {where}", values))[0][0])  # noqa: S608 (names)
    return n
