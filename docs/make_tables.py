"""Writes docs/tables.md from the code: `python docs/make_tables.py`. A test holds the file against it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from botmon_cog.domain import models, uptime
from botmon_cog.domain.alerts import values
from botmon_cog.store import schema
from botmon_cog.store.columns import Column, Form, RecordTable, Type

TARGET = Path(__file__).with_name("tables.md")

_HEAD = """# What is kept, column by column

Made by `python docs/make_tables.py` from the code that writes and reads it. [database.md](database.md) says what the
tables are for, and describes the others. A column whose name says all has no meaning here. Durations are MessagePack:
one flat list `[bucket, n, bucket, n, …]`, with the buckets of the roll-ups.
"""
_FORMS = {
    Form.CODE: "code",
    Form.MOMENT: "ms since 1970 (UTC)",
    Form.SECONDS: "microseconds",
    Form.LABEL: "id in `labels`",
    Form.ID: "Discord id, or minus an id in `labels`",
    Form.JSON: "JSON",
    Form.DURATIONS: "durations",
}
_TYPES = {Type.INTEGER: "integer", Type.SMALL: "0 or 1", Type.REAL: "real", Type.TEXT: "text", Type.BLOB: "bytes"}
_KINDS = {
    **{table.name: kind for kind, table in schema.LOG_TABLES.items()},
    "alerts": values.Alert,
    "alert_messages": values.AlertMessage,
    "alert_mutes": values.Mute,
    "error_marks": models.ErrorMark,
    "gateway_losses": uptime.GatewayLoss,
}


def tables() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(table) for table in schema.ALL_TABLES if isinstance(table, RecordTable))])


def _section(table: RecordTable) -> str:
    rows = "\n".join(f"| `{name}` | {what} | {meaning} |" for name, what, meaning in _columns(table))
    key = ", ".join(f"`{column}`" for column in table.key)
    return f"## {table.name}\n\nKey: {key}.\n\n| Column | Holds | Meaning |\n|---|---|---|\n{rows}\n"


def _columns(table: RecordTable) -> Iterator[tuple[str, str, str]]:
    of = {column.name: column for column in table.of}
    meanings = _meanings(_KINDS[table.name])
    for name, kind in table.columns.items():
        column = of.get(name)
        what = _TYPES[kind] if column is None else _FORMS.get(column.form, _TYPES[kind])
        yield name, what, _meaning(column, meanings)


def _meaning(column: Column | None, meanings: dict[str, str]) -> str:
    if column is None:
        return ""
    codes = ", ".join(f"{n} `{member}`" for n, member in enumerate(column.of)) if column.form is Form.CODE else ""
    return " ".join(filter(None, (meanings.get(column.field, ""), codes)))


def _meanings(kind: type) -> dict[str, str]:
    """What stands below each field of a struct."""
    tree = ast.parse(inspect.getsource(sys.modules[kind.__module__]))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__)
    meanings: dict[str, str] = {}
    for field, text in zip(found.body, found.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            meanings[field.target.id] = " ".join(str(text.value.value).split())
    return meanings


if __name__ == "__main__":
    TARGET.write_text(tables(), encoding="utf-8")
