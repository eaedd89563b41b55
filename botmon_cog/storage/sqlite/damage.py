"""A damaged database file: how it is recognised, and that it is kept."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from botmon_cog.errors import StorageError

Identity = tuple[int, int]
"""Device and inode of a file."""

_SUFFIXES = ("-wal", "-shm", "")
"""The file itself comes last: whoever finds it gone begins a new one, with helpers that are not to be renamed."""
_PRIMARY = 0xFF
"""SQLite's extended error codes have the primary one in their last byte."""


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite said that the file is malformed, or no database."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def identity(path: str) -> Identity | None:
    """Which file is there; None where there is none."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    return found.st_dev, found.st_ino


def set_aside(path: str, damaged: Identity | None, now: datetime) -> Path | None:
    """Rename a database file and what belongs to it. No connection of ours may be open.

    Args:
        path: where the file is.
        damaged: the file's `identity` when it was found damaged.
        now: for its new name.

    Returns:
        Its new name; None where another one is there by now, because another process was faster.

    Raises:
        StorageError: it can't be renamed.
    """
    if damaged is None or identity(path) != damaged:
        return None
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
