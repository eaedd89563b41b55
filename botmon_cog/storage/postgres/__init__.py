"""The engine for several machines."""

from __future__ import annotations

from botmon_cog.storage.postgres.engine import PostgresStorage

__all__ = ["PostgresStorage"]
