"""The stores that are named on the command line, opened with more patience than a bot has."""

from __future__ import annotations

from contextlib import closing
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from botmon_cog.config import Config
from botmon_cog.database_url import IN_MEMORY, is_postgres, sqlite_path
from botmon_cog.errors import ConfigError, StorageError
from botmon_cog.store.queue import spool_file
from botmon_cog.store.queue.spool_place import spool_path
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.sqlite.file import expanded
from botmon_cog.store.sqlite.readonly import ReadOnlySqlite

if TYPE_CHECKING:
    from botmon_cog.store.postgres.engine import PostgresEngine

_BUSY_S = 60.0
_STATEMENT_S = 3_600.0


def to_read(url: str, config: Config) -> ReadOnlySqlite | PostgresEngine:
    """A store that is only looked at: never made, upgraded or written.

    Raises:
        ConfigError: the URL names nothing that can be used.
        MissingExtraError: it names a server whose driver is not installed.
    """
    if is_postgres(url):
        return _postgres(url, config, is_read_only=True)
    return ReadOnlySqlite(_file(url), busy_timeout_s=_BUSY_S)


def to_write(url: str, config: Config, *, is_new: bool = False) -> SqliteEngine | PostgresEngine:
    """A store that is written to, and upgraded if its schema is older; a damaged file is left where it is.

    `is_new`: whether a file that is not there is made.

    Raises:
        ConfigError: the URL names nothing that can be used.
        MissingExtraError: it names a server whose driver is not installed.
        StorageError: there is no such file.
    """
    if is_postgres(url):
        return _postgres(url, config, is_read_only=False)
    file = _file(url)
    if not is_new and not expanded(file).exists():
        raise StorageError(f"there is no database {file}; a bot with the extension makes it when it starts")
    return SqliteEngine(file, busy_timeout_s=_BUSY_S, is_healing=False)


def waiting(url: str, config: Config) -> spool_file.Totals | None:
    """What waits on disk for a store, of whichever bot; None if there is no spool.

    Raises:
        StorageError: there is one that can't be read.
        SpoolError: likewise.
    """
    found: list[spool_file.Totals] = []
    for spool in spools(url, config):
        db = spool_file.connect(spool, makes_file=False)
        if db is not None:
            with closing(db):
                found.append(spool_file.totals(db))
    if not found:
        return None
    return spool_file.Totals(sum(each.rows for each in found), sum(each.size_bytes for each in found))


def spools(url: str, config: Config) -> list[Path]:
    """Where rows may wait on disk for a store, of whichever bot."""
    settings = config.storage
    if url != settings.url:  # a configured spool is that of the configured database
        settings = msgspec.structs.replace(settings, url=url, spool="")
    path = spool_path(settings, None)
    bots = path.parent.glob(f"{escape(path.name.removesuffix(f'.spool{path.suffix}'))}-*.spool{escape(path.suffix)}")
    return [path, *([] if settings.spool else sorted(bots))]


def _file(url: str) -> str:
    path = sqlite_path(url)
    if path == IN_MEMORY:
        raise ConfigError("the configuration", "storage.url", "a database in memory is always empty here")
    return path


def _postgres(url: str, config: Config, *, is_read_only: bool) -> PostgresEngine:
    from botmon_cog.store.postgres.engine import PostgresEngine  # noqa: PLC0415 (an extra)

    settings = config.storage
    return PostgresEngine(
        url,
        schema=settings.postgres_schema,
        connect_timeout_s=settings.connect_timeout_s,
        command_timeout_s=max(_STATEMENT_S, settings.command_timeout_s),
        busy_timeout_s=max(_BUSY_S, settings.busy_timeout_s),
        is_read_only=is_read_only,
    )
