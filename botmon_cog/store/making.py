"""From the configuration to the engine that it names."""

from __future__ import annotations

from collections.abc import Callable

from botmon_cog.clock import Clock
from botmon_cog.config import Config, StorageConfig
from botmon_cog.database_url import is_postgres, sqlite_path
from botmon_cog.store.engine import Engine
from botmon_cog.store.sqlite.engine import SqliteEngine


def nobody() -> int | None:
    """The application's id where there is none."""
    return None


def make_engine(config: Config, clock: Clock, application_id: Callable[[], int | None] = nobody) -> Engine:
    """The configured database, not opened yet.

    Raises:
        ConfigError: the URL names nothing that can be used.
        MissingExtraError: it names a server whose driver is not installed.
    """
    settings = config.storage
    if is_postgres(settings.url):
        from botmon_cog.store.postgres.engine import PostgresEngine  # noqa: PLC0415 (an extra)

        return PostgresEngine(
            settings.url,
            schema=settings.postgres_schema,
            connect_timeout_s=settings.connect_timeout_s,
            command_timeout_s=settings.command_timeout_s,
            busy_timeout_s=settings.busy_timeout_s,
            application_id=application_id,
        )
    return SqliteEngine(
        sqlite_path(settings.url),
        application_id=application_id,
        may_move=settings.url == StorageConfig().url,
        busy_timeout_s=settings.busy_timeout_s,
        clock=clock,
    )
