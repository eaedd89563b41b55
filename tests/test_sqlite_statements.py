"""How rows become SQLite's statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from botmon_cog.store.columns import Table, Type
from botmon_cog.store.script import Insert, Session
from botmon_cog.store.sqlite.statements import performer

NOTES = Table(name="notes", columns=dict.fromkeys(("id", "said", "why", "hidden"), Type.TEXT), key=("id",))


class Listening(sqlite3.Connection):
    """Remembers what was bound."""

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        self.bound = [*getattr(self, "bound", ()), *values]
        return super().execute(sql, values)


@pytest.mark.parametrize(
    "rows",
    [
        [(n, "x", None, None) for n in range(21)],
        [(n, None, None, None) for n in range(9)],
        [(n, None if n % 2 else "x", None, "" if n == 5 else None) for n in range(12)],
        [(1, "x", "y", "z")],
        [],
    ],
)
@pytest.mark.parametrize("on_conflict", ["fail", "ignore", "replace"])
def test_rows_are_stored_and_a_column_that_none_of_them_has_is_not_bound(rows: Sequence[Any], on_conflict: Any) -> None:
    with closing(sqlite3.connect(":memory:", factory=Listening)) as db:
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT, why TEXT, hidden TEXT)")
        assert performer(db, Session())(Insert(NOTES, rows, on_conflict)) == len(rows)
        given = [column for column in zip(*rows, strict=True) if column.count(None) < len(rows)]
        assert len(db.bound) == len(given) * len(rows)
        assert db.execute("SELECT * FROM notes ORDER BY id").fetchall() == rows


def test_what_has_no_value_any_more_replaces_what_was_there() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT, why TEXT, hidden TEXT)")
        perform = performer(db, Session())
        perform(Insert(NOTES, [(1, "x", "y", "z"), (2, "x", "y", "z")], "replace"))
        perform(Insert(NOTES, [(1, "new", None, None), (2, None, None, None)], "replace"))
        assert db.execute("SELECT * FROM notes").fetchall() == [(1, "new", None, None), (2, None, None, None)]
