"""The engine for several machines."""

from __future__ import annotations

from botmon_cog.store.postgres.engine import PostgresEngine

__all__ = ["PostgresEngine"]
