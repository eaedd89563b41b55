"""A damaged database file: how it is recognised, and that it is kept."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from botmon_cog.errors import StorageError

_SUFFIXES = ("", "-wal", "-shm")
_PRIMARY = 0xFF
"""SQLite's extended error codes have the primary one in their last byte."""


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite said that the file is malformed, or no database."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def set_aside(path: str, now: datetime) -> Path:
    """Rename a database file and what belongs to it; returns its new name. No connection of ours may be open.

    Raises:
        StorageError: it can't be renamed.
    """
    kept = Path(f"{path}.damaged-{now:%Y%m%dT%H%M%SZ}")
    n = 1
    while kept.exists():
        n += 1
        kept = kept.with_name(f"{kept.name.split('~')[0]}~{n}")
    try:
        for suffix in _SUFFIXES:
            with suppress(FileNotFoundError):
                Path(path + suffix).rename(f"{kept}{suffix}")
    except OSError as error:
        raise StorageError(f"the damaged database {path} can't be set aside: {error}") from error
    return kept
