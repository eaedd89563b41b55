"""What the command line is called, and which version it is."""

from __future__ import annotations

import sys
from pathlib import PurePath

from botmon_cog.installed import DISTRIBUTION, installed_version

SCRIPT = "botmon"
TOKEN_VARIABLE = "DISCORD_TOKEN"  # noqa: S105 (a variable's name)
_SCRIPTS = (SCRIPT, DISTRIBUTION)
_MODULE = "python -m botmon_cog"


def program_name() -> str:
    """As the user called it, so that what a message tells them to run works: `botmon` or `python -m botmon_cog`."""
    called = PurePath(sys.argv[0])
    if called.name == "__main__.py":
        return _MODULE
    return called.stem if called.stem in _SCRIPTS else SCRIPT


def version() -> str:
    """The installed version; `unknown` if the package was copied here without being installed."""
    return installed_version() or "unknown"
