"""Numbered SQL files, which make and upgrade the tables of a store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from botmon_cog.errors import SchemaTooNewError, StorageError


class Migration(NamedTuple):
    """One file. An engine applies it and notes its version in the same transaction."""

    version: int
    name: str
    sql: str


def load_migrations(engine_name: str) -> list[Migration]:
    """The migrations of an engine (`sqlite` or `postgres`), oldest first.

    They are in the installed package, else in the source tree.
    """
    packaged = resources.files("botmon_cog") / "_migrations" / engine_name
    folder = packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "migrations" / engine_name
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    if not files:
        raise StorageError(f"this installation lacks its migrations for {engine_name}; reinstall botmon-cog")
    return [Migration(int(f.name.split("_")[0]), f.name, f.read_text(encoding="utf-8")) for f in files]


def pending(migrations: Sequence[Migration], version: int) -> list[Migration]:
    """What is yet to be applied to a store of that version; 0 is an empty one.

    Raises:
        SchemaTooNewError: these migrations do not know the version.
    """
    newest = migrations[-1].version
    if version > newest:
        raise SchemaTooNewError(
            f"the database has schema version {version}, this botmon_cog knows versions up to {newest}. "
            "A newer botmon_cog upgraded it: upgrade this one too, or name another database in [storage] url"
        )
    return [migration for migration in migrations if migration.version > version]


def statements(script: str) -> Iterator[str]:
    """Split a script into its statements: `executescript` would commit the transaction that a migration needs."""
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
