"""An embed as a terminal shows it. Pure: the embed and the time go in, something that rich prints comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.box import Box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from botmon_cog.cli.markdown import render

Embed = Mapping[str, Any]
"""As Discord's JSON has it; `discord.Embed.to_dict()` makes one."""

MOST_PER_ROW = 3
"""Discord's own."""
COLUMNS_PER_FIELD = 20

_BAR = Box("▌   \n" * 8)
_ASCII_BAR = Box("|   \n" * 8, ascii=True)
_NO_COLOUR = 0x4F545C


def panel(embed: Embed, now: datetime, *, columns: int = 80, ascii_only: bool = False) -> Panel:
    """The embed behind its colour bar, as Discord draws it, for a terminal of so many columns."""
    return Panel(
        Group(*_spaced(_parts(embed, now, columns))),
        box=_ASCII_BAR if ascii_only else _BAR,
        border_style=f"#{embed.get('color') or _NO_COLOUR:06x}",
        padding=(0, 1),
        safe_box=False,
    )


def print_embed(console: Console, embed: Embed, now: datetime) -> None:
    console.print(panel(embed, now, columns=console.width, ascii_only=console.options.ascii_only))


def _spaced(parts: Iterator[RenderableType]) -> Iterator[RenderableType]:
    """An empty line between two parts."""
    for index, part in enumerate(parts):
        if index:
            yield Text()
        yield part


def _parts(embed: Embed, now: datetime, columns: int) -> Iterator[RenderableType]:
    head = [render(embed[key], now) for key in ("title", "description") if embed.get(key)]
    if head:
        if embed.get("title"):
            head[0].stylize("bold")
        yield Group(*head)
    per_row = max(1, min(MOST_PER_ROW, columns // COLUMNS_PER_FIELD))
    for row in rows_of(embed.get("fields", []), per_row):
        yield _row(row, now)
    footer = embed.get("footer", {}).get("text")
    if footer:
        yield Text(footer, "dim")


def rows_of(fields: Sequence[Embed], per_row: int) -> list[list[Embed]]:
    """Inline fields that follow each other share a row, at most so many; any other has its own."""
    rows: list[list[Embed]] = []
    for field in fields:
        is_open = bool(rows) and len(rows[-1]) < per_row and rows[-1][-1].get("inline", False)
        if field.get("inline") and is_open:
            rows[-1].append(field)
        else:
            rows.append([field])
    return rows


def _row(fields: Sequence[Embed], now: datetime) -> RenderableType:
    if len(fields) == 1:
        return _field(fields[0], now)
    grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
    for _ in fields:
        grid.add_column(ratio=1)
    grid.add_row(*(_field(field, now) for field in fields))
    return grid


def _field(field: Embed, now: datetime) -> RenderableType:
    name = render(field["name"], now)
    name.stylize("bold")
    return Group(name, render(field["value"], now))
