"""The figures as a table, and the machine that they are from."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Mapping
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


def table(summary: Mapping[str, Mapping[str, float]], missing: list[str]) -> str:
    """One aligned row per variant; a column without a figure shows a dash."""
    rows = [["per slash command", *(title for _, title, _ in _COLUMNS)]]
    rows += [[TITLES[variant], *_cells(own)] for variant, own in summary.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    return "\n".join([*lines, *(f"{TITLES[variant]}: not installed" for variant in missing)])


def _cells(own: Mapping[str, float]) -> list[str]:
    return [format(own[key], how) if key in own else "-" for key, _, how in _COLUMNS]
