"""Where the store is, for a host that names a database of its own."""

from __future__ import annotations

from pathlib import Path

from botmon_cog.database_url import IN_MEMORY, is_postgres, sqlite_path
from botmon_cog.errors import NotOursError
from botmon_cog.store.sqlite.file import expanded, inspect


def store_url(db: str | Path) -> str:
    """The URL of the store: the named database if it is ours or not there yet, else a file beside it.

    Raises:
        ConfigError: the URL names nothing that can be used.
        NotOursError: it is no file.
        StorageError: the file can't be read.
    """
    if is_postgres(str(db)):
        return str(db)
    name = sqlite_path(str(db))
    path = expanded(name)
    try:
        if name != IN_MEMORY:
            inspect(path)
    except NotOursError:
        if not path.is_file():
            raise
        return str(path.with_name(f"{path.stem}.botmon.db"))
    return name
