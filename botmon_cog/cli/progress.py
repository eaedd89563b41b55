"""A bar that shows how far something is, on a terminal and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_BAR_COLUMNS = 24


@contextmanager
def progress(console: Console | None, doing: str, total: int | None) -> Generator[Callable[[int], None], None, None]:
    """Show that something is being done; what comes out is called with how much more of it is done.

    Args:
        console: None shows nothing.
        doing: what is done, such as `checking`.
        total: of what is to be done; None if unknown.
    """
    if console is None or not console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    counting = () if total is None else (MofNCompleteColumn(), TimeRemainingColumn())
    columns = TextColumn("{task.description}"), BarColumn(bar_width=_BAR_COLUMNS), *counting
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(doing, total=total)
        yield lambda n: bars.advance(bar, n)
