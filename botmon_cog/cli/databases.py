"""The databases that are named on the command line, opened with more patience than a bot has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from botmon_cog.config import Config
from botmon_cog.database_url import IN_MEMORY, is_postgres, sqlite_path
from botmon_cog.errors import ConfigError, StorageError
from botmon_cog.storage.sqlite import SqliteStorage
from botmon_cog.storage.sqlite.readonly import ReadOnlyStorage

if TYPE_CHECKING:
    from botmon_cog.storage.postgres import PostgresStorage

    AnyStorage = SqliteStorage | PostgresStorage

_BUSY_S = 60.0
_STATEMENT_S = 3_600.0


def to_read(url: str, config: Config, *, is_upgraded: bool) -> AnyStorage:
    """A database that is only looked at.

    `is_upgraded`: whether an older SQLite file is upgraded in memory, in a copy; else, and on PostgreSQL, it is read as
    it is.

    Raises:
        ConfigError: the URL names nothing that can be used.
        MissingExtraError: it names a server whose driver is not installed.
    """
    if is_postgres(url):
        return _postgres(url, config, is_read_only=True)
    return ReadOnlyStorage(Path(_file(url)), instance=config.instance, busy_timeout_s=_BUSY_S, is_upgraded=is_upgraded)


def to_write(url: str, config: Config, *, is_new: bool) -> AnyStorage:
    """A database that is written to, upgraded where its schema is older; a damaged file is left where it is.

    `is_new`: whether a file that is not there is made.

    Raises:
        ConfigError: the URL names nothing that can be used.
        MissingExtraError: it names a server whose driver is not installed.
        StorageError: there is no such file.
    """
    if is_postgres(url):
        return _postgres(url, config, is_read_only=False)
    file = _file(url)
    if not is_new and not Path(file).is_file():
        raise StorageError(f"there is no database {file}; a bot with the extension makes it when it starts")
    return SqliteStorage(file, instance=config.instance, busy_timeout_s=_BUSY_S, is_healing=False)


def _file(url: str) -> str:
    path = sqlite_path(url)
    if path == IN_MEMORY:
        raise ConfigError("the configuration", "storage.url", "a database in memory is always empty here")
    return path


def _postgres(url: str, config: Config, *, is_read_only: bool) -> PostgresStorage:
    from botmon_cog.storage.postgres import PostgresStorage  # noqa: PLC0415 (an extra)

    settings = config.storage
    return PostgresStorage(
        url,
        instance=config.instance,
        schema=settings.postgres_schema,
        connect_timeout_s=settings.connect_timeout_s,
        command_timeout_s=max(_STATEMENT_S, settings.command_timeout_s),
        busy_timeout_s=max(_BUSY_S, settings.busy_timeout_s),
        is_read_only=is_read_only,
    )
