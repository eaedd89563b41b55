"""Numbered SQL files, applied and recorded in one transaction.

Two processes may start at once: whoever comes second waits for the write lock and finds the work done.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from botmon_cog.errors import SchemaTooNewError, StorageError

_ADD_COLUMN = re.compile(r"ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS (\w+)(.*)", re.IGNORECASE | re.DOTALL)
_THEN_ROLL_UP = "-- then: roll up what is already there"

_CREATE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""


class Migration(NamedTuple):
    version: int
    name: str
    sql: str

    @property
    def asks_for_roll_up(self) -> bool:
        """Whether it changes the roll-ups, so that they are computed anew once all migrations are done."""
        return self.sql.rstrip().endswith(_THEN_ROLL_UP)


def load_migrations(engine: str) -> list[Migration]:
    """The migrations of an engine (`sqlite` or `postgres`), in order.

    They are in the installed package, else in the source tree.
    """
    packaged = resources.files("botmon_cog") / "_migrations" / engine
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "migrations" / engine
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    if not files:
        raise StorageError(f"this installation lacks its migrations for {engine}; reinstall botmon-cog")
    return [Migration(int(f.name.split("_")[0]), f.name, f.read_text(encoding="utf-8")) for f in files]


def pending(db: sqlite3.Connection, migrations: list[Migration]) -> list[Migration]:
    """What is yet to be applied. Reads only.

    Raises:
        SchemaTooNewError: the database holds a version that these migrations do not know.
        StorageError: there is a table `schema_migrations` that is not ours.
    """
    columns = _columns(db, "schema_migrations")
    applied = db.execute("SELECT version FROM schema_migrations") if "version" in columns else ()
    return unapplied(migrations, columns, {int(row[0]) for row in applied})


def unapplied(migrations: list[Migration], columns: set[str], applied: set[int]) -> list[Migration]:
    """What is yet to be applied to a database.

    Args:
        migrations: all that there are, in order.
        columns: those of its table `schema_migrations`; none where it has none.
        applied: the versions in that table.

    Raises:
        SchemaTooNewError: the database holds a version that these migrations do not know.
        StorageError: the table is not ours.
    """
    if not columns:
        return migrations
    if not {"version", "name", "applied_at"} <= columns:
        raise StorageError(
            "the database has a table schema_migrations that belongs to another program; "
            "name another database in [storage] url"
        )
    newest = migrations[-1].version
    if max(applied, default=0) > newest:
        raise SchemaTooNewError(
            f"the database has schema version {max(applied)}, this botmon_cog knows versions up to {newest}. "
            "A newer botmon_cog upgraded it: upgrade this one too, or name another database in [storage] url"
        )
    return [m for m in migrations if m.version not in applied]


def refuse_newer(db: sqlite3.Connection) -> None:
    """Raise what `pending` raises. Reads only."""
    pending(db, load_migrations("sqlite"))


def migrate(db: sqlite3.Connection, roll_up: Callable[[sqlite3.Connection], None]) -> list[Migration]:
    """Bring the database to the newest schema, or leave it as it is; returns what was applied.

    `roll_up` computes the roll-ups from all raw rows; it runs last, where a migration asks for it in its last line.
    """
    migrations = load_migrations("sqlite")
    if not pending(db, migrations):
        return []
    db.execute("BEGIN IMMEDIATE")
    try:
        waiting = pending(db, migrations)  # another process may have been faster
        for migration in waiting:
            db.execute(_CREATE)
            for statement in statements(migration.sql):
                _apply(db, statement)
            db.execute(
                "INSERT INTO schema_migrations (version, name) VALUES (?, ?)", (migration.version, migration.name)
            )
        if any(migration.asks_for_roll_up for migration in waiting):
            roll_up(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return waiting


def statements(script: str) -> Iterator[str]:
    """Split a script; `executescript` would commit the transaction that the migration needs."""
    statement = ""
    for line in script.splitlines(keepends=True):
        if not statement and (not line.strip() or line.startswith("--")):
            continue
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise StorageError(f"a migration ends in the middle of a statement: {statement.strip()[:60]}")


def _apply(db: sqlite3.Connection, statement: str) -> None:
    """Run one statement, and `ADD COLUMN IF NOT EXISTS`, which SQLite lacks."""
    if match := _ADD_COLUMN.match(statement):
        table, column, definition = match.groups()
        if column.lower() in _columns(db, table):
            return
        statement = f"ALTER TABLE {table} ADD COLUMN {column}{definition}"
    db.execute(statement)


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[0].lower() for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))}
