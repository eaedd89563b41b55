"""SQL that follows from the tables."""

from __future__ import annotations

import re

from botmon_cog.store.columns import Table
from botmon_cog.store.script import OnConflict

TABLE = re.compile(r"@([a-z_]+)")
"""A table in SQL of ours."""

_MERGED = {
    "replace": "excluded.{column}",
    "add": "{table}.{column} + excluded.{column}",
    "unite": "{table}.{column} | excluded.{column}",
}


def insert_statement(table: Table, source: str, on_conflict: OnConflict) -> str:
    """`INSERT` of rows from `source`, a `VALUES` list or a `SELECT`."""
    statement = f"INSERT INTO @{table.name} AS stored ({', '.join(table.columns)}) {source}"
    if on_conflict == "fail":
        return statement
    key = ", ".join(table.key)
    if on_conflict == "ignore":
        return f"{statement} ON CONFLICT ({key}) DO NOTHING"
    others = [column for column in table.columns if column not in table.key]
    merged = {column: _MERGED[on_conflict].format(table="stored", column=column) for column in others}
    changes = ", ".join(f"{column} = {value}" for column, value in merged.items())
    if on_conflict == "unite":  # what does not change is not written, which spares its page
        changes += " WHERE " + " OR ".join(f"stored.{column} <> {value}" for column, value in merged.items())
    return f"{statement} ON CONFLICT ({key}) DO UPDATE SET {changes}"
