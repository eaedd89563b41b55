"""The terminal."""

from __future__ import annotations

from rich.console import Console

_MAX_COLUMNS = 100
"""Longer lines are hard to read, however wide the terminal is."""


def make_console(columns: int | None) -> Console:
    """A console on stdout; `columns` None means as wide as the terminal, within reason."""
    console = Console(width=columns, highlight=False, emoji=False, markup=False)
    if columns is None:
        console.width = min(console.width, _MAX_COLUMNS)
    return console
