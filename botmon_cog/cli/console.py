"""The terminal."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import msgspec
from rich.console import Console

_MAX_COLUMNS = 100
"""Longer lines are hard to read, however wide the terminal is."""


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Let the error through to `main`, which says so; rich would end the process here, without a word."""
        raise  # noqa: PLE0704 (rich calls it while it handles the BrokenPipeError)


def make_console(columns: int | None) -> Console:
    """A console on stdout; `columns` None means as wide as the terminal, within reason."""
    console = _Console(width=columns, highlight=False, emoji=False, markup=False)
    if columns is None:
        console.width = min(console.width, _MAX_COLUMNS)
    return console


def print_json(value: Any, *, is_line: bool = False) -> None:
    """One JSON document and nothing else; `is_line` keeps it on one line, for outputs of several."""
    encoded = msgspec.json.encode(value)
    sys.stdout.write((encoded if is_line else msgspec.json.format(encoded, indent=2)).decode() + "\n")
    sys.stdout.flush()
