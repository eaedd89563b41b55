"""The terminal, as long as rich is there."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from botmon_cog.errors import MissingExtraError

if TYPE_CHECKING:
    from rich.console import Console

_MAX_COLUMNS = 100
"""Longer lines are hard to read, however wide the terminal is."""


def make_console(columns: int | None) -> Console:
    """A console on stdout; `columns` None means as wide as the terminal, within reason.

    Raises:
        MissingExtraError: rich is not installed.
    """
    if importlib.util.find_spec("rich") is None:
        raise MissingExtraError("drawing in a terminal", "cli")
    from rich.console import Console  # noqa: PLC0415 (an extra)

    console = Console(width=columns, highlight=False, emoji=False, markup=False)
    if columns is None:
        console.width = min(console.width, _MAX_COLUMNS)
    return console
