"""Where the spool lies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from botmon_cog.clock import Clock
from botmon_cog.config import Config, StorageConfig
from botmon_cog.database_url import IN_MEMORY, is_postgres, sqlite_path
from botmon_cog.store.engine import Engine
from botmon_cog.store.queue.spool import Spool
from botmon_cog.store.sqlite.file import expanded

_MB = 1_000_000


def make_spool(engine: Engine, config: Config, clock: Clock, application_id: Callable[[], int | None]) -> Spool | None:
    """What waits on disk for a database; None where nothing may be left on disk."""
    if not config.storage.spool_max_mb or engine.description == IN_MEMORY:
        return None
    return Spool(
        lambda: spool_path(config.storage, application_id()),
        max_bytes=config.storage.spool_max_mb * _MB,
        clock=clock,
    )


def spool_path(settings: StorageConfig, application_id: int | None) -> Path:
    """Where rows wait that a database does not take: as configured, beside a file, or under `data/`.

    It names the bot: of a database that is away nobody can tell whose it is, and no bot may take another's rows.
    """
    if settings.spool:
        return expanded(settings.spool)
    if is_postgres(settings.url):
        digest = hashlib.sha256(f"{settings.url} {settings.postgres_schema}".encode()).hexdigest()[:8]
        path = Path("data") / f"botmon-{digest}.db"
    else:
        path = expanded(sqlite_path(settings.url))
    bot = "" if application_id is None else f"-{application_id}"
    return path.with_name(f"{path.stem}{bot}.spool{path.suffix}")
