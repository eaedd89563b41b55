"""The SQL of both engines as PostgreSQL takes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from botmon_cog.storage.tables import Table, Type, insert_statement

_NAME = re.compile(r"(?<!:):([a-z_]+)")
_ARRAYS = {
    Type.INTEGER: "bigint[]",
    Type.REAL: "double precision[]",
    Type.TEXT: "text[]",
    Type.BOOLEAN: "boolean[]",
    Type.MOMENT: "timestamptz[]",
}


def numbered(query: str, bound: Mapping[str, Any]) -> tuple[str, Sequence[Any]]:
    """The query with `$1` for the first `:name` and so on, and the values in that order.

    Moments say their type: a host's own table may hold them without a zone.
    """
    text, names = _numbered(query, frozenset(name for name, value in bound.items() if isinstance(value, datetime)))
    return text, [bound[name] for name in names]


@lru_cache(maxsize=256)
def _numbered(query: str, moments: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        name = match[1]
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}{'::timestamptz' if name in moments else ''}"

    return _NAME.sub(number, query), tuple(names)


@cache
def arrays_statement(table: Table, returning: str = "") -> str:
    """`insert_statement` of rows that come as one array per column."""
    arrays = ", ".join(f"${n}::{_ARRAYS[kind]}" for n, kind in enumerate(table.columns.values(), start=1))
    return insert_statement(table, f"SELECT * FROM unnest({arrays})") + returning  # noqa: S608 (names from the code)
