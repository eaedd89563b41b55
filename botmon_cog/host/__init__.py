"""The host's own database, beside which the store lies."""

from botmon_cog.host.location import store_url

__all__ = ["store_url"]
