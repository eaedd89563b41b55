"""The figures as a table, and the machine that they are from."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import discord
from _variants import TITLES

_COLUMNS = (
    ("cpu_us", "CPU µs", ".0f"),
    ("cpu_ratio", "x bare", ".2f"),
    ("loop_us", "loop µs", ".0f"),
    ("loop_ratio", "x bare", ".2f"),
    ("callback_p50_us", "to callback p50 µs", ".0f"),
    ("callback_p99_us", "p99 µs", ".0f"),
)


def machine() -> str:
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}, {platform.system()}), "
        f"Python {platform.python_version()}, discord.py {discord.__version__}, SQLite {sqlite3.sqlite_version}"
    )


def table(summary: Mapping[str, Mapping[str, float]], missing: Mapping[str, str]) -> str:
    """One row per variant, and why others are missing."""
    rows = [["per slash command", *(title for _, title, _ in _COLUMNS)]]
    rows += [[TITLES[variant], *_cells(own)] for variant, own in summary.items()]
    return "\n".join([aligned(rows), *(f"{TITLES[variant]}: {why}" for variant, why in missing.items())])


def aligned(rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """Rows as lines; the first `texts` columns are words, the others numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if position < texts else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _cells(own: Mapping[str, float]) -> list[str]:
    return [format(own[key], how) if key in own else "-" for key, _, how in _COLUMNS]
