"""`forget`: what uninstalling leaves behind, shown, and removed when told to."""

from botmon_cog.cli.forget.command import run

__all__ = ["run"]
