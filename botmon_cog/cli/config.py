"""`config`: the configuration file with every setting, as it comes with the package."""

from __future__ import annotations

import argparse
import sys
from importlib import resources
from pathlib import Path

from botmon_cog.errors import BotMonError

_PACKAGED = "_config.example.toml"
_IN_SOURCES = "config.example.toml"


def run(_: argparse.Namespace) -> int:
    """Print it; returns 0.

    Raises:
        BotMonError: this installation lacks the file.
    """
    sys.stdout.write(example())
    return 0


def example() -> str:
    """The file's text, from the installed package, else from the source tree.

    Raises:
        BotMonError: this installation lacks it.
    """
    packaged = resources.files("botmon_cog") / _PACKAGED
    file = packaged if packaged.is_file() else Path(__file__).parents[2] / _IN_SOURCES
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BotMonError("this installation lacks its example configuration; reinstall botmon-cog") from error
