"""The embedded engine."""

from __future__ import annotations

from botmon_cog.storage.sqlite.engine import SqliteStorage

__all__ = ["SqliteStorage"]
