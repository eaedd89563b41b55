"""The host's own database: what was given, what is read from it, and what is mirrored into it."""

from botmon_cog.host.file import has_original_tables
from botmon_cog.host.given import Given, given, store_beside
from botmon_cog.host.sync import HostSync

__all__ = ["Given", "HostSync", "given", "has_original_tables", "store_beside"]
